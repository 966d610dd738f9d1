"""Sending: a promotion that writes a signed file into a folder, and keeps a copy here of what was sent.

The store that is promoted to is that copy: what it has is what the other side has once it has received all files. So a
plan compares with what was sent last, the history says what was sent when, and a rollback is sent, too.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from omega_domain.archives.exporting import entry_of
from omega_domain.archives.writing import write_archive
from omega_domain.entities.delivery import Delivery
from omega_domain.entities.promotion import PromotionPlan
from omega_domain.errors import PromotionError
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.promotion import Promotion, PromotionRequest
from omega_domain.promotion.planning import Request, older_versions
from omega_domain.promotion.promoting import CopyingPromotion, request_of, require_allowed
from omega_domain.repository.metadata import Metadata

#: How the names of deliveries end.
ENDING: Final = ".omega"


class FolderPromotion(Promotion):
    """Sends what is promoted as a signed file in a folder, to be received by ``om receive`` on the other side.

    Gates that are declared here are asked here; those of the other side are asked there.

    Args:
        folder: the folder, such as that of a stick; it has to be there.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def plan(self, request: PromotionRequest) -> PromotionPlan:
        """Return what would be new to what was sent so far, and what the gates here say; nothing is written."""
        return CopyingPromotion().plan(request)

    def promote(self, request: PromotionRequest) -> StoredObject:
        """Send a version, then make it the current one of the copy here; nothing is sent that was sent already."""
        plan = self.plan(request)
        require_allowed(plan)
        if all(part.is_done for part in plan.whole) and not (request.tag or request.tags):
            return CopyingPromotion().promote(request)
        wanted = request_of(request)
        path = self._send(wanted, request)
        try:
            return CopyingPromotion(lambda _: {"sent": path.name}).promote(request)
        except PromotionError:  # the copy was changed meanwhile, and now a gate refuses
            path.unlink(missing_ok=True)
            raise

    def roll_back(self, live: StoredObject, *, reason: str = "") -> StoredObject:
        """Make what was live before live again in the copy here, and send that."""
        restored = CopyingPromotion().roll_back(live, reason=reason)
        request = PromotionRequest(source=restored, target=restored.objects)
        self._send(_of_copy(restored), request)
        return restored

    def _send(self, wanted: Request, request: PromotionRequest) -> Path:
        source = wanted.source
        entries = [entry_of([*older_versions(wanted), source]), *(entry_of([each.source]) for each in wanted.brings)]
        delivery = Delivery(
            bucket=source.bucket,
            prefix=source.prefix,
            name=source.name,
            version=wanted.version.seq,
            to_bucket=wanted.target.bucket,
            to_name=wanted.key.name,
            tag=request.tag,
            versions=request.versions,
            tags=request.tags,
            with_data=bool(wanted.brings),
        )
        if not self._folder.is_dir():
            raise PromotionError(
                f"{source.name!r} was not sent, nothing was changed: there is no folder {self._folder}; make it, or "
                "mount what it is on"
            )
        path = self._folder / _file_name(source)
        write_archive(source.objects.context, entries, path, delivery=delivery)
        return path


def _of_copy(restored: Metadata) -> Request:
    """Return the request that sends a version of the copy as it is."""
    version = restored.record
    assert version is not None  # noqa: S101 -- a rollback has saved it
    return Request(source=restored, version=version, target=restored.objects, key=restored.key)


def _file_name(source: Metadata) -> str:
    """Return a name that sorts by time, says what it is to people, and that no other file has."""
    context = source.objects.context
    words = "".join(sign if sign.isalnum() or sign in "-_." else "_" for sign in source.name)[-60:]
    return f"{context.clock.now():%Y%m%dT%H%M%S%f}-{words}-{context.new_id()[:8]}{ENDING}"
