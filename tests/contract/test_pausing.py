"""Pauses of collect and amid operations, on the embedded store and on MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.testing.pausing import OPERATIONS, STANDSTILL, PausedCollectContract, PausedOperationsContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore


@pytest.fixture
def local_context(tmp_path: Path) -> Callable[[str], Context]:
    homes = count()

    def make(name: str) -> Context:
        home, clock = tmp_path / str(next(homes)), ManualClock()
        store = LocalStore(home, clock=clock)
        return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock)

    return make


@pytest.fixture
def mongo_context(mongo_server: MongoServer) -> Iterator[Callable[[str], Context]]:
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


class TestPausedCollectOnLocal(PausedCollectContract):
    """Some of the steps; all are looked at in memory."""

    most = 6

    @pytest.fixture
    def new_context(self, local_context: Callable[[str], Context]) -> Callable[[str], Context]:
        return local_context


class TestPausedOperationsOnLocal(PausedOperationsContract):
    """Some of the steps; all are looked at in memory."""

    most = 1

    @pytest.fixture
    def new_context(self, local_context: Callable[[str], Context]) -> Callable[[str], Context]:
        return local_context


class TestPausesOnMongo(PausedCollectContract):
    """A few of the steps; all are looked at in memory."""

    most = 2

    @pytest.fixture
    def new_context(self, mongo_context: Callable[[str], Context]) -> Callable[[str], Context]:
        return mongo_context

    def test_a_put_that_stands_still_is_done_or_refused(self, new_omega: Callable[[], Omega], archives: Path) -> None:
        self.collect_amid(OPERATIONS["put a new name"], new_omega, archives, STANDSTILL)
