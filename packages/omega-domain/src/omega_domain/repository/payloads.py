"""Payloads: writing and reading the parts of a version, leases on them, and pages for long lists of parts.

A version lists its parts itself while they are few. When they become many, runs of :data:`PAGE` parts are moved into a
page, a blob that lists them, and pages into pages of pages, so that no metadata document grows without bound. Pages
are content-addressed: versions that share them store them once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import IO, Any, TypeVar

from omega_domain.documents import both
from omega_domain.entities.version import Part, canonical_json
from omega_domain.errors import ConflictError, CorruptPayloadError, DuplicateDocumentError
from omega_domain.ports.store import Document, FileWriter, Filter, SupportsLocalPath
from omega_domain.repository.context import Context
from omega_domain.repository.verified import read_once, unpacked, verified, verify

T = TypeVar("T")

PAGE = 256
#: Tokens of rows are numbers below this, written with so many digits.
ROW_TOKENS, ROW_TOKEN_LENGTH = 1 << 31, 8
ROWS_AT_ONCE = 5_000
BUFFER = 1 << 20
PAYLOADS = "omega.payloads"
TOKEN = "_omega"  # noqa: S105 -- the name of a field


@dataclass(frozen=True, slots=True)
class Hold:
    """Parts, and until when collect leaves them alone at least, though no version needs them yet."""

    parts: Sequence[Part]
    until: datetime


class Payloads:
    """Writes and reads the parts of versions in one context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._files = context.store.files
        self._written: dict[str, datetime] = {}

    def lease_end(self) -> datetime:
        """Return until when something written now is safe from collect before its commit."""
        return self._context.clock.now() + self._context.retention.lease

    def write(self, write: Callable[[FileWriter], object], *, meta: Mapping[str, Any] | None = None) -> Part:
        """Store what ``write`` writes as a blob, streamed."""
        until = self.lease_end()
        with self._files.new_file(leased_until=until) as file:
            write(file)
        self._written[file.id] = until
        return Part(type="blob", ref=file.id, size=file.size, sha256=file.id, meta=meta or {})

    def copy(self, source: IO[bytes], *, meta: Mapping[str, Any] | None = None) -> Part:
        """Store the rest of a binary file as a blob, streamed."""

        def write(file: FileWriter) -> None:
            while chunk := source.read(BUFFER):
                file.write(chunk)

        return self.write(write, meta=meta)

    def open(self, part: Part, *, verify: bool = True, whole: bool = False) -> IO[bytes]:
        """Open a blob for reading.

        Args:
            part: the part to read.
            verify: compare its SHA-256 before; the bytes that were compared are the bytes that are read. Who reads only
                pieces of a blob passes False, and must find damage by other means (such as the checksums of Parquet
                pages).
            whole: all of it is wanted at once; it is held in memory, up to 512 MiB.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """
        file = self._files.get(part.ref)
        if not verify:
            return file
        return verified(file, part, is_local=isinstance(self._files, SupportsLocalPath), whole=whole)

    def read_once(self, part: Part) -> AbstractContextManager[IO[bytes]]:
        """Open a blob to be read once from its start, hashed on the way; leaving raises if it was changed.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """
        return read_once(self._files.get(part.ref), part)

    def unpack(self, part: Part, unpack: Callable[[memoryview], T]) -> T:
        """Return what a function makes of the whole content of a blob, which is hashed at the same time.

        Args:
            part: the part to read.
            unpack: is given the content, which may be changed and kept. It must be harmless whatever the content is.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """
        return unpacked(self._files.get(part.ref), part, unpack)

    def verify(self, part: Part) -> None:
        """Read a blob and compare its SHA-256. Raises as :meth:`open`."""
        with self._files.get(part.ref) as file:
            verify(file, part)

    def insert_documents(self, collection: str, items: Iterable[Document], *, meta: Mapping[str, Any]) -> Part:
        """Store documents of plain JSON types under a fresh token, in order."""
        token = self._context.new_id()
        ref = f"{collection}#{token}"
        self._register(ref)
        digest, size, count = hashlib.sha256(), 0, 0

        def tagged() -> Iterator[Document]:
            nonlocal size, count
            for i, item in enumerate(items):
                line = canonical_json(item).encode()
                digest.update(line + b"\n")
                size, count = size + len(line), i + 1
                yield {"_id": f"{token}:{i}", TOKEN: token, **item}

        documents = list(tagged())
        if documents:
            self._context.store.collection(collection).insert_many(documents)
        return Part(type="documents", ref=ref, size=size, sha256=digest.hexdigest(), meta={**meta, "count": count})

    def read_documents(self, part: Part, *, filter: Filter | None = None) -> list[Document]:
        """Return the documents of a part in the order of their insertion, without ``_id`` and token.

        Args:
            part: the part to read.
            filter: fetch only those that match; then nothing is compared with the SHA-256, which is that of all.

        Raises:
            CorruptPayloadError: some are missing or were changed.
        """
        digest, items = hashlib.sha256(), []
        found = self._context.store.collection(part.collection).find(both([of_token(part.token), filter or {}]))
        for item in sorted(found, key=lambda document: int(document["_id"].rpartition(":")[2])):
            del item["_id"], item[TOKEN]
            digest.update(canonical_json(item).encode() + b"\n")
            items.append(item)
        if filter is None and digest.hexdigest() != part.sha256:
            raise CorruptPayloadError(
                f"the documents {part.token} in collection {part.collection!r} do not match their SHA-256: some are "
                "missing or were changed outside of omega-ml; put the object again, or go back to an older version"
            )
        return items

    def register_collection(self, key: str) -> Part:
        """Return a part for a whole collection, which is dropped when no version needs it."""
        self._register(key)
        return Part(type="collection", ref=key)

    def register_documents(self, ref: str) -> None:
        """Note a set of documents before it is written, ``collection#token``, as :meth:`register_collection` does."""
        self._register(ref)

    def register_rows(self, key: str, *, new: bool) -> str:
        """Return a fresh token for documents of a collection whose ids are whole numbers, see :func:`row_ids`.

        Args:
            key: of the collection.
            new: whether the collection is new and is to be registered, too.
        """
        while True:
            token = f"{int(self._context.new_id(), 16) % ROW_TOKENS:08x}"
            try:
                self._register(*([key] if new else []), f"{key}#{token}")
            except DuplicateDocumentError:  # another set of rows in this collection has this token
                continue
            return token

    def copy_rows(self, source: Payloads, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Copy a collection of rows, which are parts of a version in another store, into a fresh one of this store."""
        whole = next(part for part in parts if part.type == "collection")
        key = f"{whole.ref.rpartition('.')[0] or whole.ref}.{self._context.new_id()}"
        tokens = [part.token for part in parts if part.type == "documents"]
        self._register(key, *(f"{key}#{token}" for token in tokens))
        target = self._context.store.collection(key)
        for token in tokens:
            found = source._context.store.collection(whole.ref).find(of_token(token))
            while batch := list(islice(found, ROWS_AT_ONCE)):
                target.insert_many(batch)
        for keys in whole.meta.get("indexes", ()):
            target.create_index([(path, direction) for path, direction in keys])
        return tuple(
            replace(part, ref=key if part.type == "collection" else f"{key}#{part.token}")
            if part.type in {"collection", "documents"}
            else part
            for part in parts
        )

    def count_rows(self, part: Part) -> int:
        """Return how many documents of a part are there."""
        return self._context.store.collection(part.collection).count_documents(of_token(part.token))

    def lease(self, parts: Iterable[Part]) -> Hold:
        """Extend the leases of parts written here, just before they are committed; return how long they hold.

        A part written a moment ago is not asked for again.

        Raises:
            ConflictError: one of them was collected: the put took longer than a lease lasts.
        """
        soon = self._context.clock.now() + self._context.retention.lease / 2
        listed = tuple(parts)
        missing = self.missing([part for part in listed if not self._written.pop(part.ref, soon) > soon])
        if missing:
            raise ConflictError(
                f"{len(missing)} part(s) of the payload were collected before the commit, because it took longer than "
                f"a lease lasts ({self._context.retention.lease}); nothing was changed, try again"
            )
        return Hold(listed, soon)

    def missing(self, parts: Iterable[Part]) -> set[str]:
        """Extend the leases of these parts, pages with all they list; return the refs that this store does not have."""
        until = self.lease_end()
        missing: set[str] = set()
        listed = list(parts)
        pages = [part for part in listed if part.type == "page"]
        blobs = {part.ref for part in listed if part.type in {"blob", "page"}}
        if blobs:
            missing |= self._files.lease(blobs, until=until)
        for part in listed:
            if part.type in {"documents", "collection"} and not self._lease_documents(part, until):
                missing.add(part.ref)
        held = [page for page in pages if page.ref not in missing]
        return missing | (self.missing(part for page in held for part in self._read_page(page)) if held else set())

    def pack(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Return a list of parts short enough for a version, moving runs of the oldest into pages."""
        packed = list(parts)
        while len(packed) > 2 * PAGE:
            start = self._first_to_page(packed)
            packed[start : start + PAGE] = [self._write_page(packed[start : start + PAGE])]
        return tuple(packed)

    def expand(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Iterate over the parts, with pages replaced by what they list."""
        return (part for part in self.walk(parts) if part.type != "page")

    def walk(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Iterate over the parts, pages and what they list."""
        for part in parts:
            yield part
            if part.type == "page":
                yield from self.walk(self._read_page(part))

    def _lease_documents(self, part: Part, until: datetime) -> bool:
        registry = self._context.store.collection(PAYLOADS)
        leased = registry.update_one({"_id": part.ref, "doomed": False}, {"$set": {"leased_until": until}})
        return leased.matched_count > 0

    def _register(self, *refs: str) -> None:
        """Note payloads of documents before they are written, so that collect finds what a dead writer leaves."""
        until = self.lease_end()
        now = self._context.clock.now()
        self._context.store.collection(PAYLOADS).insert_many(
            [{"_id": ref, "created": now, "leased_until": until, "doomed": False} for ref in refs]
        )
        self._written.update(dict.fromkeys(refs, until))

    @staticmethod
    def _first_to_page(parts: Sequence[Part]) -> int:
        """Leading pages stay until there are a page's worth of the same depth."""
        pages = sum(1 for part in parts if part.type == "page")
        return 0 if pages >= PAGE else pages

    def _write_page(self, parts: Sequence[Part]) -> Part:
        text = canonical_json([part.to_plain() for part in parts])
        total = sum(part.meta.get("total", part.size) for part in parts)
        return self.write(lambda file: file.write(text.encode()), meta={"total": total}).as_page()

    def _read_page(self, page: Part) -> list[Part]:
        with self.open(page) as file:
            return [Part.from_plain(plain) for plain in json.loads(file.read())]


def of_token(token: str) -> Document:
    """Return the filter for the documents of a token; the range of their ids lets an index serve."""
    if len(token) == ROW_TOKEN_LENGTH:
        ids = row_ids(token)
        return {TOKEN: token, "_id": {"$gte": ids.start, "$lt": ids.stop}}
    return {TOKEN: token, "_id": {"$gte": f"{token}:", "$lt": f"{token};"}}


def has_rows(parts: Iterable[Part]) -> bool:
    """Tell whether these are rows: a collection, and sets of documents in it."""
    types = {part.type for part in parts}
    return {"collection", "documents"} <= types


def row_ids(token: str) -> range:
    """Return the ids of the rows of a token: its number in the upper 32 bits, the number of the row in the lower."""
    start = int(token, 16) << 32
    return range(start, start + (1 << 32))
