"""Atomicity on the in-memory adapters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.adapters.memory.store import MemoryStore
from omega_domain.repository.context import Context
from omega_domain.testing.atomicity import AtomicityContract


class TestAtomicityOnMemory(AtomicityContract):
    """Every operation, interrupted at every step."""

    @pytest.fixture
    def new_context(self) -> Callable[[str], Context]:
        def make(name: str) -> Context:
            clock = ManualClock()
            store = MemoryStore(name, clock=clock)
            return Context(name=name, metadata=MemoryMetadataStore(), store=store, clock=clock)

        return make
