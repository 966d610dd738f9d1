"""Trust on MongoDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.services.context import Context
from omega_domain.testing.trust import TrustContract
from omega_mongo import Connection, MongoMetadataStore, MongoStore


class TestTrustOnMongo(TrustContract):
    """The contract on a server."""

    @pytest.fixture
    def context(self, topology_url: Callable[[], str]) -> Iterator[Context]:
        clock = ManualClock()
        with closing(Connection(topology_url())) as connection:
            store = MongoStore(connection, clock=clock)
            yield Context(metadata=MongoMetadataStore(connection), store=store, clock=clock)
