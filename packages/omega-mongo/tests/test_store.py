"""The shared payload store keeps its contract, on servers of each topology and on mongomock."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import pytest
from tests.servers.fixtures import VARIABLE
from tests.servers.mocked import mocked_client

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.store import StoreContract
from omega_mongo import Connection, MongoStore
from omega_mongo.names import FILES

MONGODB: Final[Mapping[str, str]] = {
    "test_a_filter_finds_what_it_should[*-index]": "it does not look into a list that a path ends in by number",
}
"""What MongoDB does otherwise than the core; see jstests/core/match_numeric_components.js of mongodb/mongo."""

SECANTUS: Final[Mapping[str, str]] = {
    "test_a_second_document_with_the_same_id_is_refused[*-first2-second2]": "it tells {a: 1} from {a: 1.0} as _id",
    "test_a_wrong_update_is_refused_and_changes_nothing[*-{'$set': {'l.99999999999': 1}}]": "internal server error",
    **dict.fromkeys(
        [f"test_an_index_changes_nothing[*-{name}]" for name in ("lt", "lte", "between")],
        "its indexes take 5e-324 for 0",
    ),
    **dict.fromkeys(
        [f"test_an_index_changes_nothing[*-{name}]" for name in ("in pattern", "pattern")],
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


def _expect(request: pytest.FixtureRequest, known: Mapping[str, str], whose: str) -> None:
    """Mark a test that is known to fail because of the server, with the reason; ``*`` ends the name of a test."""
    name = request.node.name
    for topology in ("replica set", "standalone"):
        name = name.replace(f"[{topology}-", "[*-")
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
    def store(self, topology_url: Callable[[], str]) -> Iterator[MongoStore]:
        store = MongoStore(Connection(topology_url()), clock=ManualClock())
        yield store
        store.close()

    def reopen(self, store: MongoStore) -> MongoStore:
        return MongoStore(Connection(store._connection._where), clock=ManualClock())


class TestMongoStoreOnMongomock(_OnMongo):
    """The contract on a fake client of the caller's."""

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
