"""The part of the contract of collections that is about inserting, changing and deleting documents."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

import pytest

from omega_domain.errors import DuplicateDocumentError, InvalidFilterError, UnsupportedObjectError
from omega_domain.ports.store import Collection, Document
from omega_domain.testing.collection.reading import WithCollection
from omega_domain.testing.collection.samples import TIME

THREADS: Final = 8


class WritingContract(WithCollection):
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
