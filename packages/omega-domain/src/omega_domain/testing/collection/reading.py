"""The part of the contract of collections that is about finding documents."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings

from omega_domain.documents import matches, sort_documents
from omega_domain.errors import InvalidFilterError
from omega_domain.ports.store import Collection, Document, Store
from omega_domain.testing.collection.samples import (
    CONDITIONS,
    FILTERS,
    VALUES,
    WRONG_FILTERS,
    documents,
    filled,
    filters,
)

SHARED: Final = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
"""One collection serves all examples, and the test is inherited by many classes."""


class WithCollection:
    """Fixtures of a collection."""

    @pytest.fixture
    def collection(self, store: Store) -> Collection:
        return store.collection("things")

    @pytest.fixture
    def full(self, collection: Collection) -> Collection:
        """A collection with one document for each of the values, and one without any."""
        collection.insert_many(filled())
        return collection


class ReadingContract(WithCollection):
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
        _assert_found(full, {"v": CONDITIONS[name]}, in_order=False)

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


def _assert_found(collection: Collection, filter: Any, *, in_order: bool = True) -> None:
    """Assert that every way to use a filter agrees with the core; an index may serve in an order of its own."""
    rows = list(collection.find())
    wanted = [document["_id"] for document in rows if matches(document, filter)]
    found = [document["_id"] for document in collection.find(filter)]
    assert (found if in_order else sorted(found)) == (wanted if in_order else sorted(wanted))
    assert collection.count_documents(filter) == len(wanted)
    first = collection.find_one(filter)
    assert (first["_id"] if first else None) in ((wanted[:1] if in_order else wanted) or [None])


def _typed(value: Any) -> Any:
    """Return a value that is equal only to the same value of the same type."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    return [_typed(item) for item in value] if isinstance(value, list) else (type(value), repr(value))
