"""Atomicity on the embedded store and on MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.atomicity import AtomicityContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore


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


class TestAtomicityOnMongo(AtomicityContract):
    """Every operation, interrupted at every step."""

    @pytest.fixture
    def new_context(self, mongo_server: MongoServer) -> Iterator[Callable[[str], Context]]:
        made: dict[str, tuple[str, Connection]] = {}

        def end(name: str) -> None:
            database, connection = made.pop(name)
            connection.client.drop_database(database)
            connection.close()

        def make(name: str) -> Context:
            if name in made:  # hundreds of databases at once would be slow
                end(name)
            database, clock = new_database(), ManualClock()
            connection = Connection(mongo_server.url_of(database))
            made[name] = database, connection
            store = MongoStore(connection, clock=clock)
            return Context(name=name, metadata=MongoMetadataStore(connection), store=store, clock=clock)

        yield make
        for name in list(made):
            end(name)
