"""Losses on the in-memory adapters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.repository.context import Context
from omega_domain.testing.losses import LossContract


class TestLossesInMemory(LossContract):
    """Other heads and versions beside the same payloads."""

    @pytest.fixture
    def context(self) -> Context:
        clock = ManualClock()
        return Context(metadata=MemoryMetadataStore(), store=MemoryStore(clock=clock), clock=clock)

    def forget(self, context: Context) -> Context:
        return replace(context, metadata=MemoryMetadataStore())
