"""Collect: removing what nothing can reach any more (``om gc``).

Safe beside writers and readers: versions are taken out of their head by compare-and-swap before they are removed,
so that none can become current or tagged meanwhile; payloads are deleted only if their lease has ended, in one step
each; and nothing younger than the grace period is touched. A crash leaves work for the next run, never damage.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import DATA, TEMPORARY
from omega_domain.entities.version import Tombstone, Version
from omega_domain.errors import ObjectNotFoundError, StoreDamagedError
from omega_domain.logbook.records import LOGS
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAYLOADS, Payloads, of_token
from omega_domain.tasks.records import TaskRecords
from omega_domain.upkeep.liveness import Lineage, Survey, reachable, survey
from omega_domain.upkeep.losses import REMEDY, accept_losses, losses, missing_records, note_objects

BATCH = 500
#: How long temporary objects are kept that no task waits for: arguments of dead clients, and large results.
TEMPORARY_FOR = timedelta(days=1)
#: How long the record of a task is kept after its end, and what tasks logged.
HISTORY_FOR = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class CollectReport:
    """What a run of collect removed, or would remove.

    Attributes:
        objects: names of dropped objects that are gone for good, and of what the runtime kept for tasks and left.
        versions: number of versions removed.
        blobs: number of blobs deleted.
        documents: number of sets of documents deleted.
        size: bytes of the deleted blobs.
        leftovers: files that dead writers had left.
        tasks: number of tasks that ended long ago and whose records were removed.
        log_records: number of old records of logs that were removed.
        is_dry_run: whether this only says what would be done.
    """

    objects: list[str] = field(default_factory=list)
    versions: int = 0
    blobs: int = 0
    documents: int = 0
    size: int = 0
    leftovers: list[str] = field(default_factory=list)
    tasks: int = 0
    log_records: int = 0
    is_dry_run: bool = False

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


def collect(
    context: Context, *, grace: timedelta | None = None, dry_run: bool = False, force: bool = False
) -> CollectReport:
    """Remove what nothing can reach any more from a context; return what was removed.

    Args:
        context: the context.
        grace: how long what was replaced or dropped is kept; by default what the retention says.
        dry_run: only say what would be removed.
        force: remove also payloads of which nothing is known because what named them was lost.

    Raises:
        StoreDamagedError: what tells which payloads are needed was lost; nothing was removed.
        ClockError: the clock of this machine and that of the store are too far apart to decide over leases.
    """
    return _Collector(context, grace, CollectReport(is_dry_run=dry_run)).run(force=force)


class _Collector:
    """One run of collect."""

    def __init__(self, context: Context, grace: timedelta | None, report: CollectReport) -> None:
        self._context = context
        self._payloads = Payloads(context)
        self._commits = Commits(context, self._payloads)
        self._grace = grace
        self._report = report
        self._start = (
            context.clock.now()
            if report.is_dry_run
            else context.store_time.now(context.store, context.clock, context.retention.lease)
        )
        self._removed: set[str] = set()
        self._objects: list[str] = []

    def run(self, *, force: bool) -> CollectReport:
        """Collect; losses that are found are given up if ``force`` is set, else they end this."""
        self._drop_temporary()
        found = survey(self._context, grace=self._grace, now=self._start)
        self._look_for_losses(found, force=force)
        for lineage in found.lineages:
            self._collect_versions(lineage)
        self._collect_strays(found)
        needed = set(reachable(self._payloads, self._left()))
        self._collect_blobs(needed)
        self._collect_documents(needed)
        self._forget_history()
        horizon = self._start - self._context.retention.lease
        left = [] if self._report.is_dry_run else self._context.store.files.sweep(older_than=horizon)
        return replace(self._report, objects=self._objects, leftovers=left)

    def _count(self, **more: int) -> None:
        """Add numbers to those of the report."""
        self._report = replace(self._report, **{what: getattr(self._report, what) + n for what, n in more.items()})

    def _look_for_losses(self, found: Survey, *, force: bool) -> None:
        """Refuse to go on where nothing is known of payloads: that is no reason to remove them."""
        lost = [] if force else [*losses(self._context, found, now=self._start), *missing_records(self._context, found)]
        if lost:
            raise StoreDamagedError(f"nothing was removed: {'; '.join(lost)}. Mend: {REMEDY}")
        if self._report.is_dry_run:
            return
        if force:
            accept_losses(self._context)
        note_objects(self._context, found)

    def _drop_temporary(self) -> None:
        needed = TaskRecords(self._context).needed()
        for head in self._context.metadata.heads(HeadQuery(prefix=DATA, starts_with=TEMPORARY)):
            is_old = self._start - head.modified > TEMPORARY_FOR
            if is_old and (head.key.bucket, head.key.name) not in needed:
                dropped = partial(self._dropped, revision=head.revision)
                if self._report.is_dry_run or self._update(head, dropped):
                    self._objects.append(str(head.key))

    def _dropped(self, present: Head, *, revision: int) -> Head:
        if present.revision != revision:
            raise ObjectNotFoundError("it was put again meanwhile")
        return replace(present, dropped=self._start)

    def _forget_history(self) -> None:
        records, horizon = TaskRecords(self._context), self._start - HISTORY_FOR
        logs, old = self._context.store.collection(LOGS), {"time": {"$lt": horizon}}
        self._count(tasks=records.count_ended(before=horizon), log_records=logs.count_documents(old))
        if not self._report.is_dry_run:
            records.forget(before=horizon)
            logs.delete_many(old)

    def _left(self) -> Iterator[Version]:
        """Iterate over all versions that are there now; one that was needed again meanwhile was not removed."""
        for record in self._context.metadata.records():
            if isinstance(record, Version) and record.id not in self._removed:
                yield record

    def _collect_versions(self, lineage: Lineage) -> None:
        if lineage.is_gone:
            self._collect_gone(lineage)
        elif lineage.head.dropped is None:
            self._collect_superseded(lineage)

    def _collect_gone(self, lineage: Lineage) -> None:
        """Remove a dropped object, unless its head is about to come to life: an import makes it that way."""
        head = lineage.head
        if not self._mark_gone(head):
            return
        self._objects.append(str(head.key))
        versions = {version.id for version in lineage.superseded}
        self._remove(versions, of=len(versions), trace=versions.union(lineage.expired), uids=[head.uid])

    def _mark_gone(self, head: Head) -> bool:
        """Change a dropped head, so that whoever would bring it to life finds that somebody was faster."""
        after = self._context.trust.sign_head(replace(head, revision=head.revision + 1))
        return self._report.is_dry_run or self._context.metadata.commit(after, expected=head.revision)

    def _collect_superseded(self, lineage: Lineage) -> None:
        """Take versions out of the head, then remove them; those with older live ones leave a tombstone."""
        expired = set(lineage.expired)
        for batch in _batches(lineage.superseded):
            ids = {version.id for version in batch}
            if not self._mark_dropped(lineage.head, ids):
                return
            buried = [_bury(version) for version in batch if version.id not in expired]
            self._remove(ids, of=len(ids), trace=[*buried, *(ids & expired)])
            self._release(lineage.head, ids)
        self._remove(expired - {version.id for version in lineage.superseded}, of=0)

    def _remove(
        self,
        ids: Collection[str],
        *,
        of: int,
        trace: Iterable[str | Tombstone] | None = None,
        uids: Iterable[str] = (),
    ) -> None:
        """Remove records for good, unless this is a dry run.

        Args:
            ids: of the versions that are removed.
            of: how many of them count for the report.
            trace: what to remove, with tombstones in place of ids where something must be left; by default the ids.
            uids: heads that go, too.
        """
        self._count(versions=of)
        self._removed.update(ids)
        left = list(ids if trace is None else trace)
        if not self._report.is_dry_run and (left or uids):
            self._context.metadata.purge(uids=uids, versions=left)

    def _mark_dropped(self, head: Head, ids: set[str]) -> bool:
        """Mark versions as dropped in the head; return False if one of them has become current or tagged meanwhile."""

        def marked(present: Head) -> Head:
            needed = {present.current.id, *(ref.id for ref in present.tags.values())}
            if needed & ids:
                raise ObjectNotFoundError("a version is needed again")
            return replace(present, dropped_versions=tuple(dict.fromkeys([*present.dropped_versions, *ids])))

        return self._report.is_dry_run or self._update(head, marked)

    def _release(self, head: Head, ids: set[str]) -> None:
        if not self._report.is_dry_run:
            self._update(head, partial(_without_dropped, ids=ids))

    def _update(self, head: Head, change: Callable[[Head], Head]) -> bool:
        try:
            self._commits.update(head.key, change, uid=head.uid, touch=False)
        except ObjectNotFoundError:
            return False
        return True

    def _collect_strays(self, found: Survey) -> None:
        """Remove records that were never committed, once their writer must be dead."""
        horizon = self._start - self._context.retention.lease
        old = [stray for stray in found.strays if isinstance(stray, Tombstone) or stray.created < horizon]
        leased = self._leased() if old else set()
        ids = {stray.id for stray in old if isinstance(stray, Tombstone) or leased.isdisjoint(_refs(stray))}
        self._remove(ids, of=len(ids))

    def _leased(self) -> set[str]:
        """Return the payloads that somebody holds: a version that is restored is old, its leases are not."""
        blobs = {info.id for info in self._context.store.files.find() if not self._is_over(info.leased_until)}
        documents = self._context.store.collection(PAYLOADS).find({"leased_until": {"$gte": self._start}})
        return blobs.union(entry["_id"] for entry in documents)

    def _collect_blobs(self, needed: set[str]) -> None:
        sizes = {
            info.id: info.size
            for info in self._context.store.files.find()
            if info.id not in needed and self._is_over(info.leased_until)
        }
        deleted = set(sizes)
        if not self._report.is_dry_run:
            deleted = self._context.store.files.delete(sizes, leased_before=self._start)
        self._count(blobs=len(deleted), size=sum(sizes[blob] for blob in deleted))

    def _collect_documents(self, needed: set[str]) -> None:
        entries = self._context.store.collection(PAYLOADS).find()
        for entry in sorted(entries, key=lambda entry: "#" in entry["_id"]):  # drop collections, then rows
            if entry["_id"] in needed or not self._is_over(entry["leased_until"]):
                continue
            self._count(documents=1)
            if not self._report.is_dry_run and self._doom(entry["_id"]):
                self._delete_documents(entry["_id"])

    def _is_over(self, leased_until: datetime) -> bool:
        """Tell whether a lease had ended when this run began.

        What was committed since then has renewed its lease since then, so it counts as leased however long this run
        takes or stands still; what was committed before is in the mark.
        """
        return leased_until < self._start

    def _doom(self, ref: str) -> bool:
        """Mark a payload for deletion; a writer that renews its lease from now on is told that it is gone."""
        over = {"_id": ref, "leased_until": {"$lt": self._start}}
        return self._context.store.collection(PAYLOADS).update_one(over, {"$set": {"doomed": True}}).matched_count > 0

    def _delete_documents(self, ref: str) -> None:
        key, _, token = ref.partition("#")
        if token:
            self._context.store.collection(key).delete_many(of_token(token))
        else:
            self._context.store.collection(key).drop()
        self._context.store.collection(PAYLOADS).delete_many({"_id": ref})


def _batches(versions: list[Version]) -> list[list[Version]]:
    return [versions[start : start + BATCH] for start in range(0, len(versions), BATCH)]


def _refs(version: Version) -> set[str]:
    return {part.ref for part in version.parts}


def _bury(version: Version) -> Tombstone:
    return Tombstone(id=version.id, uid=version.uid, seq=version.seq, parent=version.parent)


def _without_dropped(head: Head, *, ids: set[str]) -> Head:
    return replace(head, dropped_versions=tuple(id_ for id_ in head.dropped_versions if id_ not in ids))
