"""Documents as lines of JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omega_domain.documents import clean
from omega_domain.documents.typed_json import dumps, loads
from omega_domain.errors import ArchiveError, OmegaError
from omega_domain.ports.store import Document


def to_line(document: Document, where: str) -> bytes:
    """Return a document as a line. Raises ArchiveError if it holds what only its own store can keep."""
    try:
        return dumps(document).encode() + b"\n"
    except ValueError as error:
        raise ArchiveError(
            f"a document of {where} can not be kept in an archive: {error}; write it with plain types (text, numbers, "
            "bytes, times, lists, dicts)"
        ) from error


def from_lines(chunks: Iterable[bytes], where: str) -> Iterator[Document]:
    """Iterate over the documents of a file, as :func:`to_line` has written them. Raises ArchiveError."""
    for line in _split(chunks):
        try:
            yield clean(loads(line.decode()))
        except (OmegaError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
            raise ArchiveError(f"{where} holds a line that is no document: {error}; get the archive again") from error


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest
