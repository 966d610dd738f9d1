"""The JSON of a command: what its result is in plain types, and which fields have no place in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any, Final

_ASIDE: Final = "omega.aside"
#: Metadata of the field of a dataclass that is in no JSON: a stream, or a fact for who prints the result.
ASIDE: Final = {_ASIDE: True}


class Omitted(Enum):
    """Says of a field that it was not asked for."""

    OMITTED = "omitted"


#: The value of a field that was not asked for; the JSON leaves it out.
OMITTED: Final = Omitted.OMITTED


def to_plain(value: Any) -> Any:
    """Return a result in plain JSON types.

    Dataclasses become objects, frames arrays of records, arrays lists, times text, NaN null, and the durations of
    results seconds.
    """
    if value is None or isinstance(value, str | bool | int | float):
        return None if isinstance(value, float) and not math.isfinite(value) else value
    if isinstance(value, Mapping):
        return {str(key): to_plain(item) for key, item in value.items()}
    if isinstance(value, date):
        return None if value != value else value.isoformat()  # noqa: PLR0124 -- NaT is a datetime that equals nothing
    if isinstance(value, list | tuple | set | frozenset):
        return [to_plain(item) for item in value]
    return _plain_object(value)


def json_fields(cls: Any) -> dict[str, Field[Any]]:
    """Return the fields of a dataclass that are in its JSON, by their names there, in their order.

    The underscore that tells a field from a word of Python is not in the name: ``from_`` is ``from``.
    """
    return {each.name.removesuffix("_"): each for each in fields(cls) if _ASIDE not in each.metadata}


def _of_field(value: Any) -> Any:
    # Only here: durations within stored objects are text, as they always were.
    return value.total_seconds() if isinstance(value, timedelta) else to_plain(value)


def _plain_object(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        found = {name: getattr(value, each.name) for name, each in json_fields(type(value)).items()}
        return {name: _of_field(item) for name, item in found.items() if item is not OMITTED}
    if hasattr(value, "to_plain"):
        return to_plain(value.to_plain())
    if hasattr(value, "columns") and hasattr(value, "to_dict"):
        return to_plain(value.to_dict("records"))
    if hasattr(value, "tolist"):
        return to_plain(value.tolist())
    return str(value)
