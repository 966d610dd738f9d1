"""Requests about a store of a bucket, and about an object in it: the fields that many commands share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from omega_domain.entities.names import ObjectRef

if TYPE_CHECKING:
    from omega_domain.omega import Omega
    from omega_domain.repository.metadata import Metadata
    from omega_domain.stores import OmegaStore

StoreName = Literal["datasets", "models", "jobs", "scripts"]


@dataclass(frozen=True, kw_only=True)
class InStore:
    """Something about one store of a bucket.

    Attributes:
        store: ``datasets``, ``models``, ``jobs`` or ``scripts``.
    """

    store: StoreName

    def store_in(self, om: Omega) -> OmegaStore:
        """Return the store in this bucket."""
        store: OmegaStore = getattr(om, self.store)
        return store


@dataclass(frozen=True, kw_only=True)
class OfObject(InStore):
    """Something about one object.

    Attributes:
        name: name of the object; where a version can be meant also ``name@tag``, ``name@3``, ``name^``.
    """

    name: str

    @property
    def plain_name(self) -> str:
        """The name without version, columns and part. Raises InvalidNameError."""
        return ObjectRef.parse(self.name).name

    def meta_in(self, om: Omega) -> Metadata:
        """Return the metadata of the object or version in this bucket. Raises ObjectNotFoundError."""
        ObjectRef.parse_whole(self.name, "name")
        return self.store_in(om).metadata(self.name, required=True)


@dataclass(frozen=True, kw_only=True)
class OfObjectIn(OfObject):
    """Something about one object, in any bucket of the context.

    Attributes:
        bucket: its bucket; by default the one that the request is given to.
    """

    bucket: str | None = None

    def target(self, om: Omega) -> Omega:
        """Return the bucket that this is about."""
        return om if self.bucket is None else om[self.bucket]
