"""Writing archives: streamed into a temporary file beside the target, which gets its name when it is complete."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from omega_domain.archives.format import (
    END,
    INDEX,
    SIGNATURE,
    blob_name,
    documents_name,
    header,
    padding,
    seal,
)
from omega_domain.archives.gathering import Gathered
from omega_domain.entities.archive import Entry, Index
from omega_domain.errors import ArchiveError, OmegaError

if TYPE_CHECKING:
    from omega_domain.entities.delivery import Delivery
    from omega_domain.repository.context import Context

#: How the name of a file ends that is being written.
PART = ".part"


def write_archive(context: Context, entries: Sequence[Entry], path: Path, *, delivery: Delivery | None = None) -> Index:
    """Write an archive of these objects, signed; return its index. What was at the path is replaced.

    Args:
        context: where the objects are; who signs.
        entries: the objects.
        path: the file.
        delivery: what is wanted of who receives it, if it is a delivery.

    Raises:
        ArchiveError: it can not be written, or something of the objects is missing.
    """
    with new_file(path) as file, closing(Gathered(context, path.parent)) as gathered:
        index = gathered.index(entries, "archive")
        if delivery is not None:
            index = replace(index, form="delivery", delivery=delivery)
        mtime = write_index(context, index, file)
        for sha256, size in index.blobs.items():
            _write(file, header(blob_name(sha256), size, mtime), gathered.blob(sha256), padding(size))
        for sha256, size in index.documents.items():
            _write(file, header(documents_name(sha256), size, mtime), gathered.documents(sha256), padding(size))
        file.write(END)
    return index


def write_index(context: Context, index: Index, file: IO[bytes]) -> int:
    """Write index and signature; return the time that all headers have."""
    text, mtime = index.to_text(), int(index.time.timestamp())
    for name, content in ((INDEX, text.encode()), (SIGNATURE, seal(text, context.trust.sign_archive(text)))):
        _write(file, header(name, len(content), mtime), iter([content]), padding(len(content)))
    return mtime


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """Open a new file for writing, that replaces what is at the path when it is left without an error, and is durable.

    Raises:
        ArchiveError: it can not be written.
    """
    part = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex[:12]}{PART}")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        if isinstance(error, OmegaError):
            raise
        raise ArchiveError(f"{path} can not be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


def _write(file: IO[bytes], before: bytes, content: Iterator[bytes], behind: bytes) -> None:
    file.write(before)
    for chunk in content:
        file.write(chunk)
    file.write(behind)
