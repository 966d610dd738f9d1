"""Parameters by which a model reads, writes or unpickles files: formats that hold no code hold none of these.

skops sees to the types of what it builds, and not to their parameters. ``memory`` of a pipeline names a folder from
which joblib unpickles, and ``input="filename"`` of a vectorizer reads the files that the data name.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from omega_backends.models.arguments import INPUT, MEMORY, OF_FILES

_CONTENT: Final = "content"
_LEAVES: Final = (str, bytes, bool, int, float, complex, type(None), np.generic)
_NUMBERS: Final = (bool, int, float, np.number)
_FILES: Final = "it is a path or an open file"


def named_files(model: object) -> Iterator[str]:
    """Iterate over the parameters in a model that have to do with files: where each is, and what it does.

    Everything in the model is looked at: nested estimators and their attributes, lists, dicts such as the grid of a
    search, and arrays of objects.
    """
    waiting: list[tuple[str, Any]] = [(type(model).__name__, model)]
    seen: dict[int, Any] = {}  # keeps what it has seen, so that no id is used twice
    while waiting:
        where, value = waiting.pop()
        if _is_file(value):
            yield f"{where}: {_FILES}"
        elif not isinstance(value, _LEAVES) and id(value) not in seen:
            seen[id(value)] = value
            yield from _doubts(where, value)
            waiting += _inside(where, value)


def _doubts(where: str, value: Any) -> Iterator[str]:
    words = value.items() if isinstance(value, Mapping) else ()
    named = [(str(name), item, False) for name, item in words if not isinstance(item, _NUMBERS)]  # a vocabulary is long
    named += [(name, item, True) for name, item in _attributes(value)]
    for name, item, is_attribute in named:
        if why := _doubt(name.rpartition("__")[2], item, is_attribute=is_attribute):
            yield f"{where}.{name}: {why}"


def _doubt(name: str, value: Any, *, is_attribute: bool) -> str:
    """Return what a parameter does with files; nothing if it does nothing. In a dict, words and weights are data."""
    texts = list(_texts(value))
    if name == MEMORY and value is not None and (texts or is_attribute or _has_caches(value)):
        return "what is kept in a folder is code that nobody has signed"
    if name == INPUT and any(text != _CONTENT for text in texts) and (is_attribute or {"file", "filename"} & {*texts}):
        return "it reads the files that the data name"
    return "it names a file or a folder" if texts and OF_FILES.search(name) else ""


def _inside(where: str, value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"{where}[{key!r}]", item) for key, item in value.items() if not isinstance(item, _LEAVES))
    elif items := _items(value):
        yield from ((f"{where}[{i}]", item) for i, item in enumerate(items) if not isinstance(item, _LEAVES))
    yield from ((f"{where}.{name}", item) for name, item in _attributes(value))


def _attributes(value: Any) -> Iterator[tuple[str, Any]]:
    """Iterate over what is set on an object itself; types and modules are no part of a model."""
    if not isinstance(value, type):
        yield from getattr(value, "__dict__", {}).items()
        slots = (name for kind in type(value).__mro__ for name in _listed(kind.__dict__.get("__slots__", ())))
        yield from ((name, getattr(value, name)) for name in slots if hasattr(value, name))
        yield from ((name, getattr(value, name)) for name in ("func", "args", "keywords") if hasattr(value, name))


def _listed(slots: Any) -> Iterable[str]:
    return (slots,) if isinstance(slots, str) else slots


def _items(value: Any) -> list[Any]:
    """Return what a list, a set, or an array holds."""
    if isinstance(value, np.ndarray):
        return list(value.ravel()) if value.dtype.kind in "OUS" else []
    return list(value) if isinstance(value, list | tuple | set | frozenset) else []


def _texts(value: Any) -> Iterator[str]:
    """Iterate over the text that is a value, or in a list, an array or a dict of values."""
    waiting, seen = [value], set()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str | bytes):
            yield item if isinstance(item, str) else os.fsdecode(item)
        elif id(item) not in seen:
            seen.add(id(item))
            waiting += [*item.values()] if isinstance(item, Mapping) else _items(item)


def _has_caches(value: Any) -> bool:
    """Tell whether anything that is listed as a value of ``memory`` keeps results, as joblib.Memory does."""
    return any(hasattr(item, "cache") for item in [value, *_items(value)])


def _is_file(value: Any) -> bool:
    return isinstance(value, os.PathLike) or (hasattr(value, "read") and hasattr(value, "close"))
