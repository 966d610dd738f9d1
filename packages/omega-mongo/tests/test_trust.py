"""Trust on MongoDB."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.effort import only

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.testing.trust import TrustContract
from omega_mongo import Connection, MongoMetadataStore, MongoStore


class TestTrustOnMongo(TrustContract):
    """The contract on a server."""

    @pytest.fixture
    def context(self, connect: Callable[[], Connection]) -> Context:
        return _context(connect())


@only("test_every_change_of_a_head_is_signed", "test_an_older_state_put_back_is_refused_by_who_saw_the_newer")
class TestTrustOnStandalone(TrustContract):
    """What depends on what others have committed, on a server without a replica set; in a soak the whole contract."""

    @pytest.fixture
    def context(self, connection_to_standalone: Connection) -> Context:
        return _context(connection_to_standalone)


def _context(connection: Connection) -> Context:
    clock = ManualClock()
    store = MongoStore(connection, clock=clock)
    return Context(metadata=MongoMetadataStore(connection), store=store, clock=clock)
