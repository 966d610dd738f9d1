"""Named objects on the embedded store: the same contract as in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.omega_store import (
    CollectContract,
    CustomBackendContract,
    OmegaStoreContract,
    PromotionContract,
)
from omega_local import LocalMetadataStore, LocalStore


def _context(name: str, home: Path) -> Context:
    clock = ManualClock()
    store = LocalStore(home, clock=clock)
    return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock, author="ada")


class _OnLocal:
    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        return _context("here", tmp_path / "here")

    @pytest.fixture
    def other_context(self, tmp_path: Path) -> Context:
        return _context("there", tmp_path / "there")


class TestOmegaStoreOnLocal(_OnLocal, OmegaStoreContract):
    """Objects by name."""


class TestCustomBackendOnLocal(_OnLocal, CustomBackendContract):
    """Backends of third parties."""


class TestPromotionOnLocal(_OnLocal, PromotionContract):
    """Promotion."""


class TestCollectOnLocal(_OnLocal, CollectContract):
    """Collect, check and usage."""
