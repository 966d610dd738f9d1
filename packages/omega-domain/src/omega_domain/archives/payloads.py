"""Landing payloads: from an archive into a store, each piece compared before it is used, none of it seen by anybody.

What the store has is not written again, so that an import that was interrupted goes on where it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from omega_domain.archives.ndjson import from_lines
from omega_domain.entities.archive import check_part
from omega_domain.entities.version import Part, Version
from omega_domain.errors import ArchiveError, OmegaError
from omega_domain.repository.payloads import ROWS_AT_ONCE, TOKEN, has_rows, of_token

if TYPE_CHECKING:
    from omega_domain.archives.reading import Source
    from omega_domain.ports.store import Document, FileWriter
    from omega_domain.repository.objects import Objects
    from omega_domain.repository.payloads import Hold


class PayloadLanding:
    """Brings the payloads of one object of an archive into a store. The store says where, never the archive.

    Attributes:
        written: bytes that were written so far.
    """

    def __init__(self, source: Source, store: Objects, name: str) -> None:
        self.written = 0
        self._source = source
        self._context = store.context
        self._payloads = store.payloads
        self._shared_key = store.object_store_key(name, "data")
        self._own_key = store.object_store_key(name, "rows")
        self._blobs: dict[str, Part] = {}
        self._documents: dict[str, Part] = {}
        self._keys: dict[str, str] = {}
        self._parts: dict[str, tuple[Part, ...]] = {}
        self._renewed = self._context.clock.now()

    def parts_of(self, version: Version) -> tuple[Part, ...]:
        """Return the payload of a version as the store has it; what is missing of it is written, once."""
        if version.digest not in self._parts:
            leaves = list(self._expand(version.parts))
            for part in (*self._walk_pages(version.parts), *leaves):
                check_part(self._source.index, part, self._source.name)
            if any(part.type in {"documents", "collection"} for part in leaves):
                parts = self._with_documents(leaves)
            else:
                self._land_blobs([*self._walk_pages(version.parts), *leaves])
                parts = version.parts
            self._parts[version.digest] = parts
        return self._parts[version.digest]

    def lease(self, version: Version) -> Hold:
        """Extend the leases of the payload of a version, just before it is committed. Raises ConflictError."""
        return self._payloads.lease(self.parts_of(version))

    def pack(self, parts: Sequence[Part]) -> tuple[Part, ...]:
        """Return a list of parts short enough for a version."""
        return self._payloads.pack(parts)

    def _expand(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            if part.type == "page":
                yield from self._expand(self._read_page(part))
            else:
                yield part

    def _walk_pages(self, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            if part.type == "page":
                yield part
                yield from self._walk_pages(self._read_page(part))

    def _read_page(self, page: Part) -> list[Part]:
        check_part(self._source.index, page, self._source.name)
        content = b"".join(self._source.blob(page.ref))
        try:
            return [Part.from_plain(plain) for plain in json.loads(content)]
        except (OmegaError, ValueError, TypeError, LookupError, RecursionError) as error:
            raise ArchiveError(f"a page of parts in {self._source.name} can not be read: {error}") from error

    def _land_blobs(self, parts: Iterable[Part]) -> None:
        wanted = {part.ref: part for part in parts if part.type in {"blob", "page"} and part.ref not in self._blobs}
        blobs = [Part(type="blob", ref=ref, sha256=ref) for ref in wanted]
        missing = self._payloads.missing(blobs)
        for part in blobs:
            self._renew()
            if part.ref in missing:
                self._write(part.ref)
            self._blobs[part.ref] = part

    def _write(self, sha256: str) -> None:
        def write(file: FileWriter) -> None:
            for chunk in self._source.blob(sha256):
                file.write(chunk)
                self.written += len(chunk)

        self._payloads.write(write)

    def _renew(self) -> None:
        """Keep what has landed, while more is on its way, from being taken for what a dead writer left."""
        now = self._context.clock.now()
        if now - self._renewed > self._context.retention.lease / 3:
            self._payloads.missing([*self._blobs.values(), *self._documents.values()])
            self._renewed = now

    def _with_documents(self, leaves: Sequence[Part]) -> tuple[Part, ...]:
        self._land_blobs(leaves)
        land = self._land_rows if has_rows(leaves) else self._land_documents
        return tuple(land(part) if part.type in {"documents", "collection"} else part for part in leaves)

    def _land_documents(self, part: Part) -> Part:
        """Write documents that a token holds together, or a collection as a whole."""
        if part.ref not in self._documents:
            self._renew()
            documents = self._read(part.ref)
            if part.type == "collection":
                landed = replace(part, ref=self._payloads.register_collection(self._fresh()).ref)
                self._insert(landed.ref, documents)
            else:
                meta = {name: value for name, value in part.meta.items() if name != "count"}
                landed = self._payloads.insert_documents(self._shared_key, documents, meta=meta)
            if part.sha256 and landed.sha256 != part.sha256:
                raise ArchiveError(f"the documents {part.token} in {self._source.name} are not those of their object")
            self._documents[part.ref] = landed
        return self._documents[part.ref]

    def _land_rows(self, part: Part) -> Part:
        """Write a set of rows into the fresh collection that all sets of its old one share."""
        key = self._keys.get(part.collection)
        if key is None:
            key = self._keys[part.collection] = self._fresh()
            self._documents[key] = self._payloads.register_collection(key)
        landed = replace(part, ref=key if part.type == "collection" else f"{key}#{part.token}")
        if part.ref not in self._documents:
            self._renew()
            self._fill(part, landed)
            self._documents[part.ref] = landed
        return landed

    def _fill(self, part: Part, landed: Part) -> None:
        if part.type == "documents":
            documents = self._read(part.ref)
            self._payloads.register_documents(landed.ref)
            self._insert(landed.collection, self._of_token(documents, part.token))
            return
        collection = self._context.store.collection(landed.ref)
        for keys in _indexes(part, self._source.name):
            collection.create_index(keys)

    def _of_token(self, documents: Iterable[Document], token: str) -> Iterator[Document]:
        ids = of_token(token)["_id"]
        low, high = ids["$gte"], ids["$lt"]
        for document in documents:
            id_: Any = document.get("_id")
            if document.get(TOKEN) != token or type(id_) is not type(low) or not low <= id_ < high:
                raise ArchiveError(f"a row in {self._source.name} is not one of those that it is listed with")
            yield document

    def _read(self, ref: str) -> Iterator[Document]:
        """Return the documents of a payload, after all of their file was compared."""
        sha256 = self._source.index.collections.get(ref)
        if sha256 is None:
            raise ArchiveError(f"{self._source.name} does not hold the documents {ref[:80]!r} that an object needs")
        for chunk in self._source.documents(sha256):
            self.written += len(chunk)
        return from_lines(self._source.documents(sha256), f"{ref[:80]!r} in {self._source.name}")

    def _insert(self, key: str, documents: Iterator[Document]) -> None:
        collection = self._context.store.collection(key)
        while batch := list(islice(documents, ROWS_AT_ONCE)):
            collection.insert_many(batch)

    def _fresh(self) -> str:
        return f"{self._own_key}.{self._context.new_id()}"


def _indexes(part: Part, name: str) -> list[list[tuple[str, int]]]:
    """Return the indexes that a collection is to have. Raises ArchiveError if they are none."""
    try:
        indexes = [[(path, direction) for path, direction in keys] for keys in part.meta.get("indexes", ())]
    except (TypeError, ValueError) as error:
        raise ArchiveError(f"the indexes of a collection in {name} can not be read: {error}") from error
    if not all(isinstance(path, str) and direction in {1, -1} for keys in indexes for path, direction in keys):
        raise ArchiveError(f"the indexes of a collection in {name} are none")
    return indexes
