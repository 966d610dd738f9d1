"""The shared payload store keeps its contract, on servers of each topology and on mongomock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.servers.mocked import mocked_client

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.store import StoreContract
from omega_mongo import Connection, MongoStore
from omega_mongo.names import FILES


class _OnMongo(StoreContract):
    keeps_open_blobs = False  # GridFS has none of the sort

    def corrupt_blob(self, store: MongoStore, file_id: str) -> None:
        file = store.database[f"{FILES}.files"].find_one({"filename": file_id})
        assert file is not None
        first = {"files_id": file["_id"], "n": 0}
        chunks = store.database[f"{FILES}.chunks"]
        chunk = chunks.find_one(first)
        assert chunk is not None
        chunks.update_one(first, {"$set": {"data": b"?" + chunk["data"][1:]}})


class TestMongoStore(_OnMongo):
    """The contract on a server."""

    @pytest.fixture
    def store(self, topology_url: Callable[[], str]) -> Iterator[MongoStore]:
        store = MongoStore(Connection(topology_url()), clock=ManualClock())
        yield store
        store.close()

    def reopen(self, store: MongoStore) -> MongoStore:
        return MongoStore(Connection(store.url), clock=ManualClock())


class TestMongoStoreOnMongomock(_OnMongo):
    """The contract on a fake client of the caller's."""

    @pytest.fixture
    def store(self) -> Iterator[MongoStore]:
        with mocked_client() as client:
            yield MongoStore(Connection(client), clock=ManualClock())
