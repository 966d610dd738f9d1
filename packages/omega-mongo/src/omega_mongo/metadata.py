"""Heads and versions in two collections of MongoDB.

A commit is two writes on a stand-alone server as well as on a replica set, without transactions: the version is
inserted, where nobody sees it; then the head, one document, is replaced if its revision is the expected one. That is
the one step by which everything becomes visible.

A head carries the manifest of its current version along while that is small, so that getting an object asks once for
both. Attributes are kept as JSON text: their names may be anything, and numbers come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any, Final

from pymongo import DeleteOne, ReplaceOne
from pymongo.collection import Collection
from pymongo.errors import ConnectionFailure, DuplicateKeyError

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version, VersionRef
from omega_domain.errors import ConflictError, CorruptPayloadError
from omega_domain.ports.metadata import MetadataStore
from omega_mongo.client import Connection, Document
from omega_mongo.errors import FAILURES, translate, translated
from omega_mongo.names import HEADS, VERSIONS
from omega_mongo.schema import CHECKED, PREPARED, check_format, prepare

LARGEST_MANIFEST: Final = 16_384
"""Characters of a manifest up to which it rides along with its head."""
_ALL_AT_ONCE: Final = 100_000
_PURGED_AT_ONCE: Final = 1_000
_LAST_CHARACTER: Final = "\U0010ffff"


class MongoMetadataStore(MetadataStore):
    """Names and versions of a context, shared by everybody who has the database."""

    def __init__(self, connection: Connection) -> None:
        """Use this connection; nothing is asked of the server before the first use."""
        self._connection = connection

    def head(self, key: ObjectKey) -> Head | None:
        """Return the living head of this name, with its current version if that is small; None if there is none."""
        query = {"bucket": key.bucket, "prefix": key.prefix, "name": key.name, "living": True}
        try:
            found = self._heads().find_one(query)
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        return None if found is None else _head_from_document(found)

    def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that match, by bucket, prefix and name, without their versions."""
        with self._translated():
            found = self._heads().find(_filter(query), {"version": 0}, batch_size=_ALL_AT_ONCE)
            if not query.dropped:
                found = found.sort([("bucket", 1), ("prefix", 1), ("name", 1)])
            heads = [_head_from_document(document) for document in found]
        return sorted(heads, key=lambda head: (head.key, head.uid)) if query.dropped else heads

    def buckets(self) -> list[str]:
        """Return the names of the buckets with at least one living head, sorted."""
        with self._translated():
            found: list[str] = self._heads().distinct("bucket", {"living": True})
        return sorted(found)

    def version(self, version_id: str) -> Version | None:
        """Return one version; None if it does not exist (any more)."""
        try:
            found = self._versions().find_one({"_id": version_id})
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        record = None if found is None else _read(found)
        return record if isinstance(record, Version) else None

    def versions(self, uid: str) -> list[Version | Tombstone]:
        """Return every record kept for this object, committed or not."""
        try:
            found = list(self._versions().find({"uid": uid}, batch_size=_ALL_AT_ONCE))
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        return [_read(document) for document in found]

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        """Make a change visible in one step, if nobody else changed the head meanwhile."""
        document = _head_to_document(head, version or head.version)
        if PREPARED not in self._connection.done:
            prepare(self._connection)
        try:
            if version is not None:
                self._add_version(version)
            return self._swap_surely(document, expected)
        except FAILURES as error:
            raise translate(error, self._connection.url) from error

    def records(self) -> Iterator[Version | Tombstone]:
        """Iterate over every version and tombstone of the context."""
        with self._translated():
            for document in self._versions().find():
                yield _read(document)

    def purge(self, *, uids: Iterable[str] = (), versions: Iterable[str | Tombstone] = ()) -> None:
        """Remove for good: dropped heads by uid, versions and tombstones by id; tombstones replace versions."""
        with self._translated():
            for batch in _batches(uids):
                self._heads().delete_many({"_id": {"$in": batch}, "living": False})
            for changes in _batches(map(_removal, versions)):
                self._versions().bulk_write(changes, ordered=False)

    def _swap_surely(self, document: Document, expected: int | None) -> bool:
        """Swap the head; if the connection is lost, look whether it was done all the same."""
        try:
            return self._swap(document, expected)
        except ConnectionFailure:
            if not self._is_there(document):
                raise
            return True

    def _swap(self, document: Document, expected: int | None) -> bool:
        """Write the head in place of the one with the expected revision; False if it is not there or the name taken."""
        heads = self._connection.journaled[HEADS]
        try:
            if expected is None:
                heads.insert_one(document)
                return True
            return heads.replace_one({"_id": document["_id"], "revision": expected}, document).matched_count == 1
        except DuplicateKeyError:
            return False

    def _is_there(self, document: Document) -> bool:
        """Tell whether the head is exactly as it was to be written; no other writer makes the same one."""
        return self._heads().find_one({"_id": document["_id"], "revision": document["revision"]}) == document

    def _add_version(self, version: Version) -> None:
        document = _version_to_document(version)
        try:
            self._connection.own[VERSIONS].insert_one(document)
        except DuplicateKeyError as error:
            found = self._versions().find_one({"_id": version.id})
            if found is None or found.get("digest") != version.digest:
                raise ConflictError(
                    f"version {version.id} of {version.key} exists already with other content"
                ) from error

    def _heads(self) -> Collection[Document]:
        if CHECKED not in self._connection.done:
            check_format(self._connection)
        return self._connection.own[HEADS]

    def _versions(self) -> Collection[Document]:
        if CHECKED not in self._connection.done:
            check_format(self._connection)
        return self._connection.own[VERSIONS]

    def _translated(self) -> Any:
        return translated(self._connection.url)


def _head_to_document(head: Head, version: Version | None) -> Document:
    """Return the document of a head, with its current version if that is given and small."""
    document: Document = {
        "_id": head.uid,
        "bucket": head.key.bucket,
        "prefix": head.key.prefix,
        "name": head.key.name,
        "living": head.dropped is None,
        "revision": head.revision,
        "kind": head.kind,
        "current": _pointer(head.current),
        "tip": _pointer(head.tip),
        "tags": [{"tag": tag, **_pointer(ref)} for tag, ref in head.tags.items()],
        "dropped_versions": list(head.dropped_versions),
        "attributes": json.dumps(head.attributes, ensure_ascii=False),
        "created": head.created.isoformat(),
        "modified": head.modified.isoformat(),
        "dropped": head.dropped.isoformat() if head.dropped else None,
        "signature": head.signature,
    }
    if version is not None and version.id == head.current.id and len(manifest := version.manifest) <= LARGEST_MANIFEST:
        document["version"] = {"digest": version.digest, "manifest": manifest, "signature": version.signature}
    return document


def _head_from_document(document: Mapping[str, Any]) -> Head:
    """Rebuild a head, and the version that rides along, from a document.

    Raises:
        CorruptPayloadError: the manifest does not match its digest.
    """
    dropped, version = document["dropped"], document.get("version")
    return Head(
        key=ObjectKey(document["bucket"], document["prefix"], document["name"]),
        uid=document["_id"],
        revision=document["revision"],
        kind=document["kind"],
        current=VersionRef(**document["current"]),
        tip=VersionRef(**document["tip"]),
        tags={tag["tag"]: VersionRef(id=tag["id"], seq=tag["seq"]) for tag in document["tags"]},
        dropped_versions=tuple(document["dropped_versions"]),
        attributes=json.loads(document["attributes"]),
        created=datetime.fromisoformat(document["created"]),
        modified=datetime.fromisoformat(document["modified"]),
        dropped=datetime.fromisoformat(dropped) if dropped else None,
        signature=document.get("signature", ""),
        version=Version.from_manifest(version["manifest"], version["digest"], version.get("signature"))
        if version
        else None,
    )


def _pointer(ref: VersionRef) -> Document:
    return {"id": ref.id, "seq": ref.seq}


def _filter(query: HeadQuery) -> Document:
    wanted: Document = {"living": not query.dropped}
    wanted.update(
        {
            field: value
            for field, value in (("bucket", query.bucket), ("prefix", query.prefix), ("kind", query.kind))
            if value is not None
        }
    )
    if query.starts_with:
        wanted["name"] = {"$gte": query.starts_with, "$lte": query.starts_with + _LAST_CHARACTER}
    return wanted


def _version_to_document(version: Version) -> Document:
    return {
        "_id": version.id,
        "uid": version.uid,
        "seq": version.seq,
        "parent": {"id": version.parent.id, "seq": version.parent.seq} if version.parent else None,
        "digest": version.digest,
        "manifest": version.manifest,
        "signature": version.signature,
    }


def _read(document: Mapping[str, Any]) -> Version | Tombstone:
    if document["manifest"] is None:
        parent = VersionRef(**document["parent"]) if document["parent"] else None
        return Tombstone(id=document["_id"], uid=document["uid"], seq=document["seq"], parent=parent)
    try:
        digest, signature = document["digest"], document.get("signature")
        return Version.from_manifest(document["manifest"], digest, signature, id_=document["_id"])
    except CorruptPayloadError as error:
        raise CorruptPayloadError(f"version {document['_id']}: {error}") from error


def _removal(version: str | Tombstone) -> DeleteOne | ReplaceOne[Document]:
    if isinstance(version, str):
        return DeleteOne({"_id": version})
    parent = {"id": version.parent.id, "seq": version.parent.seq} if version.parent else None
    stone = {"uid": version.uid, "seq": version.seq, "parent": parent, "digest": None, "manifest": None}
    return ReplaceOne({"_id": version.id}, stone)


def _batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    remaining = iter(items)
    while batch := list(islice(remaining, _PURGED_AT_ONCE)):
        yield batch
