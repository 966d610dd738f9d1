"""Receiving: what others have sent in files of a folder, promoted here if the gates here let it pass.

A delivery lands in a context that is gone with this process, beside the payloads of the target, and is promoted from
there as from any other context: no gate is passed over, and all appears in one step. Who sent it is compared first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from omega_domain.adapters.memory import MemoryMetadataStore
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.archives.importing import import_entries
from omega_domain.archives.reading import Archive, open_archive
from omega_domain.archives.restoring import Exact
from omega_domain.deliveries.sending import ENDING
from omega_domain.entities.delivery import Delivery, Received
from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Version
from omega_domain.errors import ArchiveError, OmegaError
from omega_domain.ports.promotion import PromotionRequest
from omega_domain.ports.store import Collection, Files, Store
from omega_domain.promotion.promoting import CopyingPromotion, require_allowed
from omega_domain.repository.context import Context
from omega_domain.repository.history import History
from omega_domain.stores import OmegaStore
from omega_domain.trust import SIGNED, Trust

_TIME: Final = "time"
_ARCHIVE: Final = "archive"


def receive(context: Context, folder: Path, *, dry_run: bool = False, force: str | None = None) -> list[Received]:
    """Promote all deliveries in a folder, in the order in which they were sent; return what became of each.

    A delivery that is refused changes nothing and may be received later; the others go on. What was received before is
    left, and so is what was sent before something that was received in the same name.

    Args:
        context: where to.
        folder: the folder.
        dry_run: only ask the gates. Payloads land in the store, which collects them.
        force: why it is done even if a gate refuses; it is recorded.

    Raises:
        ArchiveError: the folder can not be read.
    """
    found: list[Received] = []
    waiting: list[tuple[datetime, Path]] = []
    for path in _files(folder):
        try:
            with open_archive(path, trust=context.trust) as archive:
                if archive.index.form == "delivery":
                    waiting.append((archive.index.time, path))
        except OmegaError as error:
            found.append(Received(file=path.name, outcome="refused", reason=str(error)))
    return found + [_receive(context, path, dry_run=dry_run, force=force) for _, path in sorted(waiting)]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.endswith(ENDING) and not path.name.startswith("."))
    except OSError as error:
        raise ArchiveError(f"{folder} can not be read: {error.strerror or error}") from error


def _receive(context: Context, path: Path, *, dry_run: bool, force: str | None) -> Received:
    try:
        with open_archive(path, trust=context.trust) as archive:
            if archive.index.delivery is not None:
                return _Receiving(context, archive, archive.index.delivery).run(dry_run=dry_run, force=force)
    except OmegaError as error:
        return Received(file=path.name, outcome="refused", reason=str(error))
    return Received(file=path.name, outcome="refused", reason="it was replaced meanwhile: receive it again")


class _Receiving:
    """Receives one delivery."""

    def __init__(self, context: Context, archive: Archive, delivery: Delivery) -> None:
        self._archive, self._delivery = archive, delivery
        self._target = OmegaStore(context, prefix=delivery.prefix, bucket=delivery.to_bucket)
        self._said = Received(
            file=archive.name,
            time=archive.index.time,
            prefix=delivery.prefix,
            bucket=delivery.to_bucket,
            name=delivery.to_name,
            outcome="refused",
        )

    def run(self, *, dry_run: bool, force: str | None) -> Received:
        index = self._archive.index
        newest = max(self._received(), default=None)
        if newest is not None and index.time <= newest:
            if index.time == newest:
                return replace(self._said, outcome="received")
            return replace(self._said, outcome="superseded", reason=f"what was sent at {newest.isoformat()} is here")
        try:
            return self._promote(dry_run=dry_run, force=force)
        except OmegaError as error:
            return replace(self._said, reason=str(error))

    def _received(self) -> Iterator[datetime]:
        """Iterate over the times at which was sent what became live in this name."""
        key = ObjectKey(self._delivery.to_bucket, self._delivery.prefix, self._delivery.to_name)
        for entry in History(self._target.context).read(key):
            source = entry.source or {}
            note = source.get(_ARCHIVE)
            if (
                source.get("context") == self._archive.index.context
                and isinstance(note, Mapping)
                and "delivery" in note
            ):
                yield datetime.fromisoformat(note[_TIME])

    def _promote(self, *, dry_run: bool, force: str | None) -> Received:
        wanted, promotion = self._delivery, CopyingPromotion(self._noted)
        staged = self._staged()
        import_entries(
            self._archive,
            self._archive.index.objects,
            lambda bucket, prefix: OmegaStore(staged, prefix=prefix, bucket=bucket),
            landing=_Arriving,
        )
        source = OmegaStore(staged, prefix=wanted.prefix, bucket=wanted.bucket)
        request = PromotionRequest(
            source=source.metadata(f"{wanted.name}@{wanted.version}", required=True),
            target=self._target,
            asname=wanted.to_name,
            tag=wanted.tag,
            force=force,
            with_data=wanted.with_data,
            versions=wanted.versions,
            tags=wanted.tags,
        )
        if dry_run:
            require_allowed(promotion.plan(request))
            return replace(self._said, outcome="allowed")
        return replace(self._said, outcome="promoted", version=promotion.promote(request).version)

    def _staged(self) -> Context:
        """Return a context for what arrives: what is in it is signed and trusted by a key that nobody has."""
        context = self._target.context
        trust = Trust(MemoryKeyRing(), SIGNED, code=context.trust.code, types=context.trust.types)
        return replace(
            context,
            name=self._archive.index.context,
            metadata=MemoryMetadataStore(),
            store=_Arrived(context.store, self._archive.name),
            trust=trust,
            promotion=None,
        )

    def _noted(self, version: Version) -> dict[str, Any]:
        """Return what the provenance is to say; of a changed version the digest is the one sent."""
        index, keys = self._archive.index, self._target.context.trust.keys
        signature = self._archive.signature
        return {
            "digest": (version.provenance or {}).get("restored", version.digest),
            _ARCHIVE: {
                "name": self._archive.name,
                _TIME: index.time.isoformat(),
                "by": index.author,
                "signer": keys.signer(signature) if keys and signature else "",
                "delivery": True,
            },
        }


class _Arriving(Exact):
    """Lands an object as it was sent; the signature of the whole delivery stands for that of each version."""

    def _sign_version(self, made: Version, origin: Version) -> Version:  # noqa: ARG002 -- the signature of Copy
        return self._context.trust.sign_version(made)

    def _sign_head(self, head: Head) -> Head:
        return self._context.trust.sign_head(head)

    def _record(self, outcome: object, head: Head) -> None:
        """Nothing is kept of the history of what is gone with this process."""


class _Arrived(Store):
    """The payloads of the target, as those of a delivery."""

    def __init__(self, store: Store, name: str) -> None:
        self._store, self._name = store, name

    @property
    def files(self) -> Files:
        return self._store.files

    def collection(self, key: str) -> Collection:
        return self._store.collection(key)

    def collections(self) -> list[str]:
        return self._store.collections()

    @property
    def url(self) -> str:
        return f"delivery {self._name}"
