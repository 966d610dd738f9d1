"""Documents as lines of JSON: what JSON lacks is kept as ``{"$b"|"$d"|"$f": text}``.

Fields that start with ``$`` get one more, so that a document can never be taken for such a leaf.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from omega_domain.documents import clean
from omega_domain.entities.version import canonical_json
from omega_domain.errors import ArchiveError, OmegaError, UnsupportedObjectError
from omega_domain.ports.store import Document

BYTES, TIME, FLOAT = "$b", "$d", "$f"


def to_line(document: Document, where: str) -> bytes:
    """Return a document as a line. Raises ArchiveError if it holds what only its own store can keep."""
    try:
        return canonical_json(_plain(document)).encode() + b"\n"
    except (TypeError, ValueError) as error:
        raise ArchiveError(
            f"a document of {where} can not be kept in an archive: {error}; write it with plain types (text, numbers, "
            "bytes, times, lists, dicts)"
        ) from error


def from_lines(chunks: Iterable[bytes], where: str) -> Iterator[Document]:
    """Iterate over the documents of a file, as :func:`to_line` has written them. Raises ArchiveError."""
    for line in _split(chunks):
        try:
            yield clean(json.loads(line, object_hook=_typed))
        except (OmegaError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise ArchiveError(f"{where} holds a line that is no document: {error}; get the archive again") from error


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"${name}" if name.startswith("$") else name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {FLOAT: repr(value)}
    if isinstance(value, bytes):
        return {BYTES: b64encode(value).decode("ascii")}
    if isinstance(value, datetime):
        return {TIME: value.isoformat()}
    if value is None or isinstance(value, str | int | float):
        return value
    raise UnsupportedObjectError(f"a value of type {type(value).__name__}")


def _typed(plain: dict[str, Any]) -> Any:
    if len(plain) == 1:
        (name, text), *_ = plain.items()
        if name in _LEAVES:
            return _LEAVES[name](text)
    return {name.removeprefix("$"): item for name, item in plain.items()}


_LEAVES: Final[Mapping[str, Callable[[str], Any]]] = {BYTES: b64decode, TIME: datetime.fromisoformat, FLOAT: float}
