"""Errors of tasks: how they are written into a record, and rebuilt where the result is asked for.

Only types that are known here are rebuilt: Python's own, ours, and those that the backend of the object names (see
:class:`~omega_domain.ports.backend.SupportsErrors`). Nothing is imported because a record says so.
"""

from __future__ import annotations

import builtins
import traceback
from collections.abc import Mapping
from typing import Any

from omega_domain import errors
from omega_domain.backends.registry import BackendRegistry
from omega_domain.documents.codec import JsonCodec
from omega_domain.errors import CodecError, OmegaError, TaskFailedError
from omega_domain.ports.backend import SupportsErrors

_FILE_ERROR_ARGS = 2


def error_to_plain(error: BaseException, codec: JsonCodec, *, kind: str | None = None) -> dict[str, Any]:
    """Return an error as it is kept in a record.

    Args:
        error: what a task raised.
        codec: writes the arguments of the error, if it can.
        kind: kind of the object that the task was about.
    """
    return {
        "type": _name(type(error)),
        "message": str(error),
        "args": _args_to_text(error, codec),
        "notes": list(getattr(error, "__notes__", ())),
        "traceback": "".join(traceback.format_exception(error)),
        "kind": kind,
    }


def error_from_plain(plain: Mapping[str, Any], codec: JsonCodec, registry: BackendRegistry) -> Exception:
    """Return an error of the same type if that is known here, else a TaskFailedError; with the worker's traceback."""
    error = _rebuild(plain, codec, registry)
    if error is None:
        error = TaskFailedError(f"{plain['type'].rpartition('.')[2]}: {plain['message']}")
    for note in plain["notes"]:
        error.add_note(note)
    error.add_note(f"Traceback of the worker:\n{plain['traceback']}")
    return error


def _rebuild(plain: Mapping[str, Any], codec: JsonCodec, registry: BackendRegistry) -> Exception | None:
    type_ = _known_type(plain["type"], plain["kind"], registry)
    if type_ is None:
        return None
    try:
        args = [plain["message"]] if plain["args"] is None else codec.loads(plain["args"])
        return type_(*args)
    except Exception:  # noqa: BLE001 -- whatever its constructor wants; then the message has to do
        return None


def _known_type(name: str, kind: str | None, registry: BackendRegistry) -> type[Exception] | None:
    module, _, type_name = name.rpartition(".")
    for known, root in ((builtins, Exception), (errors, OmegaError)):
        found = getattr(known, type_name, None) if module == known.__name__ else None
        if isinstance(found, type) and issubclass(found, root):
            return found
    if kind is not None and kind in registry.kinds and issubclass(backend := registry.by_kind(kind), SupportsErrors):
        return next((type_ for type_ in backend.error_types() if _name(type_) == name), None)
    return None


def _args_to_text(error: BaseException, codec: JsonCodec) -> str | None:
    args = list(error.args)
    if isinstance(error, OSError) and len(args) == _FILE_ERROR_ARGS and error.filename is not None:
        args.append(error.filename)
    try:
        return codec.dumps(args)
    except (CodecError, ValueError, RecursionError):
        return None


def _name(type_: type) -> str:
    return f"{type_.__module__}.{type_.__qualname__}"
