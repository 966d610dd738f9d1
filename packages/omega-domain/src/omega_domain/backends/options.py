"""Options of backends: which a backend takes, and how the grammar of names and filters become options of ``get``."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from omega_domain.entities.names import ObjectRef
from omega_domain.entities.query import Q, all_of
from omega_domain.errors import UnsupportedOptionError
from omega_domain.ports.backend import DataBackend

DEFAULT_CHUNK = 10_000


def known(cls: type, method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the given options that a method of a backend takes."""
    parameters = inspect.signature(getattr(cls, method)).parameters
    takes_all = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    return {name: value for name, value in given.items() if takes_all or name in parameters}


def refuse_unknown(
    cls: type[DataBackend], method: str, given: Mapping[str, Any], name: str, *, must_name: set[str] | None = None
) -> None:
    """Raise if a method of a backend does not take an option; those in ``must_name`` count only if it names them."""
    accepted = known(cls, method, given)
    named = inspect.signature(getattr(cls, method)).parameters
    unknown = [
        option for option in given if option not in accepted or (option in (must_name or ()) and option not in named)
    ]
    if unknown:
        options = [p for p in named if p not in {"self", "obj", "name", "attributes", "kwargs", "options"}]
        raise UnsupportedOptionError(
            f"{', '.join(map(repr, unknown))} can not be used to {method} {name!r}: the kind "
            f"{cls.KIND or cls.__name__!r} takes {', '.join(options) or 'no options'}"
        )


def get_options(cls: type[DataBackend], ref: ObjectRef, options: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the grammar of the name and filters by keyword into options of the backend's ``get``."""
    given = dict(options)
    if ref.columns is not None:
        given |= {"columns": ref.columns} | ({"excluding": True} if ref.excluding else {})
    if ref.part is not None and ref.part.name == "rows":
        given["rows"] = (ref.part.options.get("start", 0), ref.part.options.get("end"))
    elif ref.part is not None:
        given["chunksize"] = ref.part.options.get("chunksize", DEFAULT_CHUNK)
    parameters = inspect.signature(cls.get).parameters
    if "filter" in parameters:
        conditions = {name: given.pop(name) for name in list(given) if name not in parameters}
        filters = [q for q in (given.pop("filter", None), Q(**conditions) if conditions else None) if q is not None]
        if filters:
            given["filter"] = all_of(filters)
    must_name = {"columns", "excluding", "rows", "chunksize"}
    refuse_unknown(cls, "get", given, ref.name, must_name=must_name & set(given))
    return given
