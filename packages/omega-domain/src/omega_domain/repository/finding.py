"""Finding the version that a name stands for, and near names if there is none."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal, overload

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import LATEST, ObjectKey, ObjectRef
from omega_domain.entities.version import Version, VersionRef, chain
from omega_domain.errors import CorruptPayloadError, ObjectNotFoundError, VersionNotFoundError
from omega_domain.repository.context import Context

NEAREST = 3


class Finder:
    """Finds heads and versions in one context."""

    def __init__(self, context: Context) -> None:
        self._metadata = context.metadata

    @overload
    def head(self, key: ObjectKey, *, required: Literal[True]) -> Head: ...
    @overload
    def head(self, key: ObjectKey, *, required: bool) -> Head | None: ...
    def head(self, key: ObjectKey, *, required: bool) -> Head | None:
        """Return the head of this name.

        Raises:
            ObjectNotFoundError: there is none though it is required; the message names the nearest.
            CorruptPayloadError: what the store has there is about another object.
        """
        head = self._metadata.head(key)
        if head is None or head.key != key:
            self.refuse(key, head, required=required)
        return head

    def refuse(self, key: ObjectKey, head: Head | None, *, required: bool) -> None:
        """Raise as :meth:`head` what is wrong about a head that was found for a key: none, or one of another key."""
        if head is not None:
            raise CorruptPayloadError(
                f"what is stored for {key.name!r} is about {head.key}: it was changed outside of omega-ml; run om fsck"
            )
        if required:
            raise ObjectNotFoundError(self._not_found(key))

    def live_versions(self, head: Head) -> list[Version]:
        """Return the versions of an object that were not dropped, newest first."""
        dropped = set(head.dropped_versions)
        return [version for version in chain(head.tip, self._metadata.versions(head.uid)) if version.id not in dropped]

    def version(self, head: Head, ref: ObjectRef, *, required: bool) -> Version | None:
        """Return the version that a reference selects.

        Raises:
            VersionNotFoundError: there is none though it is required; the message names those there are.
        """
        start = self._start(head, ref.version)
        found = self._back(head, start, ref.back) if start else None
        if found is None and required:
            raise VersionNotFoundError(self._no_version(head, ref))
        return found

    def _start(self, head: Head, version: str | None) -> VersionRef | None:
        if version is None or version == LATEST:
            return head.current
        if version in head.tags:
            return head.tags[version]
        if version.isdecimal():
            return next((live.ref for live in self.live_versions(head) if live.seq == int(version)), None)
        return None

    def _back(self, head: Head, start: VersionRef, back: int) -> Version | None:
        if not back:
            return self._metadata.version(start.id)
        older = [version for version in self.live_versions(head) if version.seq <= start.seq]
        return older[back] if back < len(older) else None

    def _not_found(self, key: ObjectKey) -> str:
        names = [head.key.name for head in self._metadata.heads(HeadQuery(bucket=key.bucket, prefix=key.prefix))]
        near = difflib.get_close_matches(key.name, names, n=NEAREST, cutoff=0.3)
        store = {"data/": "datasets"}.get(key.prefix, key.prefix.strip("/"))
        hint = f"; nearest are: {', '.join(near)}" if near else "; nothing like it is there"
        return f"no object {key.name!r} in {store} of bucket {key.bucket!r}{hint}"

    def _no_version(self, head: Head, ref: ObjectRef) -> str:
        numbers = _ranges(version.seq for version in self.live_versions(head))
        tags = f" and the tags {', '.join(sorted(head.tags))}" if head.tags else " and no tags"
        return f"{head.key.name!r} has no version {ref.selector!r}; it has the versions {numbers}{tags}"


def _ranges(numbers: Iterable[int]) -> str:
    """Write numbers as ``1-3, 7``."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)
