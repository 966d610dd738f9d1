"""Atomicity on the embedded store and on MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from tests.seeds import every
from tests.servers.databases import Databases

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.testing.atomicity import AtomicityContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import MongoMetadataStore, MongoStore


class TestAtomicityOnLocal(AtomicityContract):
    """Every operation, interrupted by some faults; ``make soak`` tries all."""

    @pytest.fixture
    def stride(self) -> int:
        return every(3)

    @pytest.fixture
    def new_context(self, tmp_path: Path) -> Callable[[str], Context]:
        homes = count()

        def make(name: str) -> Context:
            home, clock = tmp_path / str(next(homes)), ManualClock()
            store = LocalStore(home, clock=clock)
            return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock)

        return make


class TestAtomicityOnMongo(AtomicityContract):
    """Every operation, interrupted by some faults; ``make soak`` tries all."""

    @pytest.fixture
    def stride(self) -> int:
        return every(11)

    @pytest.fixture
    def new_context(self, databases: Databases) -> Iterator[Callable[[str], Context]]:
        made: dict[str, ExitStack] = {}

        def make(name: str) -> Context:
            made.setdefault(name, ExitStack()).close()  # gives back what the last of this name has
            connection, clock = made[name].enter_context(databases.lending())(), ManualClock()
            store = MongoStore(connection, clock=clock)
            return Context(name=name, metadata=MongoMetadataStore(connection), store=store, clock=clock)

        yield make
        for stack in made.values():
            stack.close()
