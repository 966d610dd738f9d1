"""What names payloads is lost, on the embedded store and on MongoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.testing.losses import LossContract
from omega_local import LocalMetadataStore, LocalStore
from omega_local.database import Database
from omega_mongo import Connection, MongoMetadataStore, MongoStore
from omega_mongo.names import HEADS, VERSIONS


class TestLossesOnLocal(LossContract):
    """The tables of a home are emptied."""

    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        clock, home = ManualClock(), tmp_path / "home"
        return Context(metadata=LocalMetadataStore(home), store=LocalStore(home, clock=clock), clock=clock)

    def forget(self, context: Context) -> Context:
        home = Path(context.store.url.removeprefix("file://"))
        with Database(home).write() as connection:
            connection.execute("DELETE FROM heads")
            connection.execute("DELETE FROM versions")
        return context


class TestLossesOnMongo(LossContract):
    """The collections are emptied."""

    @pytest.fixture
    def context(self, mongo_server: MongoServer) -> Iterator[Context]:
        clock = ManualClock()
        with closing(Connection(mongo_server.url_of(new_database()))) as connection:
            store = MongoStore(connection, clock=clock)
            yield Context(metadata=MongoMetadataStore(connection), store=store, clock=clock)
            connection.client.drop_database(store.database.name)

    def forget(self, context: Context) -> Context:
        assert isinstance(context.store, MongoStore)
        for name in (HEADS, VERSIONS):
            context.store.database[name].delete_many({})
        return context
