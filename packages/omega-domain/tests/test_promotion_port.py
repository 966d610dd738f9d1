from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.archives.exporting import export_objects, import_objects
from omega_domain.deliveries.sending import FolderPromotion
from omega_domain.entities.promotion import PromotionPlan
from omega_domain.errors import PromotionError
from omega_domain.omega import Omega
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.promotion import Promotion, PromotionRequest
from omega_domain.promotion.promoting import CopyingPromotion, own_metadata, require_allowed
from omega_domain.repository.context import Context
from omega_domain.repository.objects import Objects
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend
from omega_domain.testing.promotion import PromotionPortContract


class ArchivingPromotion(Promotion):
    """Carries objects in a signed file, as to a place that no network leads to; knows no other names and no tags."""

    def __init__(self, folder: Path) -> None:
        self._copying = CopyingPromotion()
        self._file = folder / "carried"

    def plan(self, request: PromotionRequest) -> PromotionPlan:
        return self._copying.plan(request)

    def promote(self, request: PromotionRequest) -> StoredObject:
        plan = self.plan(request)
        require_allowed(plan)
        target = cast("Objects", request.target)
        if not plan.is_done:
            source = own_metadata(request.source)
            store = cast("Objects", source.objects)
            export_objects(store.context, [(store, f"{source.name}@{source.version}")], self._file)
            import_objects(target.context, self._file, lambda bucket, prefix: target)
        return target.metadata(request.source.name, required=True)

    def roll_back(self, live: StoredObject, *, reason: str = "") -> StoredObject:
        return self._copying.roll_back(live, reason=reason)


class _OnMemory:
    @pytest.fixture
    def context(self) -> Context:
        return _context("here")

    @pytest.fixture
    def other_context(self) -> Context:
        return _context("there")


class TestCopyingPromotion(_OnMemory, PromotionPortContract):
    @pytest.fixture
    def promotion(self) -> Promotion:
        return CopyingPromotion()


class TestArchivingPromotion(_OnMemory, PromotionPortContract):
    @pytest.fixture
    def promotion(self, tmp_path: Path) -> Promotion:
        return ArchivingPromotion(tmp_path)


class TestFolderPromotion(_OnMemory, PromotionPortContract):
    @pytest.fixture
    def promotion(self, tmp_path: Path) -> Promotion:
        return FolderPromotion(tmp_path)


def test_an_omega_is_given_its_promotion(tmp_path: Path) -> None:
    promotion = ArchivingPromotion(tmp_path)
    context = _context("there")
    given = Omega(metadata=context.metadata, store=context.store, promotion=promotion)
    assert given["prod"].context.promotion is promotion
    assert Omega(context, promotion=promotion).context.promotion is promotion
    assert Omega(context).context.promotion is None


def test_the_context_of_the_target_chooses_the_promotion(tmp_path: Path) -> None:
    source, target = OmegaStore(_context("here")), OmegaStore(_context("there"))
    source.register_backend(TextBackend.KIND, TextBackend)
    source.put("one", "a")
    abroad = OmegaStore(replace(target.context, promotion=ArchivingPromotion(tmp_path)))
    source.promote("a", abroad)
    assert (tmp_path / "carried").exists()
    assert [entry.action for entry in abroad.history("a")] == ["import"]


def test_what_is_in_no_store_of_an_omega_is_not_copied() -> None:
    store = OmegaStore(_context("here"))
    store.register_backend(TextBackend.KIND, TextBackend)
    foreign: Any = _Foreign()
    for request in (
        PromotionRequest(source=foreign, target=store),
        PromotionRequest(source=store.put("one", "a"), target=foreign),
    ):
        with pytest.raises(PromotionError, match="of an Omega"):
            CopyingPromotion().promote(request)


class _Foreign:
    """An object and a store that another library has made."""

    name = "foreign"


def _context(name: str) -> Context:
    return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(), clock=ManualClock())
