"""The shared payload store keeps its contract: whole on a replica set, in part on other servers and mongomock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from tests.effort import only
from tests.servers.fixtures import VARIABLE
from tests.servers.mocked import mocked_client

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.store import StoreContract
from omega_mongo import Connection, MongoStore
from omega_mongo.names import FILES

MONGODB: Final[Mapping[str, str]] = {
    "test_a_filter_finds_what_it_should[index]": "it does not look into a list that a path ends in by number",
}
"""What MongoDB does otherwise than the core; see jstests/core/match_numeric_components.js of mongodb/mongo."""

SECANTUS: Final[Mapping[str, str]] = {
    "test_a_second_document_with_the_same_id_is_refused[first2-second2]": "it tells {a: 1} from {a: 1.0} as _id",
    "test_a_wrong_update_is_refused_and_changes_nothing[{'$set': {'l.99999999999': 1}}]": "internal server error",
    **dict.fromkeys(
        [f"test_an_index_changes_nothing[{name}]" for name in ("lt", "lte", "between")],
        "its indexes take 5e-324 for 0",
    ),
    **dict.fromkeys(
        [f"test_an_index_changes_nothing[{name}]" for name in ("in pattern", "pattern")],
        "its indexes do not find what a pattern finds",
    ),
}
"""What SecantusDB does otherwise than MongoDB."""

MONGOMOCK: Final[Mapping[str, str]] = {
    "test_ids_of_many_kinds_are_told_apart[ids0]": "it takes True for 1",
    "test_an_update_changes_the_first_match[{'$set': {'l.2.z': 5}}-*": "its lists do not grow",
    "test_an_update_changes_the_first_match[{'$unset': {'l.0': '', *": "it has no lists with holes",
    **dict.fromkeys(
        [
            f"test_a_wrong_update_is_refused_and_changes_nothing[{{'{update}}}]"
            for update in (
                *("$set': {'a.b': 1}", "$set': {'l.x': 1}", "$set': {'l.99999999999': 1}", "$set': {'l.0.x': 1}"),
                *("$inc': {'a': 'text'}", "$inc': {'l': 1}", "$inc': {'t': 1}", "$inc': {'a': True}"),
                "$inc': {'great': 1}",
            )
        ],
        "it does what MongoDB refuses, or fails within",
    ),
    "test_an_update_that_changes_nothing_says_so": "it counts what it found as changed",
    "test_an_upsert_inserts_what_filter_and_update_say[{'$and': *": "it does not look into $and",
    **dict.fromkeys(
        [f"test_a_value_is_read_back[{name}]" for name in ("time", "times")], "its UTC is equal to UTC, not the same"
    ),
    **dict.fromkeys(
        [
            f"{test}[{name}]"
            for test in ("test_a_condition_finds_what_it_should", "test_an_index_changes_nothing")
            for name in (
                *("equal 1", "equal 1.0", "equal true", "equal nan", "equal inner list", "equal no list"),
                *("equal dict in another order", "eq", "ne", "gte nan", "gte nothing", "in", "in with nothing", "nin"),
            )
        ],
        "it compares as Python does: True is 1, NaN is not NaN, the order of a dict means nothing",
    ),
    **dict.fromkeys(
        [f"test_a_filter_finds_what_it_should[{name}]" for name in ("or of unindexed", "dotted nothing")],
        "True is 1; a path without an end is not null",
    ),
    "test_a_projection_keeps_what_was_asked[projection9-*": "it has no projections within lists",
    "test_a_projection_keeps_what_was_asked[projection10-*": "it has no projections within lists",
    "test_documents_are_sorted_across_types[sort0]": "it has an order of its own",
    "test_documents_are_sorted_across_types[sort1]": "it has an order of its own",
}
"""What mongomock does otherwise than MongoDB."""


TOPOLOGY: Final = (
    "test_an_index_may_be_made_again",
    "test_an_updated_token_is_found",
    "test_an_upsert_of_a_taken_id_is_refused",
    "test_another_adapter_on_the_same_data_sees_the_same",
    "test_a_blob_is_read_back",
    "test_blobs_may_be_deleted_while_they_are_listed",
    "test_deleted_content_can_be_stored_anew",
    "test_many_documents_are_found_in_order",
    "test_others_may_write_while_documents_are_read",
    "test_storing_again_extends_the_lease_and_never_shortens_it",
    "test_sweep_leaves_blobs_and_living_writers_alone",
    "test_the_same_content_is_stored_once",
    "test_threads_count_together",
    "test_threads_store_and_delete_the_same_content",
)
"""Tests that a stand-alone server could fail alone: of what is written at once, confirmed, and read by others."""

SMOKE: Final = (
    *("test_a_blob_is_read_back", "test_an_unknown_blob_is_an_error", "test_deleted_content_can_be_stored_anew"),
    *("test_a_value_is_read_back", "test_the_same_id_may_be_set_again", "test_an_upsert_makes_an_id"),
    *("test_delete_removes_what_matches", "test_a_dropped_collection_is_empty", "test_a_window_is_cut_out"),
    *("test_collections_are_apart", "test_the_url_tells_where_the_data_is"),
    "test_another_adapter_on_the_same_data_sees_the_same",
)
"""Tests of each thing that the adapter asks a client of the caller's to do."""


def _expect(request: pytest.FixtureRequest, known: Mapping[str, str], whose: str) -> None:
    """Mark a test that is known to fail because of the server, with the reason; ``*`` ends the name of a test."""
    name = request.node.name
    for start, reason in known.items():
        if name == start or (start.endswith("*") and name.startswith(start[:-1])):
            request.applymarker(pytest.mark.xfail(reason=f"{whose}: {reason}", strict=True))


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

    @pytest.fixture(autouse=True)
    def _expect_known(self, request: pytest.FixtureRequest) -> None:
        _expect(request, MONGODB, "MongoDB")
        if VARIABLE not in os.environ:
            _expect(request, SECANTUS, "SecantusDB")

    @pytest.fixture
    def store(self, connect: Callable[[], Connection]) -> MongoStore:
        return MongoStore(connect(), clock=ManualClock())

    def reopen(self, store: MongoStore) -> MongoStore:
        return MongoStore(Connection(store._connection._where), clock=ManualClock())


@only(*TOPOLOGY)
class TestMongoStoreOnStandalone(TestMongoStore):
    """What depends on the topology, on a server without a replica set; in a soak the whole contract."""

    @pytest.fixture
    def store(self, connection_to_standalone: Connection) -> MongoStore:
        return MongoStore(connection_to_standalone, clock=ManualClock())


@only(*SMOKE)
class TestMongoStoreOnMongomock(_OnMongo):
    """A fake client of the caller's; in a soak the whole contract."""

    @pytest.fixture(autouse=True)
    def _expect_known(self, request: pytest.FixtureRequest) -> None:
        _expect(request, MONGOMOCK, "mongomock")
        if request.node.originalname == "test_any_filter_finds_what_it_should":
            pytest.skip("mongomock compares as Python does; some of any filters show it")

    @pytest.fixture
    def store(self) -> Iterator[MongoStore]:
        with mocked_client() as client:
            yield MongoStore(Connection(client), clock=ManualClock())

    def reopen(self, store: MongoStore) -> MongoStore:
        client: Any = store._connection.client
        return MongoStore(Connection(client), clock=ManualClock())
