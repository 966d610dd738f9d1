"""Liveness: what may still be needed. One rule that collect, check and usage share.

A version is live if it is the current one, is tagged, is among the newest that the retention keeps, or was replaced
within the grace period. A dropped object is live for the grace period. A blob, page or document is live if a live
version reaches it; until its lease ends nobody touches it even if none does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.version import Part, Tombstone, Version, VersionRef
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import Payloads

Record = Version | Tombstone


@dataclass(slots=True)
class Lineage:
    """The versions of one object, sorted by liveness.

    Attributes:
        head: the head they belong to.
        live: versions that may be needed, newest first.
        superseded: versions that nobody needs any more, newest first.
        expired: ids of records older than all live ones; they can go without a trace.
        is_gone: whether the object itself was dropped and its grace is over.
        missing: references that lead to no record, though a live version should be there.
    """

    head: Head
    live: list[Version] = field(default_factory=list)
    superseded: list[Version] = field(default_factory=list)
    expired: list[str] = field(default_factory=list)
    is_gone: bool = False
    missing: list[VersionRef] = field(default_factory=list)


@dataclass(slots=True)
class Survey:
    """All objects of a context, and records that belong to none."""

    lineages: list[Lineage]
    strays: list[Record]

    @property
    def live(self) -> Iterator[Version]:
        """All live versions of the context."""
        return (version for lineage in self.lineages for version in lineage.live)


def survey(context: Context, *, grace: timedelta | None = None, now: datetime | None = None) -> Survey:
    """Sort all versions of a context by liveness.

    Heads are read before records: what is committed in between shows up as a stray, which is left alone while its
    payload is leased.

    Args:
        context: the context.
        grace: how long what was replaced or dropped is live; by default what the retention says.
        now: the moment to judge by, which must not be later than this call; by default that of this call.
    """
    rule = _Rule(context, context.retention.grace if grace is None else grace, now or context.clock.now())
    heads = [*context.metadata.heads(HeadQuery()), *context.metadata.heads(HeadQuery(dropped=True))]
    records: dict[str, dict[str, Record]] = {}
    for record in context.metadata.records():
        records.setdefault(record.uid, {})[record.id] = record
    lineages: list[Lineage] = []
    strays: list[Record] = []
    for head in heads:
        own = records.pop(head.uid, {})
        lineages.append(rule.sort(head, own))
        strays += own.values()
    strays += [record for own in records.values() for record in own.values()]
    return Survey(lineages, strays)


def reachable(payloads: Payloads, versions: Iterator[Version]) -> dict[str, Part]:
    """Return every part that these versions reach, pages included, by its reference."""
    found: dict[str, Part] = {}
    for version in versions:
        for part in version.parts:
            if part.ref not in found:
                found.update((reached.ref, reached) for reached in payloads.walk([part]))
    return found


class _Rule:
    """The rule of liveness at one moment."""

    def __init__(self, context: Context, grace: timedelta, now: datetime) -> None:
        self._retention = replace(context.retention, grace=grace)
        self._now = now

    def sort(self, head: Head, records: dict[str, Record]) -> Lineage:
        """Take the records of one head's chain out of ``records`` and sort them by liveness."""
        lineage = Lineage(head, is_gone=head.dropped is not None and not self._is_fresh(head.dropped))
        tagged = {ref.id for ref in head.tags.values()} | {head.current.id}
        keep = self._retention.keep.get(head.key.prefix, "all")
        newest, replaced_at = 0, self._now
        seen: list[Record] = []
        ref: VersionRef | None = head.tip
        while ref is not None and (record := records.pop(ref.id, None)) is not None:
            seen.append(record)
            if isinstance(record, Version):
                dropped = record.id in head.dropped_versions
                is_kept = record.id in tagged or (not dropped and (keep == "all" or newest < keep))
                newest += not dropped
                left_at = head.modified if dropped else replaced_at
                is_live = not lineage.is_gone and (is_kept or self._is_fresh(left_at))
                (lineage.live if is_live else lineage.superseded).append(record)
                replaced_at = record.created
            ref = record.parent
        self._find_missing(lineage, {record.id for record in seen})
        self._find_expired(lineage, seen)
        return lineage

    def _is_fresh(self, moment: datetime) -> bool:
        return self._now - moment < self._retention.grace

    @staticmethod
    def _find_missing(lineage: Lineage, seen: set[str]) -> None:
        needed = [lineage.head.current, *lineage.head.tags.values()]
        lineage.missing = [] if lineage.is_gone else [ref for ref in needed if ref.id not in seen]

    @staticmethod
    def _find_expired(lineage: Lineage, seen: list[Record]) -> None:
        live = {version.id for version in lineage.live}
        for record in reversed(seen):
            if record.id in live:
                return
            lineage.expired.append(record.id)
