"""Facts about an object: its metadata as people and programs are told them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from omega_domain.repository.metadata import Metadata


@dataclass(frozen=True, kw_only=True)
class ObjectFacts:
    """What is known of an object, or of a version of it.

    Attributes:
        name: name of the object.
        bucket: its bucket.
        prefix: prefix of its store, such as ``models/``.
        kind: which backend reads it.
        version: number of the version, 1 for the first.
        tags: tags of the version, sorted.
        size: bytes of the version.
        created: when the version was committed, in UTC.
        modified: when the object was last changed, in UTC.
        author: the author of the version.
        digest: SHA-256 of the version's manifest.
        attributes: the user's attributes.
        kind_meta: what the backend needs to read it.
        provenance: where the version was promoted from; null if it was put here.
    """

    name: str
    bucket: str
    prefix: str
    kind: str
    version: int | None
    tags: tuple[str, ...]
    size: int
    created: datetime | None
    modified: datetime | None
    author: str | None
    digest: str | None
    attributes: Mapping[str, Any]
    kind_meta: Mapping[str, Any]
    provenance: Mapping[str, Any] | None

    @classmethod
    def of(cls, meta: Metadata, **more: Any) -> Self:
        """Return the facts of metadata, and what a class of more facts adds."""
        return cls(
            name=meta.name,
            bucket=meta.bucket,
            prefix=meta.prefix,
            kind=meta.kind,
            version=meta.version,
            tags=tuple(meta.tags),
            size=meta.size,
            created=meta.created,
            modified=meta.modified,
            author=meta.author,
            digest=meta.digest,
            attributes=meta.attributes,
            kind_meta=meta.kind_meta,
            provenance=meta.provenance,
            **more,
        )
