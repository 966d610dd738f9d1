"""Documents as JSON text, as SQL databases and archives keep them.

Bytes, times and the floats that JSON lacks are ``{"$b"|"$d"|"$f": text}``. Fields that start with ``$`` get one more,
so that a document can never be taken for such a leaf.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from operator import methodcaller
from typing import Any, Final

from omega_domain.documents.values import Document
from omega_domain.entities.leaves import LEAVES, Leaf, is_plain

BYTES: Final = "$b"
TIME: Final = "$d"
FLOAT: Final = "$f"
_MARK: Final = '"$'
_AS_IS: Final = frozenset({str, int, bool, type(None)})


class _Encoder(json.JSONEncoder):
    """Writes leaves, and counts them."""

    def __init__(self) -> None:
        super().__init__(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        self.leaves = 0

    def default(self, o: object) -> dict[str, str]:
        """Return the form of a value that JSON lacks. Raises ValueError if there is none."""
        if not isinstance(o, datetime | bytes):
            raise ValueError(f"a value of type {type(o).__name__}")  # noqa: TRY004 -- as for a float that JSON lacks
        self.leaves += 1
        leaf: dict[str, str] = _plain(o)
        return leaf


def dumps(value: Any) -> str:
    """Return the text of a cleaned document, or of a value of one. Raises ValueError if it holds any other type."""
    encoder = _Encoder()
    try:
        text = encoder.encode(value)
    except ValueError:
        return _Encoder().encode(_plain(value))
    # a mark that is of no leaf may be of a field that starts with it
    return text if text.count(_MARK) == encoder.leaves else _Encoder().encode(_plain(value))


def loads(text: str) -> Document:
    """Rebuild a document from :func:`dumps`."""
    document: Document = json.loads(text, object_hook=_typed) if _MARK in text else json.loads(text)
    return document


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"${name}" if name.startswith("$") else name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return value if is_plain(value) else [_plain(item) for item in value]
    if type(value) in _AS_IS or (isinstance(value, float) and math.isfinite(value)):
        return value
    return next(({tag: leaf.encode(value)} for tag, leaf in _LEAVES.items() if isinstance(value, leaf.type)), value)


def _typed(plain: dict[str, Any]) -> Any:
    if len(plain) == 1:
        (name, text), *_ = plain.items()
        if name in _LEAVES:
            return _LEAVES[name].decode(text)
    return {name.removeprefix("$"): item for name, item in plain.items()}


_LEAVES: Final[Mapping[str, Leaf]] = {
    BYTES: LEAVES[bytes],
    TIME: replace(LEAVES[datetime], encode=methodcaller("isoformat", timespec="milliseconds")),  # text sorts as time
    FLOAT: LEAVES[float],
}
