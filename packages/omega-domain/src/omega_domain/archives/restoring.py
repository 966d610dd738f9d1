"""Restoring: an object of a backup as it was, with the numbers, times and authors of its versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from omega_domain.archives.importing import Copy, Outcome
from omega_domain.archives.selection import kept_versions
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.promotion import RESTORE
from omega_domain.entities.version import Version, VersionRef
from omega_domain.repository.finding import Finder
from omega_domain.repository.history import History
from omega_domain.trust import OF_HEAD, OF_VERSION


class Exact(Copy):
    """Makes an object what it was. Who restores it vouches for it as far as its signatures were trusted before."""

    def _choose(self) -> list[Version]:
        return list(self._entry.versions)

    def _origins(self, version: Version) -> tuple[str, ...]:
        return version.digest, str((version.provenance or {}).get("restored", ""))

    def _may_point_at(self, present: Head, version: Version) -> bool:  # noqa: ARG002 -- one of two ways
        return True

    def _is_same(self, present: Head, found: Mapping[str, Version], live: Sequence[Version]) -> bool:
        keep = self._context.retention.keep.get(self._store.prefix, "all")
        kept = [version.id for version in kept_versions(present, live, keep)]
        return (
            kept == [found[version.digest].id for version in self._wanted]
            and present.current.id == found[self._entry.current.digest].id
            and present.tags == self._tags(found)
            and present.attributes == self._entry.head.attributes
        )

    def _check_present(self, present: Head) -> None:
        """Restoring is how what was forged is mended; nothing that the present head says is carried on."""

    def _new_uid(self) -> str:
        """Return the old identity of the object if nothing here has it, such as what is left of a dropped object."""
        uid, metadata = self._entry.head.uid, self._context.metadata
        dropped = metadata.heads(HeadQuery(bucket=self._key.bucket, prefix=self._key.prefix, dropped=True))
        is_known = any(head.uid == uid for head in dropped) or bool(metadata.versions(uid))
        return self._context.new_id() if is_known else uid

    def _first_seq(self, version: Version, number: int) -> int:  # noqa: ARG002 -- one of two ways
        return version.seq

    def _record(self, outcome: Outcome, head: Head) -> None:
        if outcome == "unchanged":
            return
        versions = self._context.metadata.versions(head.uid)
        now = next(each for each in versions if isinstance(each, Version) and each.id == head.current.id)
        source = self._origin(self._entry.current)
        History(self._context).add(self._key, RESTORE, version=now, digest=now.digest, source=source)

    def _make(self, version: Version, *, uid: str, seq: int, parent: VersionRef | None) -> Version:
        """Return the version as it was, or if its payload, place or identity is another, one that says so."""
        parts = self._payload.parts_of(version)
        is_reborn = uid == version.uid and seq == version.seq and self._key == version.key
        if is_reborn and parent in {None, version.parent} and parts == version.parts:
            return version
        return replace(
            version,
            id=self._context.new_id(),
            uid=uid,
            key=self._key,
            seq=seq,
            parent=parent,
            parts=self._payload.pack(parts),
            provenance={**(version.provenance or {}), "restored": version.digest},
        )

    def _new_head(self, last: Version, landed: Mapping[str, Version], *, revision: int) -> Head:
        former, keys = self._entry.head, self._context.trust.keys
        seen = keys.last_seen(last.uid) if keys else 0
        head = super()._new_head(last, landed, revision=revision)
        number = max(former.revision, revision, seen)
        return replace(head, revision=number, created=former.created, modified=former.modified)

    def _changed_head(self, present: Head, head: Head, landed: Mapping[str, Version]) -> Head:
        after = super()._changed_head(present, head, landed)
        kept = {version.id for version in landed.values()}
        others = [version.id for version in Finder(self._context).live_versions(head) if version.id not in kept]
        former = self._entry.head
        return replace(
            after,
            tags=self._tags(landed),
            dropped_versions=tuple(dict.fromkeys([*after.dropped_versions, *others])),
            created=former.created,
            modified=max(former.modified, present.modified) if others else former.modified,
        )

    def _sign_version(self, made: Version, origin: Version) -> Version:
        """Keep the signature of what is as it was; what had to be changed is signed if it was trusted as it was."""
        if made.manifest == origin.manifest:
            return replace(made, signature=origin.signature)
        if self._is_trusted(OF_VERSION, origin.manifest, origin.signature):
            return self._context.trust.sign_version(made)
        return replace(made, signature="")

    def _sign_head(self, head: Head) -> Head:
        former = self._entry.head
        if head.statement == former.statement:
            return replace(head, signature=former.signature)
        if self._is_trusted(OF_HEAD, former.statement, former.signature):
            return self._context.trust.sign_head(head)
        return replace(head, signature="")

    def _is_trusted(self, domain: bytes, text: str, signature: str) -> bool:
        keys = self._context.trust.keys
        return keys is not None and bool(signature) and keys.verify(domain + text.encode(), signature) == "trusted"
