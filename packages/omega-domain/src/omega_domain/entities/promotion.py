"""Promotions: the plan of one, the outcomes of its gates, and the records of those that were done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

from omega_domain.entities.version import canonical_json, sha256_hex

#: What a record of the history is about.
Action = Literal["promote", "rollback", "approve", "import", "restore"]
PROMOTE: Action = "promote"
ROLLBACK: Action = "rollback"
APPROVE: Action = "approve"
IMPORT: Action = "import"
RESTORE: Action = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a gate says.

    Attributes:
        gate: the gate, as it was declared.
        passed: whether its condition is met.
        reason: why, for people.
        evidence: what it saw, in plain JSON types.
    """

    gate: str
    passed: bool
    reason: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"gate": self.gate, "passed": self.passed, "reason": self.reason, "evidence": dict(self.evidence)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A version of an object, and where it is.

    Attributes:
        context: name of the context.
        store: where the context keeps its payloads, without secrets.
        bucket: name of the bucket.
        prefix: prefix of the store, such as ``models/``.
        name: name of the object.
        version: number of the version; None if there is none yet.
        digest: SHA-256 of the version's manifest.
    """

    context: str
    store: str
    bucket: str
    prefix: str
    name: str
    version: int | None = None
    digest: str | None = None

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        version = "" if self.version is None else f"@{self.version}"
        return f"{self.context}:{self.bucket}/{self.name}{version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing in which the promoted version differs from the live one.

    Attributes:
        what: ``kind``, ``attributes``, ``metrics``, ``signature``, ``schema``, ``packages``, ``kind_meta`` or ``size``.
        name: which of them.
        live: as it is in the target; None if it is not there.
        promoted: as it will be; None if it will not be there.
    """

    what: str
    name: str
    live: Any
    promoted: Any

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionPlan:
    """What a promotion would do.

    Attributes:
        source: what is promoted.
        target: where to, with the version that is live there.
        versions: numbers of the source's versions that are copied, oldest first; the last becomes the live one.
        tags: tags of the source that travel -> number of its version.
        differences: what will be different in the target.
        size: bytes of the promoted version.
        bytes_to_copy: bytes that the target lacks.
        outcomes: what the gates say.
        forced: why it is done though a gate refuses.
        brings: plans of the datasets that are promoted before.
        is_done: whether the target is already as it would be.
    """

    source: Place
    target: Place
    versions: tuple[int, ...] = ()
    tags: Mapping[str, int] = field(default_factory=dict)
    differences: tuple[Difference, ...] = ()
    size: int = 0
    bytes_to_copy: int = 0
    outcomes: tuple[Outcome, ...] = ()
    forced: str | None = None
    brings: tuple[PromotionPlan, ...] = ()
    is_done: bool = False

    @property
    def whole(self) -> Iterator[PromotionPlan]:
        """The plans of what is brought along, and this one, in the order in which they are carried out."""
        for plan in self.brings:
            yield from plan.whole
        yield self

    @property
    def refusals(self) -> list[Outcome]:
        """The objections of all gates, also those to the datasets that are brought along."""
        return [outcome for plan in self.whole for outcome in plan.outcomes if not outcome.passed]

    @property
    def is_allowed(self) -> bool:
        """Whether no gate objects, or the promotion is forced."""
        return self.forced is not None or not self.refusals

    def __str__(self) -> str:
        """Text for people, a line for each thing that differs and each gate."""
        verdict = "would be promoted" if self.is_allowed else "would be refused"
        verdict = "is there already" if self.is_done else verdict
        lines = [f"{self.source} to {self.target} {verdict}: {self.size} bytes, {self.bytes_to_copy} to copy"]
        lines += [f"  {each.what} {each.name}: {each.live!r} -> {each.promoted!r}" for each in self.differences]
        lines += [f"  {'yes' if each.passed else 'no '} {each.gate}: {each.reason}" for each in self.outcomes]
        lines += [f"  {line}" for plan in self.brings for line in str(plan).splitlines()]
        return "\n".join(lines)

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "source": self.source.to_plain(),
            "target": self.target.to_plain(),
            "versions": list(self.versions),
            "tags": dict(self.tags),
            "differences": [difference.to_plain() for difference in self.differences],
            "size": self.size,
            "bytes_to_copy": self.bytes_to_copy,
            "gates": [outcome.to_plain() for outcome in self.outcomes],
            "forced": self.forced,
            "brings": [plan.to_plain() for plan in self.brings],
            "is_done": self.is_done,
            "is_allowed": self.is_allowed,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """A record of the history of an object. Each names the hash of the one before, so that a missing one is noticed.

    Attributes:
        id: of the promotion, or of whatever else is recorded.
        n: number of the record in the history of its name, 1 for the first.
        former: hash of the record before; empty for the first.
        action: ``promote``, ``rollback``, ``approve``, ``import`` (of an archive) or ``restore`` (of a backup).
        time: when, in UTC, as ISO text.
        author: who.
        bucket: bucket of the object.
        prefix: prefix of its store.
        name: name of the object.
        uid: the life of the name.
        version: number of the version that became live, or was approved; None if that is not here.
        digest: SHA-256 of that version's manifest.
        source: where it came from, or which version was put back; of what archive, too, if it came by one.
        gates: what the gates said.
        forced: why it was done though a gate refused.
        role: as what it was approved.
        note: what else was said.
        recorded_by: who wrote this record, if the author had no time to, or it was brought back by a restore.
        signature: of :attr:`statement`, by who wrote it; empty if it was not signed.
    """

    id: str
    n: int = 0
    former: str = ""
    action: Action
    time: str
    author: str
    bucket: str
    prefix: str
    name: str
    uid: str
    version: int | None
    digest: str
    source: Mapping[str, Any] | None = None
    gates: tuple[Mapping[str, Any], ...] = ()
    forced: str | None = None
    role: str | None = None
    note: str | None = None
    recorded_by: str = ""
    signature: str = ""

    @property
    def statement(self) -> str:
        """Canonical JSON of everything this record says."""
        plain = self.to_plain()
        del plain["signature"]
        return canonical_json(plain)

    @property
    def hash(self) -> str:
        """SHA-256 of the statement, in hex."""
        return sha256_hex(self.statement.encode())

    def behind(self, former: HistoryEntry | None) -> HistoryEntry:
        """Return this as the record that follows another one."""
        return replace(self, n=former.n + 1 if former else 1, former=former.hash if former else "")

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        source = dict(self.source) if self.source is not None else None
        return plain | {"source": source, "gates": [dict(gate) for gate in self.gates]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> HistoryEntry:
        """Rebuild from :meth:`to_plain`."""
        return cls(**{**plain, "gates": tuple(plain["gates"])})
