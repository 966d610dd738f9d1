"""The shared metadata store keeps its contract: whole on a replica set, in part on other servers and mongomock."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import pytest
from tests.effort import only
from tests.servers.mocked import mocked_client

from omega_domain.testing.metadata import MetadataStoreContract
from omega_mongo import Connection, MongoMetadataStore
from omega_mongo.names import VERSIONS

COMMITS: Final = (
    "test_a_committed_head_is_read_back_equal",
    "test_a_committed_version_is_read_back_equal",
    "test_a_changed_manifest_is_found_out",
    "test_a_dropped_head_can_come_back",
    "test_a_dropped_head_does_not_come_back_to_a_taken_name",
    "test_a_head_that_does_not_exist_is_not_replaced",
    "test_a_new_head_does_not_take_the_name_of_a_living_one",
    "test_a_new_head_does_not_take_the_uid_of_another",
    "test_a_version_is_never_overwritten",
    "test_another_adapter_on_the_same_data_sees_the_same",
    "test_another_revision_than_the_expected_is_left_alone",
    "test_of_writers_at_the_same_time_each_wins_once",
    "test_purge_removes_versions",
    "test_records_may_be_purged_while_they_are_listed",
    "test_the_expected_revision_is_replaced",
    "test_the_same_version_may_be_committed_again",
    "test_what_loses_leaves_the_versions_of_the_object_as_they_were",
)
"""Tests of the one step by which a commit becomes visible, which a stand-alone server could fail alone."""


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
    def metadata_store(self, connect: Callable[[], Connection]) -> MongoMetadataStore:
        return MongoMetadataStore(connect())

    def reopen(self, metadata_store: MongoMetadataStore) -> MongoMetadataStore:
        return MongoMetadataStore(Connection(metadata_store._connection._where))


@only(*COMMITS)
class TestMongoMetadataStoreOnStandalone(TestMongoMetadataStore):
    """Commits on a server without a replica set; in a soak the whole contract."""

    @pytest.fixture
    def metadata_store(self, connection_to_standalone: Connection) -> MongoMetadataStore:
        return MongoMetadataStore(connection_to_standalone)


@only(*COMMITS)
class TestMongoMetadataStoreOnMongomock(_OnMongo):
    """Commits by a fake client of the caller's; in a soak the whole contract."""

    @pytest.fixture
    def metadata_store(self) -> Iterator[MongoMetadataStore]:
        with mocked_client() as client:
            yield MongoMetadataStore(Connection(client))
