"""Promotion under faults between memory, the embedded store and MongoDB, in all nine directions."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from itertools import count, product
from pathlib import Path

import pytest
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.promotion_atomicity import PromotionAtomicityContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore

KINDS = ("memory", "local", "mongo")


class TestPromotionAtomicity(PromotionAtomicityContract):
    """Promotions and rollbacks, interrupted at every step, with MongoDB at every seventh of each operation.

    All of them take a quarter of an hour on a server in Python: ``OMEGA_TEST_EVERY_FAULT=1``.
    """

    @pytest.fixture
    def stride(self, request: pytest.FixtureRequest) -> int:
        pair = request.node.callspec.params["new_contexts"]
        return 7 if "mongo" in pair and not os.environ.get("OMEGA_TEST_EVERY_FAULT") else 1

    @pytest.fixture(params=product(KINDS, KINDS), ids=" to ".join)
    def new_contexts(
        self, request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[Callable[[], tuple[Context, Context]]]:
        homes, opened = count(), ExitStack()

        def on_mongo(name: str) -> Context:
            server: MongoServer = request.getfixturevalue("mongo_server")
            database, clock = new_database(), ManualClock()
            connection = opened.enter_context(closing(Connection(server.url_of(database))))
            opened.callback(connection.client.drop_database, database)
            store = MongoStore(connection, clock=clock)
            return Context(name=name, metadata=MongoMetadataStore(connection), store=store, clock=clock)

        def on_local(name: str) -> Context:
            home, clock = tmp_path / str(next(homes)), ManualClock()
            store = LocalStore(home, clock=clock)
            return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock)

        def in_memory(name: str) -> Context:
            clock = ManualClock()
            return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock)

        kinds = {"memory": in_memory, "local": on_local, "mongo": on_mongo}

        def make() -> tuple[Context, Context]:
            opened.close()  # hundreds of databases at once would be slow
            source, target = request.param
            return kinds[source]("here"), kinds[target]("there")

        with opened:
            yield make
