"""Commands on what is live: its history, its gates, approvals, and back to what was live before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from omega_domain.commands.facts import ObjectFacts
from omega_domain.commands.promotion_facts import HistoryFacts
from omega_domain.commands.registry import Command, command
from omega_domain.commands.requests import OfObjectIn
from omega_domain.entities.delivery import Received
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import HistoryEntry
from omega_domain.omega import STORE_NAMES, Omega
from omega_domain.promotion.gate_specs import GATES, known_gates
from omega_domain.repository.history import History
from omega_domain.stores import OmegaStore


@dataclass(frozen=True, kw_only=True)
class ShowHistory(OfObjectIn):
    """Of which object the history is asked for."""


@command("promotion.history", right="{store}:read@{bucket}/{plain_name}")
def history(om: Omega, request: ShowHistory) -> HistoryFacts:
    """Show what became live in a name: who, when, from where, and why."""
    store = request.store_in(request.target(om))
    entries = tuple(store.history(request.name))
    problems = History(store.context).problems(ObjectKey(store.bucket, store.prefix, request.name))
    return HistoryFacts(records=entries, problems=tuple(f"record {each.n}: {each.what}" for each in problems))


@dataclass(frozen=True, kw_only=True)
class RollBack(OfObjectIn):
    """Which object is to be what it was.

    Attributes:
        reason: why; it is recorded.
    """

    reason: str = ""


@command("promotion.rollback", right="{store}:promote@{bucket}/{plain_name}", changes=True)
def rollback(om: Omega, request: RollBack) -> ObjectFacts:
    """Make what was live before the last promotion live again."""
    store = request.store_in(request.target(om))
    return ObjectFacts.of(store.rollback(request.name, reason=request.reason))


@dataclass(frozen=True, kw_only=True)
class ApproveObject(OfObjectIn):
    """Which version is approved, and as what.

    Attributes:
        role: as what: ``release``, or what a gate asks for.
        note: what else there is to say.
        digest: approve the version of this digest, which need not be here yet.
    """

    role: str
    note: str = ""
    digest: str | None = None


@command("promotion.approve", right="{store}:approve.{role}@{bucket}/{plain_name}", changes=True)
def approve(om: Omega, request: ApproveObject) -> HistoryEntry:
    """Record an approval, for gates such as ``approved_by('release')``."""
    store = request.store_in(request.target(om))
    return store.approve(request.name, request.role, request.note, digest=request.digest)


@dataclass(frozen=True, kw_only=True)
class Receive:
    """Which folder is received, and how.

    Attributes:
        folder: the folder.
        dry_run: only ask the gates.
        force: why it is done even if a gate refuses; the reason is recorded.
    """

    folder: Path
    dry_run: bool = False
    force: str | None = None


@command("promotion.receive", right="*:promote", changes=True)
def receive(om: Omega, request: Receive) -> tuple[Received, ...]:
    """Promote what others have sent by files in a folder, if the gates here let it pass."""
    return tuple(om.receive(request.folder, dry_run=request.dry_run, force=request.force))


@dataclass(frozen=True, kw_only=True)
class ListGates:
    """Of which bucket the gates are asked for.

    Attributes:
        bucket: the bucket; by default the one that the request is given to.
    """

    bucket: str | None = None

    def target(self, om: Omega) -> Omega:
        """Return the bucket that this is about."""
        return om if self.bucket is None else om[self.bucket]


@dataclass(frozen=True, kw_only=True)
class DeclaredGate:
    """A gate of a bucket.

    Attributes:
        store: of which store's objects it lets pass.
        object: of which object only; null for all.
        gate: the gate, as it was declared.
        by: ``settings``, or ``object`` if an attribute of the object demands it.
    """

    store: str
    object: str | None
    gate: str
    by: Literal["settings", "object"]


@dataclass(frozen=True, kw_only=True)
class KnownGate:
    """A gate that can be declared.

    Attributes:
        gate: its name.
        demands: its condition.
    """

    gate: str
    demands: str


@dataclass(frozen=True, kw_only=True)
class GateFacts:
    """The gates that objects must pass to be promoted to a bucket.

    Attributes:
        bucket: the bucket.
        declared: its gates.
        known: all that can be declared.
    """

    bucket: str
    declared: tuple[DeclaredGate, ...]
    known: tuple[KnownGate, ...]


@command("promotion.gates", right="*:read@{bucket}")
def gates(om: Omega, request: ListGates) -> GateFacts:
    """List the gates that objects must pass to be promoted to a bucket, and all that can be declared."""
    there = request.target(om)
    known = known_gates(there.context.gates)
    return GateFacts(
        bucket=there.bucket,
        declared=tuple(each for name in STORE_NAMES for each in _declared(getattr(there, name), name)),
        known=tuple(KnownGate(gate=name, demands=text) for name, text in known.items()),
    )


def _declared(store: OmegaStore, name: str) -> Iterator[DeclaredGate]:
    for spec in store.context.gates.of(store.bucket, store.prefix):
        yield DeclaredGate(store=name, object=None, gate=str(spec), by="settings")
    for meta in store.list(raw=True, hidden=True):
        given = meta.attributes.get(GATES, ())
        for spec in [given] if isinstance(given, str) else given:
            yield DeclaredGate(store=name, object=meta.name, gate=str(spec), by="object")


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (history, rollback, approve, receive, gates)
