"""Promotion under faults, on the in-memory adapters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.adapters.memory.store import MemoryStore
from omega_domain.repository.context import Context
from omega_domain.testing.atomicity import PromotionAtomicityContract


def new_context(name: str) -> Context:
    clock = ManualClock()
    return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock)


class TestFromOneContextToAnother(PromotionAtomicityContract):
    """As from development to production."""

    @pytest.fixture
    def new_contexts(self) -> Callable[[], tuple[Context, Context]]:
        return lambda: (new_context("here"), new_context("there"))


class TestWithinAContext(PromotionAtomicityContract):
    """From one bucket to another."""

    @pytest.fixture
    def new_contexts(self) -> Callable[[], tuple[Context, Context]]:
        def make() -> tuple[Context, Context]:
            context = new_context("here")
            return context, context

        return make
