"""Named objects on the in-memory adapters."""

from __future__ import annotations

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.adapters.memory.store import MemoryStore
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAGE
from omega_domain.testing.names import HiddenNamesContract, NamesContract
from omega_domain.testing.omega_store import (
    CollectContract,
    CustomBackendContract,
    OmegaStoreContract,
    PromotionContract,
)


def _context(name: str) -> Context:
    clock = ManualClock()
    return Context(
        name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock, author="ada"
    )


class _OnMemory:
    @pytest.fixture
    def context(self) -> Context:
        return _context("here")

    @pytest.fixture
    def other_context(self) -> Context:
        return _context("there")


class TestOmegaStoreOnMemory(_OnMemory, OmegaStoreContract):
    """Objects by name."""


class TestCustomBackendOnMemory(_OnMemory, CustomBackendContract):
    """Backends of third parties."""


class TestPromotionOnMemory(_OnMemory, PromotionContract):
    """Promotion."""


class TestCollectOnMemory(_OnMemory, CollectContract):
    """Collect, check and usage, with pages of their real size."""

    page = PAGE


class TestNamesOnMemory(_OnMemory, NamesContract):
    """Verbs and the grammar of names."""


class TestHiddenNamesOnMemory(_OnMemory, HiddenNamesContract):
    """Hidden names, and those of the runtime."""
