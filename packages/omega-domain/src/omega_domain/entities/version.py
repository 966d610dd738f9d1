"""Versions: the states of an object, which never change, and the canonical manifest that describes each.

The manifest is JSON with sorted keys and no spaces; its SHA-256 is the digest of the version. A signature covers the
bytes of the manifest and is kept beside it, so versions with and without one have the same format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal, get_args

from omega_domain.entities.names import ObjectKey
from omega_domain.errors import CorruptPayloadError

MANIFEST_FORMAT = 1
PartType = Literal["blob", "documents", "collection", "uri", "page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One piece of a payload.

    Attributes:
        type: ``blob`` (content in files), ``documents`` (documents of a collection that carry a token), ``collection``
            (a whole collection), ``uri`` (content elsewhere) or ``page`` (a blob that lists further parts, see
            :mod:`omega_domain.repository.payloads`).
        ref: SHA-256 of a blob or page, ``collection#token`` of documents, key of a collection, or the URI.
        size: bytes; 0 where not known.
        sha256: content hash; empty for collections and URIs, which others may change.
        meta: what the backend needs to know of this piece: rows, statistics, file name.
    """

    type: PartType
    ref: str
    size: int = 0
    sha256: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"type": self.type, "ref": self.ref, "size": self.size, "sha256": self.sha256, "meta": dict(self.meta)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Part:
        """Rebuild from :meth:`to_plain`."""
        if plain["type"] not in get_args(PartType):
            raise CorruptPayloadError(f"unknown type of payload: {plain['type']!r}")
        return cls(**plain)

    def as_page(self) -> Part:
        """Return this blob as a page of further parts."""
        return replace(self, type="page")

    @property
    def collection(self) -> str:
        """Key of the collection that holds the documents."""
        return self.ref.rpartition("#")[0] if self.type == "documents" else self.ref

    @property
    def token(self) -> str:
        """The value of the field ``_omega`` in all documents of this part."""
        return self.ref.rpartition("#")[2]


@dataclass(frozen=True, slots=True)
class Payload:
    """The payload that a backend gives to a new version.

    Attributes:
        parts: the content.
        kind_meta: what the backend needs to read it, in plain JSON types.
    """

    parts: Sequence[Part]
    kind_meta: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionRef:
    """A pointer to a version: its unique id, and its number within the object."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """An immutable version of an object.

    Attributes:
        id: unique over all contexts.
        uid: the object this belongs to (one life of a name, from its first put to its drop).
        key: bucket, prefix and name at the time of the commit.
        seq: number of this version, 1 for the first.
        kind: which backend reads it.
        parts: the payload.
        kind_meta: what the backend needs to read it, in plain JSON types.
        attributes: the user's attributes at the time of the commit.
        parent: the version before; None for the first.
        author: who committed it.
        created: when, in UTC.
        provenance: where it came from if it was promoted: context, bucket, name, version, digest.
        signature: of the manifest, by who committed it; empty if it was not signed.
    """

    id: str
    uid: str
    key: ObjectKey
    seq: int
    kind: str
    parts: tuple[Part, ...] = ()
    kind_meta: Mapping[str, Any] = field(default_factory=dict)
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parent: VersionRef | None = None
    author: str = ""
    created: datetime
    provenance: Mapping[str, Any] | None = None
    signature: str = ""
    #: The manifest once it was written; a copy with other fields begins without.
    _manifest: str = field(default="", init=False, repr=False, compare=False)

    @property
    def ref(self) -> VersionRef:
        """The pointer to this version."""
        return VersionRef(id=self.id, seq=self.seq)

    @property
    def size(self) -> int:
        """Bytes of the payload, pages counted with all they list."""
        return sum(part.meta.get("total", part.size) if part.type == "page" else part.size for part in self.parts)

    @property
    def manifest(self) -> str:
        """Canonical JSON of everything this version is."""
        if not self._manifest:
            object.__setattr__(self, "_manifest", canonical_json(self._to_plain()))
        return self._manifest

    def _to_plain(self) -> dict[str, Any]:
        return {
            "format": MANIFEST_FORMAT,
            "id": self.id,
            "uid": self.uid,
            "object": {"bucket": self.key.bucket, "prefix": self.key.prefix, "name": self.key.name},
            "seq": self.seq,
            "kind": self.kind,
            "payload": [part.to_plain() for part in self.parts],
            "kind_meta": dict(self.kind_meta),
            "attributes": dict(self.attributes),
            "parent": {"id": self.parent.id, "seq": self.parent.seq} if self.parent else None,
            "author": self.author,
            "time": self.created.isoformat(),
            "provenance": dict(self.provenance) if self.provenance is not None else None,
        }

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest, in hex."""
        return sha256_hex(self.manifest.encode())

    @classmethod
    def from_manifest(
        cls, manifest: str, digest: str, signature: str | None = None, *, id_: str | None = None
    ) -> Version:
        """Rebuild a version from what a store kept.

        Args:
            manifest: its manifest.
            digest: SHA-256 of the manifest.
            signature: of the manifest.
            id_: the id that the store kept it under.

        Raises:
            CorruptPayloadError: the manifest does not match its digest or id, or is of a newer format.
        """
        if sha256_hex(manifest.encode()) != digest:
            raise CorruptPayloadError(
                f"a version's manifest does not match its SHA-256 {digest[:12]}…: it was changed outside of omega-ml"
            )
        plain = json.loads(manifest)
        if plain["format"] > MANIFEST_FORMAT:
            raise CorruptPayloadError(f"manifest format {plain['format']} is newer than this omega-ml reads: upgrade")
        if id_ not in {None, plain["id"]}:
            raise CorruptPayloadError(
                f"this is the manifest of version {plain['id']}: it was changed outside of omega-ml"
            )
        parent = plain["parent"]
        return cls(
            id=plain["id"],
            uid=plain["uid"],
            key=ObjectKey(**plain["object"]),
            seq=plain["seq"],
            kind=plain["kind"],
            parts=tuple(Part.from_plain(part) for part in plain["payload"]),
            kind_meta=plain["kind_meta"],
            attributes=plain["attributes"],
            parent=VersionRef(**parent) if parent else None,
            author=plain["author"],
            created=datetime.fromisoformat(plain["time"]),
            provenance=plain["provenance"],
            signature=signature or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tombstone:
    """What is left of a version that was dropped and collected: enough to walk past it to its parent."""

    id: str
    uid: str
    seq: int
    parent: VersionRef | None


def chain(tip: VersionRef | None, records: Iterable[Version | Tombstone]) -> list[Version]:
    """Return the committed versions of an object, newest first.

    Records that no path from ``tip`` reaches were never committed (their writer lost a race or died) and are left out.
    """
    by_id = {record.id: record for record in records}
    versions: list[Version] = []
    while tip is not None and (record := by_id.get(tip.id)) is not None:
        if isinstance(record, Version):
            versions.append(record)
        tip = record.parent
    return versions


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces, the same for the same value on every machine."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256_hex(data: bytes) -> str:
    """Return the SHA-256 of the bytes, in hex."""
    return hashlib.sha256(data).hexdigest()
