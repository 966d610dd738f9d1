"""Promotion under faults, on the in-memory adapters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.adapters.memory.store import MemoryStore
from omega_domain.services.context import Context
from omega_domain.testing.promotion_atomicity import PromotionAtomicityContract


def new_context(name: str) -> Context:
    clock = ManualClock()
    return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock)


class TestPromotionAtomicityOnMemory(PromotionAtomicityContract):
    """From one context to another, and within one."""

    @pytest.fixture(params=["another context", "the same context"])
    def new_contexts(self, request: pytest.FixtureRequest) -> Callable[[], tuple[Context, Context]]:
        def make() -> tuple[Context, Context]:
            here = new_context("here")
            return here, new_context("there") if request.param == "another context" else here

        return make
