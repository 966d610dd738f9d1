"""Facts about promotions: what one would do and what is on record, for programs, and in the words for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omega_domain.entities.promotion import Difference, HistoryEntry, Outcome, Place, PromotionPlan


@dataclass(frozen=True, kw_only=True)
class PromotionFacts:
    """What a promotion would do.

    Attributes:
        source: the version that is promoted.
        target: where to, with the version that is live there.
        versions: numbers of the source's versions that are copied, oldest first; the last becomes the live one.
        tags: tags of the source that travel, and the number of the version of each.
        differences: what will be different in the target.
        size: bytes of the promoted version.
        bytes_to_copy: bytes that the target lacks.
        gates: what the gates say.
        forced: why it is done though a gate refuses.
        brings: the same of the datasets that are promoted before.
        is_done: whether the target is already as it would be.
        is_allowed: whether no gate objects, or the promotion is forced.
    """

    source: Place
    target: Place
    versions: tuple[int, ...]
    tags: Mapping[str, int]
    differences: tuple[Difference, ...]
    size: int
    bytes_to_copy: int
    gates: tuple[Outcome, ...]
    forced: str | None
    brings: tuple[PromotionFacts, ...]
    is_done: bool
    is_allowed: bool

    @classmethod
    def of(cls, plan: PromotionPlan) -> PromotionFacts:
        """Return the facts of a plan."""
        return cls(
            source=plan.source,
            target=plan.target,
            versions=plan.versions,
            tags=plan.tags,
            differences=plan.differences,
            size=plan.size,
            bytes_to_copy=plan.bytes_to_copy,
            gates=plan.outcomes,
            forced=plan.forced,
            brings=tuple(map(cls.of, plan.brings)),
            is_done=plan.is_done,
            is_allowed=plan.is_allowed,
        )

    @property
    def whole(self) -> Iterator[PromotionFacts]:
        """The facts of what is brought along, and these, in the order in which it is carried out."""
        for facts in self.brings:
            yield from facts.whole
        yield self

    @property
    def outline(self) -> dict[str, Any]:
        """The main facts for people, without tags and datasets if none travel."""
        facts: dict[str, Any] = {
            "from": str(self.source),
            "to": f"{self.target} (new)" if self.target.version is None else str(self.target),
            "takes": [str(version) for version in self.versions],
            "size": self.size,
            "to copy": sum(facts.bytes_to_copy for facts in self.whole),
        }
        if self.tags:
            facts["tags"] = [f"{tag}@{version}" for tag, version in self.tags.items()]
        if self.brings:
            facts["brings"] = [f"{facts.source} -> {facts.target}" for facts in self.brings]
        return facts | {"would": self.would}

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The differences for people: what, and the values that are live and promoted."""
        return [
            {
                "what": each.what if each.name == each.what else f"{each.what} {each.name}",
                "live": each.live,
                "promoted": each.promoted,
            }
            for each in self.differences
        ]

    @property
    def said(self) -> list[dict[str, Any]]:
        """What the gates say for people, also of what is brought along: gate, of what object, yes or no, and why."""
        return [
            {"gate": each.gate, "of": facts.source.name, "says": "yes" if each.passed else "no", "why": each.reason}
            for facts in self.whole
            for each in facts.gates
        ]

    @property
    def would(self) -> str:
        """What the promotion would do, in words for people."""
        if all(facts.is_done for facts in self.whole):
            return "change nothing: it is there already"
        if all(outcome.passed for facts in self.whole for outcome in facts.gates):
            return "be done"
        return "be forced, which is recorded" if self.is_allowed else "be refused"


@dataclass(frozen=True, kw_only=True)
class HistoryFacts:
    """What is on record of a name.

    Attributes:
        records: the records, oldest first.
        problems: which of them are missing or were changed.
    """

    records: tuple[HistoryEntry, ...]
    problems: tuple[str, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The records for people: when, who, did, version, from, gates, why."""
        return [_row(entry) for entry in self.records]


def _row(entry: HistoryEntry) -> dict[str, Any]:
    passed = sum(1 for gate in entry.gates if gate["passed"])
    return {
        "when": datetime.fromisoformat(entry.time),
        "who": entry.author,
        "did": f"approve as {entry.role}" if entry.role else entry.action,
        "version": entry.version,
        "from": _origin(entry.source),
        "gates": f"{passed} of {len(entry.gates)}" if entry.gates else None,
        "why": f"forced: {entry.forced}" if entry.forced else entry.note,
    }


def _origin(source: Mapping[str, Any] | None) -> str | None:
    if not source:
        return None
    if "restores" in source:
        return f"version {source['restores']['version']}"
    if "archive" in source:
        return str(source["archive"]["name"])
    return "{context}:{bucket}/{name}@{version}".format_map(source)
