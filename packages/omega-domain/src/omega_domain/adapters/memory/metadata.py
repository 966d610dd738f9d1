"""Heads and versions in dicts of this process."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version
from omega_domain.errors import ConflictError, CorruptPayloadError
from omega_domain.ports.metadata import MetadataStore


class _Kept(NamedTuple):
    """A version as it is kept: text and digest, so that the check on reading is a real one."""

    uid: str
    manifest: str
    digest: str
    signature: str


class MemoryMetadataStore(MetadataStore):
    """A complete metadata store that is gone with its process; what unit tests and embedders use."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.RLock()
        self._heads: dict[str, tuple[Head, str]] = {}
        self._living: dict[ObjectKey, str] = {}
        self._versions: dict[str, _Kept | Tombstone] = {}
        self._uids: dict[str, list[str]] = {}

    def head(self, key: ObjectKey) -> Head | None:
        """Return the living head of this name; None if there is none."""
        with self._lock:
            uid = self._living.get(key)
            return None if uid is None else _copy_out(*self._heads[uid])

    def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that match, by bucket, prefix and name."""
        with self._lock:
            found = [kept for kept in self._heads.values() if _matches(kept[0], query)]
        return sorted((_copy_out(*kept) for kept in found), key=lambda head: (head.key, head.uid))

    def buckets(self) -> list[str]:
        """Return the names of the buckets with at least one living head, sorted."""
        with self._lock:
            return sorted({key.bucket for key in self._living})

    def version(self, version_id: str) -> Version | None:
        """Return one version; None if it does not exist (any more)."""
        with self._lock:
            record = self._versions.get(version_id)
        return _read(version_id, record) if isinstance(record, _Kept) else None

    def versions(self, uid: str) -> list[Version | Tombstone]:
        """Return every record kept for this object, committed or not."""
        with self._lock:
            found = {version_id: self._versions[version_id] for version_id in self._uids.get(uid, [])}
        return [_read_any(version_id, record) for version_id, record in found.items()]

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        """Make a change visible in one step, if nobody else changed the head meanwhile."""
        kept = _copy_in(head)
        with self._lock:
            if not self._may_commit(head, expected):
                return False
            if version is not None:
                self._add_version(version)
            if head.dropped is None:
                self._living[head.key] = head.uid
            elif self._living.get(head.key) == head.uid:
                del self._living[head.key]
            self._heads[head.uid] = kept
            return True

    def records(self) -> Iterator[Version | Tombstone]:
        """Iterate over every version and tombstone of the context."""
        with self._lock:
            found = list(self._versions.items())
        return (_read_any(version_id, record) for version_id, record in found)

    def purge(self, *, uids: Iterable[str] = (), versions: Iterable[str | Tombstone] = ()) -> None:
        """Remove for good: dropped heads by uid, versions and tombstones by id; tombstones replace versions."""
        with self._lock:
            for uid in uids:
                if uid in self._heads and self._heads[uid][0].dropped is not None:
                    del self._heads[uid]
            for version in versions:
                self._remove_version(version)

    def _may_commit(self, head: Head, expected: int | None) -> bool:
        present = self._heads.get(head.uid)
        if (present[0].revision if present else None) != expected:
            return False
        return head.dropped is not None or self._living.get(head.key, head.uid) == head.uid

    def _add_version(self, version: Version) -> None:
        present = self._versions.get(version.id)
        kept = _Kept(version.uid, version.manifest, version.digest, version.signature)
        if present is not None and present != kept:
            raise ConflictError(f"version {version.id} of {version.key} exists already with other content")
        if present is None:
            self._versions[version.id] = kept
            self._uids.setdefault(version.uid, []).append(version.id)

    def _remove_version(self, version: str | Tombstone) -> None:
        if isinstance(version, Tombstone):
            if version.id in self._versions:
                self._versions[version.id] = version
        elif (record := self._versions.pop(version, None)) is not None:
            self._uids[record.uid].remove(version)
            if not self._uids[record.uid]:
                del self._uids[record.uid]


def _copy_in(head: Head) -> tuple[Head, str]:
    """Keep attributes as JSON, so that what comes back is a copy and the same as from any other store."""
    return replace(head, tags=dict(head.tags), attributes={}), json.dumps(dict(head.attributes))


def _copy_out(head: Head, attributes: str) -> Head:
    return replace(head, tags=dict(head.tags), attributes=json.loads(attributes))


def _matches(head: Head, query: HeadQuery) -> bool:
    return (
        (head.dropped is not None) is query.dropped
        and query.bucket in {None, head.key.bucket}
        and query.prefix in {None, head.key.prefix}
        and query.kind in {None, head.kind}
        and head.key.name.startswith(query.starts_with or "")
    )


def _read(version_id: str, record: _Kept) -> Version:
    try:
        return Version.from_manifest(record.manifest, record.digest, record.signature, id_=version_id)
    except CorruptPayloadError as error:
        raise CorruptPayloadError(f"version {version_id}: {error}") from error


def _read_any(version_id: str, record: _Kept | Tombstone) -> Version | Tombstone:
    return record if isinstance(record, Tombstone) else _read(version_id, record)
