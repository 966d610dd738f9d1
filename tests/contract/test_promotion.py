"""Promotion from each kind of store to each other, and from one server to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.omega_store import PromotionContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore

PAIRS = [
    ("mongo", "local"),
    ("local", "mongo"),
    ("mongo", "memory"),
    ("memory", "mongo"),
    ("local", "memory"),
    ("memory", "local"),
    ("mongo", "another server"),
]

Make = Callable[[str], Context]


@pytest.fixture
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a fresh context of a kind."""
    with ExitStack() as stack:

        def on_mongo(server: MongoServer) -> Context:
            database, clock = new_database(), ManualClock()
            connection = stack.enter_context(closing(Connection(server.url_of(database))))
            stack.callback(lambda: connection.client.drop_database(database))
            store = MongoStore(connection, clock=clock)
            return Context(name="mongo", metadata=MongoMetadataStore(connection), store=store, clock=clock)

        def on_local() -> Context:
            clock = ManualClock()
            store = LocalStore(tmp_path / "home", clock=clock)
            return Context(name="local", metadata=LocalMetadataStore(tmp_path / "home"), store=store, clock=clock)

        def in_memory() -> Context:
            clock = ManualClock()
            return Context(name="memory", metadata=MemoryMetadataStore(), store=MemoryStore(clock=clock), clock=clock)

        kinds: dict[str, Callable[[], Context]] = {
            "mongo": lambda: on_mongo(request.getfixturevalue("mongo_server")),
            "another server": lambda: on_mongo(request.getfixturevalue("standalone_server")),
            "local": on_local,
            "memory": in_memory,
        }
        yield lambda kind: kinds[kind]()


class TestPromotionBetweenKinds(PromotionContract):
    """The contract of promotion, from one kind to another."""

    @pytest.fixture(params=PAIRS, ids=" to ".join)
    def kinds(self, request: pytest.FixtureRequest) -> tuple[str, str]:
        pair: tuple[str, str] = request.param
        return pair

    @pytest.fixture
    def context(self, kinds: tuple[str, str], make: Make) -> Context:
        return make(kinds[0])

    @pytest.fixture
    def other_context(self, kinds: tuple[str, str], make: Make) -> Context:
        return make(kinds[1])
