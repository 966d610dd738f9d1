"""Atomicity on the embedded store."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.atomicity import AtomicityContract
from omega_local import LocalMetadataStore, LocalStore


class TestAtomicityOnLocal(AtomicityContract):
    """Every operation, interrupted at every step."""

    @pytest.fixture
    def new_context(self, tmp_path: Path) -> Callable[[str], Context]:
        homes = count()

        def make(name: str) -> Context:
            home, clock = tmp_path / str(next(homes)), ManualClock()
            store = LocalStore(home, clock=clock)
            return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock)

        return make
