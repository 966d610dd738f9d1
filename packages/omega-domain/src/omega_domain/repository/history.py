"""The history of an object: who promoted, rolled back, approved or brought in what, when, from where, on what evidence.

It is kept in the target's context, in the reserved collection ``omega.history``, which is only ever added to. Records
of a name are numbered, each holds the hash of the one before, and who writes one signs it. What a promotion, rollback
or import did is in the provenance of its version, too, and becomes visible with it: from there a record is written that
whoever made the version had no time to write.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Final, Literal

from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import APPROVE, PROMOTE, Action, HistoryEntry
from omega_domain.entities.version import Version, chain
from omega_domain.errors import CorruptPayloadError, DuplicateDocumentError, StoreReadOnlyError
from omega_domain.ports.environment import Trusting
from omega_domain.ports.store import Document, Store
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import Payloads
from omega_domain.trust import ANY

HISTORY: Final = "omega.history"
OF_HISTORY: Final = b"omega-ml history\n"

#: Fields of a provenance: id of the promotion, what was done, and that a version was never live itself.
PROMOTION, ACTION, ARCHIVED = "promotion", "action", "archived"
#: Fields of a provenance that say where a version came from.
ORIGIN: Final = ("context", "store", "bucket", "prefix", "name", "version", "digest")
#: Those that only rollbacks, only what came in a file, or only what was sent in one have.
_ORIGIN_TOO: Final = ("restores", "rollback_of", "archive", "sent")

Verdict = Literal["trusted", "foreign", "forged", "unsigned"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A record that is missing or was changed: its number, and what is wrong."""

    n: int
    what: str


class History:
    """Reads and writes the history of the objects of one context."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._commits = Commits(context, Payloads(context))
        self._entries = context.store.collection(HISTORY)

    def entries(self, key: ObjectKey) -> list[HistoryEntry]:
        """Return the records of a name as they are, oldest first; nothing is written."""
        return entries_of(self._context.store, key)

    def read(self, key: ObjectKey) -> list[HistoryEntry]:
        """Return the records of a name, oldest first, after writing those that were left out by who died too early."""
        try:
            return self.record(key)
        except StoreReadOnlyError:
            return self._complete(key, self.entries(key))

    def record(self, key: ObjectKey) -> list[HistoryEntry]:
        """Write the records of all promotions and rollbacks that have none, in the order of their versions.

        Returns:
            All records of the name.
        """

        def attempt() -> list[HistoryEntry] | None:
            known = self.entries(key)
            complete = self._complete(key, known)
            return complete if all(self._insert(entry) for entry in complete[len(known) :]) else None

        return self._commits.until_done(attempt, key)

    def approve(self, key: ObjectKey, *, version: Version | None, digest: str, role: str, note: str) -> HistoryEntry:
        """Record that a version was approved as something; return the record."""
        return self.add(key, APPROVE, version=version, digest=digest, role=role, note=note or None)

    def add(self, key: ObjectKey, action: Action, *, version: Version | None, digest: str, **more: Any) -> HistoryEntry:
        """Record what no version tells; return the record."""
        said = HistoryEntry(
            id=self._context.new_id(),
            action=action,
            time=self._context.clock.now().isoformat(),
            author=self._context.author,
            **_named(key),
            uid=version.uid if version else "",
            version=version.seq if version else None,
            digest=digest,
            **more,
        )
        return self._append(key, said, self.record)

    def every(self) -> list[HistoryEntry]:
        """Return the records of all names as they are, each name from its first one on."""
        return [_from_document(document) for document in self._entries.find(sort=[("_id", 1)])]

    def restore(self, records: Iterable[HistoryEntry]) -> None:
        """Bring records back that are missing; none that is there is changed.

        Where others were written meanwhile, the missing ones follow them, signed by who restores if they were trusted.
        """
        for key, of_key in groupby(records, lambda record: ObjectKey(record.bucket, record.prefix, record.name)):
            known = {record.id for record in self.entries(key)}
            for record in of_key:
                if record.id not in known:
                    self._append(key, record, self.entries)

    def _append(
        self, key: ObjectKey, said: HistoryEntry, known_of: Callable[[ObjectKey], list[HistoryEntry]]
    ) -> HistoryEntry:
        def attempt() -> HistoryEntry | None:
            known = known_of(key)
            entry = said.behind(known[-1] if known else None)
            if entry != said:
                entry = self._renewed(said, entry)
            return entry if self._insert(entry) else None

        return self._commits.until_done(attempt, key)

    def _renewed(self, said: HistoryEntry, entry: HistoryEntry) -> HistoryEntry:
        """Sign a record that got another place; one that is brought back only if it was trusted where it was."""
        if not said.n:
            return self._signed(entry)
        entry = replace(entry, recorded_by=self._context.author)
        return self._signed(entry) if verdict_on(said, self._context.trust) == "trusted" else entry

    def problems(self, key: ObjectKey) -> list[Problem]:
        """Return what is wrong with the records of a name: some are missing, or were changed."""
        return list(_problems(self.entries(key), self._context.trust))

    def _complete(self, key: ObjectKey, known: list[HistoryEntry]) -> list[HistoryEntry]:
        """Return the records with those behind them that are missing."""
        head = self._context.metadata.head(key)
        if head is None:
            return known
        recorded = {entry.id for entry in known}
        complete = list(known)
        for version in reversed(chain(head.tip, self._context.metadata.versions(head.uid))):
            if _is_recorded(version) and (version.provenance or {})[PROMOTION] not in recorded:
                entry = replace(_of_version(version), recorded_by=self._context.author)
                complete.append(self._signed(entry.behind(complete[-1] if complete else None)))
        return complete

    def _signed(self, entry: HistoryEntry) -> HistoryEntry:
        keys = self._context.trust.keys
        return replace(entry, signature=keys.sign(OF_HISTORY + entry.statement.encode())) if keys else entry

    def _insert(self, entry: HistoryEntry) -> bool:
        """Add a record; return False if another one has its number."""
        try:
            self._entries.insert_many([_to_document(entry)])
        except DuplicateDocumentError:
            return False
        return True


def entries_of(store: Store, key: ObjectKey) -> list[HistoryEntry]:
    """Return the records of a name in a store as they are, oldest first; nothing is written."""
    start = _start(key)
    found = store.collection(HISTORY).find({"_id": {"$gte": f"{start}#", "$lt": f"{start}$"}}, sort=[("_id", 1)])
    return [_from_document(document) for document in found]


def verdict_on(entry: HistoryEntry, trust: Trusting) -> Verdict:
    """Tell who signed a record."""
    if not entry.signature or trust.keys is None:
        return "unsigned"
    return trust.keys.verify(OF_HISTORY + entry.statement.encode(), entry.signature)


def is_trusted(entry: HistoryEntry, trust: Trusting) -> bool:
    """Tell whether a record counts in a context; where everybody is trusted, all do that were not changed."""
    verdict = verdict_on(entry, trust)
    return verdict == "trusted" or (trust.policy == ANY and verdict != "forged")


def _problems(entries: list[HistoryEntry], trust: Trusting) -> Iterator[Problem]:
    former: HistoryEntry | None = None
    for entry in entries:
        expected = former.n + 1 if former else 1
        if entry.n != expected:
            yield Problem(expected, f"records {expected} to {entry.n - 1} are missing")
        elif entry.former != (former.hash if former else ""):
            yield Problem(entry.n, "it does not follow the record before: one of the two was changed")
        if not is_trusted(entry, trust):
            yield Problem(entry.n, f"its signature is {verdict_on(entry, trust)}")
        former = entry


def _is_recorded(version: Version) -> bool:
    provenance = version.provenance or {}
    return PROMOTION in provenance and not provenance.get(ARCHIVED)


def _of_version(version: Version) -> HistoryEntry:
    provenance = version.provenance or {}
    return HistoryEntry(
        id=provenance[PROMOTION],
        action=provenance.get(ACTION, PROMOTE),
        time=version.created.isoformat(),
        author=version.author,
        **_named(version.key),
        uid=version.uid,
        version=version.seq,
        digest=version.digest,
        source={name: provenance.get(name) for name in ORIGIN}
        | {name: provenance[name] for name in _ORIGIN_TOO if name in provenance},
        gates=tuple(provenance.get("gates", ())),
        forced=provenance.get("forced"),
        note=provenance.get("note"),
    )


def _named(key: ObjectKey) -> dict[str, Any]:
    return {"bucket": key.bucket, "prefix": key.prefix, "name": key.name}


def _start(key: ObjectKey) -> str:
    return f"{key.bucket}/{key.prefix}{key.name}"


def _to_document(entry: HistoryEntry) -> Document:
    """The statement is kept as the text that was signed."""
    start = _start(ObjectKey(entry.bucket, entry.prefix, entry.name))
    return {"_id": f"{start}#{entry.n:010d}", "statement": entry.statement, "signature": entry.signature}


def _from_document(document: Document) -> HistoryEntry:
    try:
        return HistoryEntry.from_plain({**json.loads(document["statement"]), "signature": document["signature"]})
    except (ValueError, TypeError, LookupError) as error:
        raise CorruptPayloadError(
            f"the record {document['_id']} of the history can not be read: it was changed outside of omega-ml ({error})"
        ) from error
