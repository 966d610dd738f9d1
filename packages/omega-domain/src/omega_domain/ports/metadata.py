"""Port of the metadata store: heads and versions, and the one place where a write becomes visible."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from typing import Protocol

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version


class MetadataStore(Protocol):
    """Heads and versions of named objects.

    Duties of every adapter: safe to use from many threads and many processes; a commit is seen whole or not at all, by
    everybody, also after a crash; what a caller has committed, it reads. Driver errors are raised as
    :class:`~omega_domain.errors.StoreError` and its children.
    """

    @abstractmethod
    def head(self, key: ObjectKey) -> Head | None:
        """Return the living head of this name; None if there is none."""

    @abstractmethod
    def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that match, by bucket, prefix and name; one indexed query, however many there are."""

    @abstractmethod
    def buckets(self) -> list[str]:
        """Return the names of the buckets with at least one living head, sorted."""

    @abstractmethod
    def version(self, version_id: str) -> Version | None:
        """Return one version; None if it does not exist (any more).

        Raises:
            CorruptPayloadError: its manifest does not match its digest.
        """

    @abstractmethod
    def versions(self, uid: str) -> list[Version | Tombstone]:
        """Return every record kept for this object, committed or not, in no particular order."""

    @abstractmethod
    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        """Make a change visible in one step, if nobody else changed the head meanwhile.

        The version, if given, is stored first; then the head replaces the one of the same ``uid`` whose revision is
        ``expected``. With ``expected=None`` the head is new, and no living head of the same key may exist. A head with
        ``dropped`` set frees its key and is found only by ``HeadQuery(dropped=True)``.

        Returns:
            False if somebody was faster: then nothing is visible (a stored version may remain, unreachable).
        """

    @abstractmethod
    def records(self) -> Iterator[Version | Tombstone]:
        """Iterate over every version and tombstone of the context. For collect and fsck."""

    @abstractmethod
    def purge(self, *, uids: Iterable[str] = (), versions: Iterable[str | Tombstone] = ()) -> None:
        """Remove for good: dropped heads by uid, versions and tombstones by id. For collect only.

        A Tombstone given in place of an id replaces the version of the same id. What does not exist is passed over.
        """
