"""Contract of :class:`~omega_domain.ports.store.Collection`: MongoDB's semantics, as far as omega-ml relies on them.

A subclass gives the fixture ``store`` (an empty one); see :mod:`omega_domain.testing.store`.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from omega_domain.documents import matches, sort_documents
from omega_domain.errors import DuplicateDocumentError, InvalidFilterError, UnsupportedObjectError
from omega_domain.ports.store import Collection, Document, Store
from omega_domain.testing.document_samples import (
    CONDITIONS,
    FILTERS,
    TIME,
    VALUES,
    WRONG_FILTERS,
    documents,
    filled,
    filters,
)

__all__ = ["CollectionContract"]

THREADS: Final = 8
SHARED: Final = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""One collection serves all examples, and the test is inherited by many classes."""


class _WithCollection:
    @pytest.fixture
    def collection(self, store: Store) -> Collection:
        return store.collection("things")

    @pytest.fixture
    def full(self, collection: Collection) -> Collection:
        """A collection with one document for each of the values, and one without any."""
        collection.insert_many(filled())
        return collection


class ReadingContract(_WithCollection):
    """Finding documents."""

    def test_an_empty_collection_has_no_documents(self, collection: Collection) -> None:
        assert collection.name == "things"
        assert list(collection.find()) == []
        assert collection.find_one() is None
        assert collection.find_one({"a": 1}) is None
        assert collection.count_documents({}) == 0

    @pytest.mark.parametrize("name", VALUES)
    def test_a_value_is_read_back(self, full: Collection, name: str) -> None:
        found = full.find_one({"_id": name})
        assert found is not None
        assert _typed(found["v"]) == _typed(VALUES[name])

    def test_documents_are_found_in_order_of_insertion(self, full: Collection) -> None:
        assert [document["_id"] for document in full.find()] == [document["_id"] for document in filled()]

    @pytest.mark.parametrize("name", CONDITIONS)
    def test_a_condition_finds_what_it_should(self, full: Collection, name: str) -> None:
        _assert_found(full, {"v": CONDITIONS[name]})

    @pytest.mark.parametrize("name", CONDITIONS)
    def test_an_index_changes_nothing(self, full: Collection, name: str) -> None:
        full.create_index("v")
        _assert_found(full, {"v": CONDITIONS[name]})

    @pytest.mark.parametrize("name", FILTERS)
    def test_a_filter_finds_what_it_should(self, full: Collection, name: str) -> None:
        _assert_found(full, FILTERS[name])

    @pytest.mark.parametrize("wrong", WRONG_FILTERS, ids=repr)
    def test_a_wrong_filter_is_refused(self, full: Collection, wrong: Any) -> None:
        for use in (full.find, full.find_one, full.count_documents, full.delete_many):
            with pytest.raises(InvalidFilterError):
                use(wrong)
        with pytest.raises(InvalidFilterError):
            full.update_one(wrong, {"$set": {"x": 1}}, upsert=True)
        assert full.count_documents({}) == len(filled())

    @settings(suppress_health_check=SHARED, deadline=None)
    @given(rows=documents(), filter=filters())
    def test_any_filter_finds_what_it_should(self, collection: Collection, rows: list[Document], filter: Any) -> None:
        collection.drop()
        collection.insert_many([{"_id": str(number), **row} for number, row in enumerate(rows)])
        _assert_found(collection, filter)

    @pytest.mark.parametrize(
        ("projection", "expected"),
        [
            (None, {"_id": "x", "a": 1, "b": {"c": 2, "d": 3}, "l": [{"c": 4, "d": 5}, 6]}),
            ({}, {"_id": "x", "a": 1, "b": {"c": 2, "d": 3}, "l": [{"c": 4, "d": 5}, 6]}),
            (["a"], {"_id": "x", "a": 1}),
            ({"a": 1}, {"_id": "x", "a": 1}),
            ({"a": 1, "_id": 0}, {"a": 1}),
            ({"_id": 1}, {"_id": "x"}),
            ({"_id": 0}, {"a": 1, "b": {"c": 2, "d": 3}, "l": [{"c": 4, "d": 5}, 6]}),
            ({"b": 0, "l": 0}, {"_id": "x", "a": 1}),
            ({"b.c": 1}, {"_id": "x", "b": {"c": 2}}),
            ({"b.c": 0, "l.c": 0}, {"_id": "x", "a": 1, "b": {"d": 3}, "l": [{"d": 5}, 6]}),
            (["l.c"], {"_id": "x", "l": [{"c": 4}]}),
            (["a.c", "unknown"], {"_id": "x"}),
        ],
    )
    def test_a_projection_keeps_what_was_asked(
        self, collection: Collection, projection: Any, expected: Document
    ) -> None:
        collection.insert_many([{"_id": "x", "a": 1, "b": {"c": 2, "d": 3}, "l": [{"c": 4, "d": 5}, 6]}])
        assert list(collection.find({}, projection)) == [expected]

    @pytest.mark.parametrize("wrong", [{"a": 1, "b": 0}, {"a": {"$slice": 1}}, {"$a": 1}, "a", [5]], ids=repr)
    def test_a_wrong_projection_is_refused(self, collection: Collection, wrong: Any) -> None:
        with pytest.raises(InvalidFilterError):
            collection.find({}, wrong)

    @pytest.mark.parametrize("sort", [[("v", 1)], [("v", -1)], [("n", -1)], [("odd", 1), ("n", -1)], [("v.a", 1)]])
    def test_documents_are_sorted_across_types(self, full: Collection, sort: Sequence[tuple[str, int]]) -> None:
        found = [document["_id"] for document in full.find(sort=sort)]
        assert found == [document["_id"] for document in sort_documents(filled(), sort)]

    @pytest.mark.parametrize(("skip", "limit"), [(0, 0), (0, 1), (3, 0), (2, 5), (1000, 0), (0, 1000)])
    @pytest.mark.parametrize("sort", [None, [("n", -1)]])
    def test_a_window_is_cut_out(
        self, full: Collection, skip: int, limit: int, sort: Sequence[tuple[str, int]] | None
    ) -> None:
        every = list(full.find(sort=sort))
        found = list(full.find(skip=skip, limit=limit, sort=sort))
        wanted = every[skip : skip + limit] if limit else every[skip:]
        assert [document["_id"] for document in found] == [document["_id"] for document in wanted]

    def test_a_wrong_window_or_sort_order_is_refused(self, collection: Collection) -> None:
        for wrong in ({"skip": -1}, {"limit": -1}, {"sort": [("a", 2)]}, {"sort": "a"}, {"sort": [("a", 1, 1)]}):
            with pytest.raises(InvalidFilterError):
                collection.find({}, **wrong)

    def test_what_is_found_is_a_copy(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "x", "l": [1]}])
        found = collection.find_one()
        assert found is not None
        found["l"].append(2)
        assert collection.find_one() == {"_id": "x", "l": [1]}

    def test_many_documents_are_found_in_order(self, collection: Collection) -> None:
        collection.insert_many({"_id": str(number), "_omega": f"t{number % 3}", "n": number} for number in range(6000))
        assert [document["n"] for document in collection.find()] == list(range(6000))
        assert [document["n"] for document in collection.find({"_omega": "t1"})] == list(range(1, 6000, 3))
        assert [document["n"] for document in collection.find({"n": {"$gte": 20}})] == list(range(20, 6000))

    def test_large_documents_are_found_in_order(self, collection: Collection) -> None:
        collection.insert_many({"n": number, "text": "x" * 2**20} for number in range(12))
        assert [document["n"] for document in collection.find()] == list(range(12))
        assert [document["n"] for document in collection.find({"n": {"$gte": 1}})] == list(range(1, 12))

    def test_others_may_write_while_documents_are_read(self, collection: Collection) -> None:
        collection.insert_many({"_id": str(number)} for number in range(300))
        seen = []
        for document in collection.find():
            seen.append(document["_id"])
            collection.delete_many({"_id": document["_id"]})
        assert seen == [str(number) for number in range(300)]
        assert collection.count_documents({}) == 0

    def test_a_search_may_be_left(self, full: Collection) -> None:
        found = full.find()
        next(found)
        del found
        full.drop()
        assert list(full.find()) == []


class WritingContract(_WithCollection):
    """Inserting, changing and deleting documents."""

    def test_a_document_without_id_gets_one(self, collection: Collection) -> None:
        collection.insert_many([{"a": 1}, {"a": 2}])
        ids = [document["_id"] for document in collection.find()]
        assert len(set(ids)) == 2
        assert collection.find_one({"_id": ids[1]}) == {"_id": ids[1], "a": 2}

    @pytest.mark.parametrize(
        "ids", [(1, True), (1, "1"), ("a", "A"), (b"a", "a"), (TIME, str(TIME)), ({"a": 1}, {"a": 2})]
    )
    def test_ids_of_many_kinds_are_told_apart(self, collection: Collection, ids: tuple[Any, Any]) -> None:
        collection.insert_many([{"_id": made, "n": number} for number, made in enumerate(ids)])
        for number, made in enumerate(ids):
            assert collection.find_one({"_id": made}) == {"_id": made, "n": number}

    @pytest.mark.parametrize(("first", "second"), [("x", "x"), (1, 1.0), ({"a": 1}, {"a": 1.0}), (0.0, -0.0)])
    def test_a_second_document_with_the_same_id_is_refused(
        self, collection: Collection, first: Any, second: Any
    ) -> None:
        collection.insert_many([{"_id": first, "n": 1}])
        with pytest.raises(DuplicateDocumentError, match="things"):
            collection.insert_many([{"_id": "before"}, {"_id": second, "n": 2}, {"_id": "after"}])
        assert collection.find_one({"_id": first}) == {"_id": first, "n": 1}
        assert collection.count_documents({"_id": "after"}) == 0

    def test_what_was_inserted_is_a_copy(self, collection: Collection) -> None:
        document = {"_id": "x", "l": [1]}
        collection.insert_many([document])
        document["l"] = [2]
        assert collection.find_one() == {"_id": "x", "l": [1]}

    @pytest.mark.parametrize(
        "wrong",
        [object, 2**63, -(2**63) - 1, datetime(2024, 1, 1), {1: 2}, {"a\0": 1}, "\ud800", {"\ud800": 1}, {1, 2}],  # noqa: DTZ001
        ids=ascii,
    )
    def test_a_value_that_can_not_be_kept_is_refused(self, collection: Collection, wrong: Any) -> None:
        with pytest.raises(UnsupportedObjectError):
            collection.insert_many([{"a": {"b": [wrong]}}])
        assert collection.count_documents({}) == 0

    @pytest.mark.parametrize(
        ("update", "expected"),
        [
            ({"$set": {"a": 2}}, {"a": 2, "d": {"x": 1}, "l": [1, {"y": 2}]}),
            ({"$set": {"new": None}}, {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}], "new": None}),
            ({"$set": {"d.x": 5, "d.z.w": 6}}, {"a": 1, "d": {"x": 5, "z": {"w": 6}}, "l": [1, {"y": 2}]}),
            ({"$set": {"l.0": 5, "l.1.y": 6}}, {"a": 1, "d": {"x": 1}, "l": [5, {"y": 6}]}),
            ({"$set": {"l.3": 5}}, {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}, None, 5]}),
            ({"$set": {"l.2.z": 5}}, {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}, {"z": 5}]}),
            ({"$unset": {"a": "", "d.x": "", "no.where": ""}}, {"d": {}, "l": [1, {"y": 2}]}),
            ({"$unset": {"l.0": "", "l.9": "", "l.1.y": "", "l.8.y": ""}}, {"a": 1, "d": {"x": 1}, "l": [None, {}]}),
            ({"$inc": {"a": 2, "d.n": 1.5, "l.0": -1}}, {"a": 3, "d": {"x": 1, "n": 1.5}, "l": [0, {"y": 2}]}),
            ({"$setOnInsert": {"a": 9}}, {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}]}),
            ({"$set": {"a": 7}, "$inc": {"d.x": 1}}, {"a": 7, "d": {"x": 2}, "l": [1, {"y": 2}]}),
            ({"$set": {}}, {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}]}),
        ],
        ids=repr,
    )
    def test_an_update_changes_the_first_match(
        self, collection: Collection, update: dict[str, Any], expected: Document
    ) -> None:
        before = {"a": 1, "d": {"x": 1}, "l": [1, {"y": 2}]}
        collection.insert_many([{"_id": "0", "a": 0}, {"_id": "1", **before}, {"_id": "2", **before}])
        result = collection.update_one({"a": 1}, update)
        assert (result.matched_count, result.modified_count) == (1, int(expected != before))
        assert list(collection.find()) == [{"_id": "0", "a": 0}, {"_id": "1", **expected}, {"_id": "2", **before}]

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            5,
            {"a": 1},
            {"$rename": {"a": "b"}},
            {"$set": 5},
            {"$set": {"": 1}},
            {"$set": {"a..b": 1}},
            {"$set": {"$a": 1}},
            {"$set": {5: 1}},
            {"$set": {"a": 1, "a.b": 2}},
            {"$set": {"a": 1}, "$inc": {"a": 2}},
            {"$set": {"_id": "other"}},
            {"$set": {"a.b": 1}},
            {"$set": {"l.x": 1}},
            {"$set": {"l.99999999999": 1}},
            {"$set": {"l.0.x": 1}},
            {"$inc": {"a": "text"}},
            {"$inc": {"l": 1}},
            {"$inc": {"t": 1}},
            {"$inc": {"a": True}},
            {"$inc": {"great": 1}},
        ],
        ids=repr,
    )
    def test_a_wrong_update_is_refused_and_changes_nothing(self, collection: Collection, wrong: Any) -> None:
        document = {"_id": "1", "a": 1, "l": [1], "t": "text", "great": 2**63 - 1}
        collection.insert_many([document])
        with pytest.raises(InvalidFilterError):
            collection.update_one({"_id": "1"}, wrong)
        assert list(collection.find()) == [document]

    def test_an_update_with_a_value_that_can_not_be_kept_is_refused(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1", "a": 1}])
        with pytest.raises(UnsupportedObjectError):
            collection.update_one({}, {"$set": {"a": object()}})
        assert list(collection.find()) == [{"_id": "1", "a": 1}]

    def test_the_same_id_may_be_set_again(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1", "a": 1}])
        assert collection.update_one({"a": 1}, {"$set": {"_id": "1", "a": 2}}).modified_count == 1

    def test_an_update_that_finds_nothing_does_nothing(self, collection: Collection) -> None:
        result = collection.update_one({"_id": "1"}, {"$set": {"a": 1}})
        assert (result.matched_count, result.modified_count) == (0, 0)
        assert collection.count_documents({}) == 0

    def test_an_update_that_changes_nothing_says_so(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1", "a": 1.0}])
        assert collection.update_one({}, {"$set": {"a": 1.0}}).modified_count == 0
        assert collection.update_one({}, {"$set": {"a": 1}}).modified_count == 1
        assert collection.update_one({}, {"$set": {"a": True}}).modified_count == 1

    @pytest.mark.parametrize(
        ("filter", "update", "expected"),
        [
            ({"_id": "x"}, {"$set": {"a": 1}}, {"_id": "x", "a": 1}),
            ({"_id": "x", "b.c": {"$eq": 2}}, {"$inc": {"n": 1}}, {"_id": "x", "b": {"c": 2}, "n": 1}),
            ({"$and": [{"_id": "x"}, {"b": 1}], "c": {"$gt": 5}}, {"$set": {"b": 2}}, {"_id": "x", "b": 2}),
            ({"a": 1}, {"$setOnInsert": {"_id": "x", "b": [1]}}, {"_id": "x", "a": 1, "b": [1]}),
            ({"$or": [{"a": 1}], "_id": "x"}, {"$unset": {"a": ""}}, {"_id": "x"}),
        ],
        ids=repr,
    )
    def test_an_upsert_inserts_what_filter_and_update_say(
        self, collection: Collection, filter: dict[str, Any], update: dict[str, Any], expected: Document
    ) -> None:
        result = collection.update_one(filter, update, upsert=True)
        assert (result.matched_count, result.modified_count) == (0, 0)
        assert list(collection.find()) == [expected]

    def test_an_upsert_makes_an_id(self, collection: Collection) -> None:
        collection.update_one({"a": 1}, {"$set": {"b": 1}}, True)  # noqa: FBT003 -- as pymongo takes it
        found = collection.find_one({"a": 1})
        assert found is not None
        assert found["_id"]

    def test_an_upsert_of_a_taken_id_is_refused(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "x", "a": 1}])
        with pytest.raises(DuplicateDocumentError):
            collection.update_one({"_id": "x", "a": 2}, {"$set": {"b": 1}}, upsert=True)
        assert list(collection.find()) == [{"_id": "x", "a": 1}]

    def test_an_upsert_changes_what_is_there(self, collection: Collection) -> None:
        for _ in range(3):
            collection.update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)
        assert list(collection.find()) == [{"_id": "x", "n": 3}]

    def test_an_update_leaves_the_order_as_it_was(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1"}, {"_id": "2"}])
        collection.update_one({"_id": "1"}, {"$set": {"a": 1}})
        assert [document["_id"] for document in collection.find()] == ["1", "2"]

    def test_an_updated_token_is_found(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1", "_omega": "old"}])
        collection.update_one({"_id": "1"}, {"$set": {"_omega": "new"}})
        assert collection.count_documents({"_omega": "old"}) == 0
        assert collection.count_documents({"_omega": "new"}) == 1

    def test_threads_count_together(self, collection: Collection) -> None:
        def count(_: int) -> None:
            for _ in range(20):
                collection.update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(count, range(THREADS)))
        assert list(collection.find()) == [{"_id": "x", "n": 20 * THREADS}]

    def test_delete_removes_what_matches(self, collection: Collection) -> None:
        collection.insert_many({"_id": str(number), "n": number} for number in range(100))
        assert collection.delete_many({"n": {"$gte": 40, "$lt": 60}}).deleted_count == 20
        assert collection.delete_many({"n": 50}).deleted_count == 0
        assert collection.count_documents({}) == 80
        assert collection.delete_many({}).deleted_count == 80
        assert collection.find_one() is None

    def test_a_deleted_id_is_free_again(self, collection: Collection) -> None:
        collection.insert_many([{"_id": "1"}, {"_id": "2"}])
        collection.delete_many({"_id": "1"})
        collection.insert_many([{"_id": "1"}])
        assert [document["_id"] for document in collection.find()] == ["2", "1"]

    def test_an_index_may_be_made_again(self, collection: Collection) -> None:
        assert collection.create_index("a") == collection.create_index("a") == "a_1"
        assert collection.create_index([("a", 1), ("b.c", -1)]) == "a_1_b.c_-1"
        assert collection.create_index([("_id", 1), ("_omega", 1)]) == "_id_1__omega_1"
        assert collection.create_index([("b.c", 1)]) == "b.c_1"
        collection.insert_many([{"_id": "x", "a": 1}])
        assert collection.find_one({"a": 1}) == {"_id": "x", "a": 1}
        collection.drop()
        assert collection.create_index("a") == "a_1"

    def test_a_dropped_collection_is_empty(self, full: Collection) -> None:
        full.create_index("v")
        full.drop()
        full.drop()
        assert list(full.find()) == []
        full.insert_many([{"_id": "text"}])
        assert list(full.find()) == [{"_id": "text"}]


class CollectionContract(ReadingContract, WritingContract):
    """What the collections of every store promise."""


def _assert_found(collection: Collection, filter: Any) -> None:
    """Assert that every way to use a filter agrees with the core."""
    rows = list(collection.find())
    wanted = [document["_id"] for document in rows if matches(document, filter)]
    assert [document["_id"] for document in collection.find(filter)] == wanted
    assert collection.count_documents(filter) == len(wanted)
    first = collection.find_one(filter)
    assert (first["_id"] if first else None) == (wanted[0] if wanted else None)


def _typed(value: Any) -> Any:
    """Return a value that is equal only to the same value of the same type."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))
