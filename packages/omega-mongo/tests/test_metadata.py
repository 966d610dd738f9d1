"""The shared metadata store keeps its contract, on servers of each topology and on mongomock."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tests.servers.mocked import mocked_client

from omega_domain.testing.metadata import MetadataStoreContract
from omega_mongo import Connection, MongoMetadataStore
from omega_mongo.names import VERSIONS


class _OnMongo(MetadataStoreContract):
    def corrupt_manifest(self, metadata_store: MongoMetadataStore, version_id: str) -> None:
        versions = metadata_store._connection.database[VERSIONS]
        found = versions.find_one({"_id": version_id})
        assert found is not None
        changed = found["manifest"].replace("ada", "eve")
        assert changed != found["manifest"]
        versions.update_one({"_id": version_id}, {"$set": {"manifest": changed}})


class TestMongoMetadataStore(_OnMongo):
    """The contract on a server."""

    @pytest.fixture
    def metadata_store(self, topology_url: Callable[[], str]) -> Iterator[MongoMetadataStore]:
        connection = Connection(topology_url())
        yield MongoMetadataStore(connection)
        connection.close()

    def reopen(self, metadata_store: MongoMetadataStore) -> MongoMetadataStore:
        return MongoMetadataStore(Connection(metadata_store._connection._where))


class TestMongoMetadataStoreOnMongomock(_OnMongo):
    """The contract on a fake client of the caller's."""

    @pytest.fixture
    def metadata_store(self) -> Iterator[MongoMetadataStore]:
        with mocked_client() as client:
            yield MongoMetadataStore(Connection(client))
