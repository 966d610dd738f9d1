"""Gathering: what an archive or backup of some objects is to hold, noted and kept from changing until it is written."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from omega_domain.archives.format import BUFFER
from omega_domain.archives.ndjson import to_line
from omega_domain.entities.archive import Entry, Form, Index
from omega_domain.entities.version import Part, Version
from omega_domain.errors import ArchiveError, CorruptPayloadError, StoreReadOnlyError
from omega_domain.repository.payloads import Payloads, has_rows, of_token

if TYPE_CHECKING:
    from pathlib import Path

    from omega_domain.ports.store import Document
    from omega_domain.repository.context import Context


class Gathered:
    """The payloads of some objects: blobs by reference, and documents as they are now, in a temporary file.

    Args:
        context: where the objects are.
        folder: where the temporary file is made.
    """

    def __init__(self, context: Context, folder: Path) -> None:
        self._context = context
        self._payloads = Payloads(context)
        self._spool: IO[bytes] = TemporaryFile(dir=folder)  # noqa: SIM115 -- closed by close()
        self._places: dict[str, int] = {}
        self._blobs: dict[str, int] = {}
        self._documents: dict[str, int] = {}
        self._collections: dict[str, str] = {}

    def close(self) -> None:
        """Forget the documents."""
        self._spool.close()

    def index(self, entries: Sequence[Entry], form: Form) -> Index:
        """Note the payloads of all objects; return the index of them. Raises ArchiveError if something is missing."""
        for entry in entries:
            for version in entry.versions:
                self._note(version)
        return Index(
            form=form,
            context=self._context.name,
            author=self._context.author,
            time=self._context.clock.now(),
            objects=tuple(entries),
            blobs=self._blobs,
            documents=self._documents,
            collections=self._collections,
        )

    def blob(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a blob. Raises CorruptPayloadError at its end if it was changed."""
        digest, size = hashlib.sha256(), 0
        with self._context.store.files.get(sha256) as file:
            while chunk := file.read(BUFFER):
                digest.update(chunk)
                size += len(chunk)
                yield chunk
        if (digest.hexdigest(), size) != (sha256, self._blobs[sha256]):
            raise CorruptPayloadError(
                f"the blob {sha256[:12]}… does not match its SHA-256: it was damaged or changed outside of omega-ml. "
                "`om fsck` lists all damage; drop what is damaged, or put it again"
            )

    def documents(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a file of documents."""
        self._spool.seek(self._places[sha256])
        left = self._documents[sha256]
        while left:
            chunk = self._spool.read(min(left, BUFFER))
            left -= len(chunk)
            yield chunk

    def _note(self, version: Version) -> None:
        parts = list(self._payloads.walk(version.parts))
        self._hold(parts, version)
        is_rows = has_rows(parts)
        for part in parts:
            if part.type in {"blob", "page"} and part.ref not in self._blobs:
                self._blobs[part.ref] = part.size or self._size(part.ref)
            elif part.type == "documents" or (part.type == "collection" and not is_rows):
                self._note_documents(part, version)

    def _hold(self, parts: Iterable[Part], version: Version) -> None:
        """Keep collect from removing payloads before they are written, as far as this store may be written."""
        with suppress(StoreReadOnlyError):
            missing = self._payloads.missing(part for part in parts if part.type != "page")
            if missing:
                raise ArchiveError(
                    f"{len(missing)} part(s) of version {version.seq} of {version.key} are gone: `om fsck` tells more; "
                    "drop this version, or restore it, then try again"
                )

    def _size(self, sha256: str) -> int:
        with self._context.store.files.get(sha256) as file:
            return file.seek(0, io.SEEK_END)

    def _note_documents(self, part: Part, version: Version) -> None:
        if part.ref in self._collections:
            return
        start = self._spool.seek(0, io.SEEK_END)
        digest = hashlib.sha256()
        for document in self._find(part):
            line = to_line(document, str(version.key))
            digest.update(line)
            self._spool.write(line)
        sha256, end = digest.hexdigest(), self._spool.tell()
        if sha256 in self._documents:
            self._spool.truncate(start)
        else:
            self._places[sha256], self._documents[sha256] = start, end - start
        self._collections[part.ref] = sha256

    def _find(self, part: Part) -> Iterable[Document]:
        if part.type == "documents" and part.sha256:
            return self._payloads.read_documents(part)
        filter_ = of_token(part.token) if part.type == "documents" else None
        return self._context.store.collection(part.collection).find(filter_)
