"""Heads: what a name stands for right now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Version, VersionRef, canonical_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The changeable part of a named object. Every change is a compare-and-swap on ``revision``.

    Attributes:
        key: bucket, prefix and name.
        uid: identity of this life of the name; a new put after a drop begins a new one.
        revision: 1 when created, one more with every change.
        kind: kind of the current version.
        current: the version that the name stands for.
        tip: the newest committed version; differs from ``current`` only when newer ones were dropped.
        tags: name of a tag -> version.
        dropped_versions: ids of versions that were dropped and not yet collected.
        attributes: the user's, in plain JSON types.
        created: when the object was first put, in UTC.
        modified: when the head was last changed, in UTC.
        dropped: when the object was dropped; None while it lives.
        signature: of :attr:`statement`, by who made this change; empty if it was not signed.
        version: the current version, if the store gave it along with the head; not compared.
    """

    key: ObjectKey
    uid: str
    revision: int
    kind: str
    current: VersionRef
    tip: VersionRef
    tags: Mapping[str, VersionRef] = field(default_factory=dict)
    dropped_versions: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    created: datetime
    modified: datetime
    dropped: datetime | None = None
    signature: str = ""
    version: Version | None = field(default=None, compare=False, repr=False)

    @property
    def statement(self) -> str:
        """Canonical JSON of everything this head says."""
        return canonical_json(self.to_plain())

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON, without the signature."""
        return {
            "bucket": self.key.bucket,
            "prefix": self.key.prefix,
            "name": self.key.name,
            "uid": self.uid,
            "revision": self.revision,
            "kind": self.kind,
            "current": _ref_to_plain(self.current),
            "tip": _ref_to_plain(self.tip),
            "tags": {tag: _ref_to_plain(ref) for tag, ref in self.tags.items()},
            "dropped_versions": list(self.dropped_versions),
            "attributes": dict(self.attributes),
            "created": self.created.isoformat(),
            "modified": self.modified.isoformat(),
            "dropped": self.dropped.isoformat() if self.dropped else None,
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Head:
        """Rebuild from :meth:`to_plain`."""
        return cls(
            key=ObjectKey(plain["bucket"], plain["prefix"], plain["name"]),
            uid=plain["uid"],
            revision=plain["revision"],
            kind=plain["kind"],
            current=VersionRef(**plain["current"]),
            tip=VersionRef(**plain["tip"]),
            tags={tag: VersionRef(**ref) for tag, ref in plain["tags"].items()},
            dropped_versions=tuple(plain["dropped_versions"]),
            attributes=plain["attributes"],
            created=datetime.fromisoformat(plain["created"]),
            modified=datetime.fromisoformat(plain["modified"]),
            dropped=datetime.fromisoformat(plain["dropped"]) if plain["dropped"] else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadQuery:
    """Which heads to list; None means any.

    Attributes:
        bucket: exact name of the bucket.
        prefix: exact prefix of the store.
        starts_with: literal beginning of the name.
        kind: exact kind.
        dropped: list those dropped and not yet collected, instead of the living.
    """

    bucket: str | None = None
    prefix: str | None = None
    starts_with: str | None = None
    kind: str | None = None
    dropped: bool = False


def _ref_to_plain(ref: VersionRef) -> dict[str, Any]:
    return {"id": ref.id, "seq": ref.seq}
