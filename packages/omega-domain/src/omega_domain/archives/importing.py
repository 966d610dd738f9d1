"""Importing: objects of an archive into a context, each in one step, so that nobody ever sees half of one.

Versions that come along are stored where nobody sees them before the last: those of a new name under a head that is
dropped until the last commit, those of a present name as dropped versions of it. A crash leaves what collect removes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from omega_domain.archives.payloads import PayloadLanding
from omega_domain.archives.selection import kept_versions
from omega_domain.entities.archive import Entry
from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import IMPORT
from omega_domain.entities.version import Version, VersionRef
from omega_domain.repository.finding import Finder
from omega_domain.repository.history import ACTION, ARCHIVED, PROMOTION, History

if TYPE_CHECKING:
    from omega_domain.archives.reading import Source
    from omega_domain.repository.objects import Objects

Outcome = Literal["new", "changed", "unchanged"]
StoreOf = Callable[[str, str], "Objects"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What became of an object of an archive.

    Attributes:
        bucket, prefix, name: where it is now.
        version: number of its current version.
        versions: how many versions were written.
        size: bytes of payload that were written.
        outcome: whether the object is new, was changed, or was there already.
    """

    bucket: str
    prefix: str
    name: str
    version: int
    versions: int
    size: int
    outcome: Outcome

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


def import_entries(
    source: Source, entries: Iterable[Entry], store_of: StoreOf, landing: type[Copy] | None = None
) -> list[Imported]:
    """Make the objects of an archive what their names stand for; return what became of each.

    Args:
        source: the archive.
        entries: which of its objects.
        store_of: the store that an object of this bucket and prefix is to be in.
        landing: how; by default versions are put on top of those that are there, in the name of who imports them.
    """
    done = []
    for entry in entries:
        store = store_of(entry.head.key.bucket, entry.head.key.prefix)
        done.append((landing or Copy)(source, store, entry).land())
    return done


class Copy:
    """Puts the versions of an object on top of what is there, as a promotion would."""

    def __init__(self, source: Source, store: Objects, entry: Entry) -> None:
        self._source = source
        self._store = store
        self._context = store.context
        self._entry = entry
        self._key = ObjectKey(store.bucket, store.prefix, entry.head.key.name)
        self._payload = PayloadLanding(source, store, self._key.name)
        self._wanted = self._choose()
        self._written = 0
        self._id = self._context.new_id()

    def land(self) -> Imported:
        """Bring the object in; return what became of it."""
        outcome, head = self._store.commits.until_done(self._attempt, self._key)
        self._record(outcome, head)
        return Imported(
            bucket=self._key.bucket,
            prefix=self._key.prefix,
            name=self._key.name,
            version=head.current.seq,
            versions=self._written,
            size=self._payload.written,
            outcome=outcome,
        )

    def _attempt(self) -> tuple[Outcome, Head] | None:
        present = self._context.metadata.head(self._key)
        self._written = 0
        if present is None:
            head = self._begin()
            return None if head is None else ("new", head)
        live = list(reversed(Finder(self._context).live_versions(present)))
        found = {digest: version for version in live for digest in self._origins(version)}
        todo = self._missing(present, found)
        if not todo and self._is_same(present, found, live):
            return "unchanged", present
        head = self._go_on(present, found, todo)
        return None if head is None else ("changed", head)

    def _begin(self) -> Head | None:
        """Make a new object, which is dropped until it is complete."""
        uid, landed, head = self._new_uid(), {}, None
        parent: VersionRef | None = None
        for number, version in enumerate(self._wanted, start=1):
            made = self._make(version, uid=uid, seq=self._first_seq(version, number), parent=parent)
            landed[version.digest], parent = made, made.ref
            is_last = version is self._wanted[-1]
            after = self._new_head(made, landed, revision=number) if is_last else self._hidden(made, number)
            if not self._commit(head, after, version, made):
                return None
            head = after
        return head

    def _go_on(self, present: Head, found: Mapping[str, Version], todo: Sequence[Version]) -> Head | None:
        """Change an object that is there; what comes before the last step stays out of sight."""
        self._check_present(present)
        landed, head = {each.digest: found[each.digest] for each in self._wanted if each.digest in found}, present
        for version in todo:
            made = self._make(version, uid=head.uid, seq=head.tip.seq + 1, parent=head.tip)
            landed[version.digest] = made
            if version is todo[-1]:
                return self._finish(present, head, landed, version)
            after = replace(
                head,
                revision=head.revision + 1,
                tip=made.ref,
                dropped_versions=(*head.dropped_versions, made.id),
                version=None,
            )
            if not self._commit(head, after, version, made):
                return None
            head = after
        return self._finish(present, head, landed, None)

    def _finish(self, present: Head, head: Head, landed: Mapping[str, Version], last: Version | None) -> Head | None:
        after = self._changed_head(present, head, landed)
        return after if self._commit(head, after, last, landed[last.digest] if last else None) else None

    def _commit(self, before: Head | None, after: Head, origin: Version | None, made: Version | None) -> bool:
        hold = None
        if origin is not None and made is not None:
            hold = self._payload.lease(origin)
            made = self._sign_version(made, origin)
            self._written += 1
        return self._store.commits.publish(before, self._sign_head(after), made, hold=hold)

    def _hidden(self, version: Version, revision: int) -> Head:
        now = self._context.clock.now()
        return Head(
            key=self._key,
            uid=version.uid,
            revision=revision,
            kind=version.kind,
            current=version.ref,
            tip=version.ref,
            created=now,
            modified=now,
            dropped=now,
        )

    def _missing(self, present: Head, found: Mapping[str, Version]) -> list[Version]:
        """Return the versions to be written: those that are not there, and the current one if it is not on top."""
        todo = [version for version in self._wanted if version.digest not in found]
        current = self._entry.current
        if current not in todo and (todo or not self._may_point_at(present, found[current.digest])):
            todo.append(current)
        return todo

    def _tags(self, landed: Mapping[str, Version]) -> dict[str, VersionRef]:
        return {
            tag: landed[version.digest].ref for tag, version in self._entry.tags.items() if version.digest in landed
        }

    # -- what differs for objects that are to be exactly as they were ----------------------------------------------

    def _choose(self) -> list[Version]:
        """Leave out what the retention here would not keep, so that the same import again finds all that it wants."""
        keep = self._context.retention.keep.get(self._store.prefix, "all")
        kept = kept_versions(self._entry.head, self._entry.versions, keep)
        return sorted(kept, key=lambda version: version is self._entry.current)

    def _origins(self, version: Version) -> tuple[str, ...]:
        return version.digest, str((version.provenance or {}).get("digest", ""))

    def _may_point_at(self, present: Head, version: Version) -> bool:
        return version.id == present.current.id

    def _is_same(
        self,
        present: Head,
        found: Mapping[str, Version],
        live: Sequence[Version],  # noqa: ARG002 -- one of two ways
    ) -> bool:
        tags = self._tags(found)
        same_tags = all(tag in present.tags and present.tags[tag].id == ref.id for tag, ref in tags.items())
        return same_tags and present.attributes == self._entry.head.attributes

    def _check_present(self, present: Head) -> None:
        self._context.trust.check_before_change(present)

    def _new_uid(self) -> str:
        return self._context.new_id()

    def _first_seq(self, version: Version, number: int) -> int:  # noqa: ARG002 -- one of two ways
        return number

    def _record(self, outcome: Outcome, head: Head) -> None:  # noqa: ARG002 -- one of two ways
        """Write what happened to the history."""
        History(self._context).record(self._key)

    def _make(self, version: Version, *, uid: str, seq: int, parent: VersionRef | None) -> Version:
        return Version(
            id=self._context.new_id(),
            uid=uid,
            key=self._key,
            seq=seq,
            kind=version.kind,
            parts=self._payload.pack(self._payload.parts_of(version)),
            kind_meta=version.kind_meta,
            attributes=version.attributes,
            parent=parent,
            author=self._context.author,
            created=self._context.clock.now(),
            provenance=self._provenance(version),
        )

    def _provenance(self, version: Version) -> dict[str, Any]:
        """Only the current version becomes live by the import, so only that is for the history."""
        became = {ACTION: IMPORT, PROMOTION: self._id} if version is self._entry.current else {ARCHIVED: True}
        return self._origin(version) | became

    def _origin(self, version: Version) -> dict[str, Any]:
        keys, index = self._context.trust.keys, self._source.index
        signer = keys.signer(self._source.signature) if keys and self._source.signature else ""
        return {
            "context": index.context,
            "bucket": version.key.bucket,
            "prefix": version.key.prefix,
            "name": version.key.name,
            "version": version.seq,
            "digest": version.digest,
            "archive": {
                "name": self._source.name,
                "time": index.time.isoformat(),
                "by": index.author,
                "signer": signer,
            },
        }

    def _new_head(self, last: Version, landed: Mapping[str, Version], *, revision: int) -> Head:
        current = landed[self._entry.current.digest]
        head = replace(self._hidden(last, revision), kind=current.kind, current=current.ref, dropped=None)
        return replace(head, tags=self._tags(landed), attributes=self._entry.head.attributes)

    def _changed_head(self, present: Head, head: Head, landed: Mapping[str, Version]) -> Head:
        current = landed[self._entry.current.digest]
        staged = {version.id for version in landed.values()}
        return replace(
            head,
            revision=head.revision + 1,
            kind=current.kind,
            current=current.ref,
            tip=max(head.tip, *(version.ref for version in landed.values()), key=lambda ref: ref.seq),
            tags={**present.tags, **self._tags(landed)},
            dropped_versions=tuple(id_ for id_ in head.dropped_versions if id_ not in staged),
            attributes=self._entry.head.attributes,
            modified=self._context.clock.now(),
            version=None,
        )

    def _sign_version(self, made: Version, origin: Version) -> Version:  # noqa: ARG002 -- one of two ways
        return self._context.trust.sign_version(made)

    def _sign_head(self, head: Head) -> Head:
        return self._context.trust.sign_head(head)
