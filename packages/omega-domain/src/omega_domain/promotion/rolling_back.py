"""Rolling back: making what was live before a promotion live again, by a further version."""

from __future__ import annotations

from typing import Any

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import ROLLBACK
from omega_domain.entities.version import Payload, Version, chain
from omega_domain.errors import ConflictError, ObjectNotFoundError, PromotionError
from omega_domain.promotion.gate_specs import GATES
from omega_domain.promotion.planning import place_of
from omega_domain.repository.history import ACTION, ARCHIVED, ORIGIN, PROMOTION, History
from omega_domain.repository.metadata import Home, Metadata

RESTORES, ROLLBACK_OF = "restores", "rollback_of"


def roll_back(live: Metadata, *, reason: str = "") -> Metadata:
    """Make what was live before the current version live again; return its metadata. Once more goes further back.

    Raises:
        PromotionError: nothing was live before, or it was collected.
        ConflictError: something else became live meanwhile.
        UntrustedObjectError: what was live before is not trusted in this context.
    """
    store, key = live.objects, live.key
    head = live.head
    if head is None:
        raise PromotionError(f"{live.name!r} is not saved yet, so there is nothing to go back to")
    former = _former(head, store)
    before = store.metadata(f"{key.name}@{former.seq}", required=True)
    before.check_trust(is_code=False)
    if store.payloads.missing(former.parts):
        raise PromotionError(f"version {former.seq} of {live.name!r} can not be put back: its payload is gone; om fsck")
    provenance = _provenance(before, head, reason)

    def attempt() -> object:
        now = _present(key, head, store)
        return store.commits.try_commit(
            key,
            now,
            kind=former.kind,
            payload=Payload(former.parts, former.kind_meta),
            hold=store.payloads.lease(former.parts),
            attributes=_attributes(former, now),
            provenance=provenance,
        )

    store.commits.until_done(attempt, key)
    History(store.context).record(key)
    return store.metadata(key.name, required=True)


def live_before(versions: list[Version]) -> list[Version]:
    """Return what was live, one behind the other, as a stack: a rollback takes off what it undid.

    Args:
        versions: of an object, oldest first.
    """
    stack: list[Version] = []
    for version in versions:
        provenance = version.provenance or {}
        if provenance.get(ARCHIVED):
            continue
        if provenance.get(ACTION) == ROLLBACK:
            stack = [other for other in stack if other.seq < provenance[RESTORES]["version"]]
        stack.append(version)
    return stack


def _former(head: Head, store: Home) -> Version:
    records = chain(head.tip, store.context.metadata.versions(head.uid))
    dropped = set(head.dropped_versions)
    stack = live_before([version for version in reversed(records) if version.id not in dropped])
    current = next((n for n, version in enumerate(stack) if version.id == head.current.id), 0)
    if current == 0:
        raise PromotionError(
            f"{head.key.name!r} in bucket {head.key.bucket!r} can not be rolled back: nothing was live before version "
            f"{head.current.seq}, or it was collected (how much is kept is set by keep and grace)"
        )
    return stack[current - 1]


def _present(key: ObjectKey, head: Head, store: Home) -> Head:
    now = store.context.metadata.head(key)
    if now is None or now.uid != head.uid:
        raise ObjectNotFoundError(f"{key.name!r} was dropped meanwhile; nothing was changed")
    if now.current.id != head.current.id:
        raise ConflictError(
            f"version {now.current.seq} of {key.name!r} became live meanwhile; nothing was changed: look at om "
            "history, and roll back again if that is still meant"
        )
    return now


def _attributes(former: Version, head: Head) -> dict[str, Any]:
    own = {GATES: head.attributes[GATES]} if GATES in head.attributes else {}
    return {**former.attributes, **own}


def _provenance(before: Metadata, head: Head, reason: str) -> dict[str, Any]:
    """Where the content came from at first, and what is undone."""
    first = before.provenance
    origin = {name: first.get(name) for name in ORIGIN} if first else place_of(before).to_plain()
    return {
        **origin,
        ACTION: ROLLBACK,
        PROMOTION: before.objects.context.new_id(),
        RESTORES: {"id": before.ref.id, "version": before.version, "digest": before.digest},
        ROLLBACK_OF: {"id": head.current.id, "version": head.current.seq},
        "note": reason or None,
    }
