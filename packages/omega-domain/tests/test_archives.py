"""Archives and backups on the in-memory adapters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAGE
from omega_domain.testing.archives import ArchiveContract, ArchiveFaultsContract


def new_context(name: str) -> Context:
    clock = ManualClock()
    return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock)


class TestArchivesOnMemory(ArchiveContract):
    """The contract, with pages of their real size."""

    page = PAGE

    @pytest.fixture
    def context(self) -> Context:
        return new_context("here")

    @pytest.fixture
    def other_context(self) -> Context:
        return new_context("there")


class TestArchiveFaultsOnMemory(ArchiveFaultsContract):
    """Every step, interrupted."""

    @pytest.fixture
    def new_context(self) -> Callable[[str], Context]:
        return new_context
