"""Losses: payloads of which nothing is known any more, which must not be taken for payloads that nothing needs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from omega_domain.entities.version import Version
from omega_domain.ports.store import SupportsLosses
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAYLOADS
from omega_domain.upkeep.liveness import Lineage, Survey

#: Holds a document while there are objects, as far as collect has seen.
OBJECTS = "omega.objects"
REMEDY = "restore it from a backup; or, if nothing of it is wanted, give it up by `om gc --force`"

_SEEN = {"_id": "seen"}


def losses(context: Context, found: Survey, *, now: datetime) -> Iterator[str]:
    """Say what was lost of what tells which payloads are needed; nothing if all of it is there.

    Args:
        context: the context.
        found: its objects and records.
        now: whoever writes at this moment still holds a lease.
    """
    if isinstance(context.store, SupportsLosses):
        yield from context.store.losses()
    if not found.lineages and context.store.collection(OBJECTS).find_one(_SEEN):
        yield from _nameless(context, found, now)


def missing_records(context: Context, found: Survey) -> Iterator[str]:
    """Say of which living objects a record is missing: what it needs is not known, and what is older is not found."""
    for lineage in found.lineages:
        if lineage.missing and _is_still_so(context, lineage):
            yield f"a record of {lineage.head.key} is missing (put it again, or drop what `om fsck` names)"


def note_objects(context: Context, found: Survey) -> None:
    """Note whether there will be objects after a collect, so that the next one knows whether to expect any."""
    seen = context.store.collection(OBJECTS)
    if any(not lineage.is_gone for lineage in found.lineages):
        if seen.find_one(_SEEN) is None:  # on a full disk nothing is written that need not be
            seen.update_one(_SEEN, {"$set": {"seen": True}}, upsert=True)
    else:
        seen.delete_many(_SEEN)


def accept_losses(context: Context) -> None:
    """Take for garbage what nothing is known of."""
    if isinstance(context.store, SupportsLosses):
        context.store.accept_losses()


def _nameless(context: Context, found: Survey, now: datetime) -> Iterator[str]:
    """Say what is here though there is no object."""
    horizon = now - context.retention.lease
    versions = sum(isinstance(stray, Version) and stray.created < horizon for stray in found.strays)
    sizes = [info.size for info in context.store.files.find() if info.leased_until < now]
    documents = context.store.collection(PAYLOADS).count_documents({"leased_until": {"$lt": now}})
    if versions or sizes or documents:
        yield (
            f"{context.store.url} knows no object any more, but holds {versions} version(s), {len(sizes)} blob(s) of "
            f"{sum(sizes)} bytes and {documents} set(s) of documents: what named them was lost"
        )


def _is_still_so(context: Context, lineage: Lineage) -> bool:
    """Tell whether the head still leads to what was not found; another collect may have been faster."""
    head = context.metadata.head(lineage.head.key)
    if head is None or head.uid != lineage.head.uid:
        return False
    needed = {head.current.id, *(ref.id for ref in head.tags.values())}
    return any(ref.id in needed for ref in lineage.missing)
