"""Machines whose clock is wrong, on the embedded store and on MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.repository.context import Context
from omega_domain.testing.clocks import ClockContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore


class TestClocksOnLocal(ClockContract):
    """The clock of the file system."""

    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        home = tmp_path / "home"
        return Context(metadata=LocalMetadataStore(home), store=LocalStore(home), clock=SystemClock())


class TestClocksOnMongo(ClockContract):
    """The clock of the server."""

    @pytest.fixture
    def context(self, mongo_server: MongoServer) -> Iterator[Context]:
        with closing(Connection(mongo_server.url_of(new_database()))) as connection:
            store = MongoStore(connection)
            yield Context(metadata=MongoMetadataStore(connection), store=store, clock=SystemClock())
            connection.client.drop_database(store.database.name)
