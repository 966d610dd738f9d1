"""What the embedded collections do beyond their contract: indexes are used, pages are bounded, tokens are found."""

from __future__ import annotations

import re
import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from omega_domain.documents import Document, matches
from omega_domain.documents.typed_json import dumps, loads
from omega_domain.testing.collection.samples import CONDITIONS, VALUES, documents, filled, filters
from omega_local import LocalStore
from omega_local.filters import column_of, id_text, narrow
from omega_local.scanning import Scan


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def _plan(store: LocalStore, key: str, filter: dict[str, Any]) -> str:
    """Return how SQLite finds the documents of a filter."""
    statements: list[str] = []
    with store._database.read() as connection:
        connection.set_trace_callback(statements.append)
        Scan(key, filter).next_page(connection)
        connection.set_trace_callback(None)
        selects = [statement for statement in statements if "FROM documents WHERE" in statement]
        plan = connection.execute(f"EXPLAIN QUERY PLAN {selects[-1]}").fetchall()
    return " | ".join(str(row[3]) for row in plan)


@pytest.mark.parametrize(
    ("filter", "index"),
    [
        ({}, "documents_in_order (collection=? AND rowid>?)"),
        ({"_id": "x"}, "sqlite_autoindex_documents_1 (collection=? AND id=?)"),
        ({"_omega": "t"}, "documents_by_token (collection=? AND token=? AND rowid>?)"),
        ({"_omega": "t", "n": {"$gt": 3}}, "documents_by_token (collection=? AND token=? AND rowid>?)"),
    ],
)
def test_common_filters_are_answered_by_an_index(store: LocalStore, filter: dict[str, Any], index: str) -> None:
    store.collection("c").insert_many([{"_id": "other", "_omega": "o", "n": 9}])
    assert index in _plan(store, "c", filter)


@pytest.mark.parametrize(
    "condition",
    [
        "x",
        5,
        None,
        TIME := datetime(2024, 1, 1, tzinfo=UTC),
        {"$in": ["x", 1]},
        {"$gte": "x"},
        {"$lt": 5},
        {"$gt": TIME},
    ],
)
def test_a_condition_on_an_indexed_field_is_answered_by_its_index(store: LocalStore, condition: Any) -> None:
    collection = store.collection("c")
    collection.insert_many([{"v": number} for number in range(10)])
    before = _first_statement(store, "c", {"v": condition})
    assert "documents_1_" not in before
    collection.create_index("v")
    after = _first_statement(store, "c", {"v": condition})
    assert "documents_1_" in after
    assert "documents_in_order" not in after


def _first_statement(store: LocalStore, key: str, filter: dict[str, Any]) -> str:
    statements: list[str] = []
    with store._database.read() as connection:
        connection.set_trace_callback(statements.append)
        Scan(key, filter).next_page(connection)
        connection.set_trace_callback(None)
        select = next(statement for statement in statements if "FROM documents WHERE" in statement)
        return " | ".join(str(row[3]) for row in connection.execute(f"EXPLAIN QUERY PLAN {select}"))


def test_indexes_go_with_their_collection(store: LocalStore, tmp_path: Path) -> None:
    for key in ("a", "b"):
        store.collection(key).create_index([("v", 1), ("w", 1)])
    store.collection("a").drop()
    with sqlite3.connect(tmp_path / "omega.db") as connection:
        names = [
            name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'documents_2_%'")
        ]
        gone = connection.execute("SELECT count(*) FROM sqlite_master WHERE name LIKE 'documents_1_%'").fetchone()
    connection.close()
    assert len(names) == 1
    assert gone == (0,)


def test_a_number_of_a_dropped_collection_is_not_used_again(store: LocalStore) -> None:
    late = store.collection("a")
    late.insert_many([{"_id": "x"}])
    store.collection("a").drop()
    store.collection("b").insert_many([{"_id": "y"}])
    late.insert_many([{"_id": "z"}])
    assert [document["_id"] for document in late.find()] == ["z"]
    assert [document["_id"] for document in store.collection("b").find()] == ["y"]


def test_tokens_that_are_no_text_are_found_too(store: LocalStore) -> None:
    collection = store.collection("c")
    rows: list[Document] = [
        {"_id": "text", "_omega": "t"},
        {"_id": "list", "_omega": ["t", "u"]},
        {"_id": "number", "_omega": 5},
        {"_id": "nul", "_omega": "\0"},
    ]
    collection.insert_many(rows)
    for token in ("t", "u", 5, "\0", None):
        wanted = [row["_id"] for row in rows if matches(row, {"_omega": token})]
        assert [document["_id"] for document in collection.find({"_omega": token})] == wanted
        assert [document["_id"] for document in collection.find({"$or": [{"_omega": token}]})] == wanted


def test_a_page_of_listed_documents_may_be_gone_when_it_is_read(store: LocalStore) -> None:
    collection = store.collection("c")
    collection.insert_many({"_id": str(number), "n": number} for number in range(200))
    found = collection.find({"n": {"$gte": 0}})
    first = next(found)
    collection.delete_many({"n": {"$gte": 30, "$lt": 170}})
    rest = [document["n"] for document in found]
    assert first["n"] == 0
    assert rest[-30:] == list(range(170, 200))


def test_a_scan_that_is_done_stays_done(store: LocalStore) -> None:
    scan = Scan("c", {})
    with store._database.read() as connection:
        assert scan.next_page(connection) == []
        assert scan.next_page(connection) is None
        assert scan.next_page(connection) is None


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=documents(), filter=filters())
def test_sql_finds_at_least_what_matches(store: LocalStore, rows: list[Document], filter: dict[str, Any]) -> None:
    collection = store.collection("c")
    collection.drop()
    collection.create_index("a")
    collection.insert_many([{"_id": str(number), **row} for number, row in enumerate(rows)])
    wanted = [document["_id"] for document in collection.find() if matches(document, filter)]
    assert [document["_id"] for document in collection.find(filter)] == wanted


@pytest.mark.parametrize("name", CONDITIONS)
def test_sql_narrows_no_condition_too_far(store: LocalStore, name: str) -> None:
    collection = store.collection("c")
    collection.insert_many(filled())
    asked = {"$and": [{"v": CONDITIONS[name]}, {"n": {"$gte": 0}}]}
    wanted = [document["_id"] for document in collection.find() if matches(document, asked)]
    assert [document["_id"] for document in collection.find(asked)] == wanted


@pytest.mark.parametrize(
    "filter",
    [
        None,
        {},
        {"a.b": 1},
        {"a b": 1},
        {"v": re.compile("x")},
        {"v": {"$ne": 1}},
        {"v": {"a": 1}},
        {"v": float("nan")},
        {"_id": re.compile("x")},
        {"_id": {"$gt": 1}},
        {"_id": {"$in": [re.compile("x")]}},
        {"$nor": [{"v": 1}]},
        {"$or": [{"v": 1}, {"v": {"$ne": 1}}]},
        {"$and": [{"v": {"$ne": 1}}]},
    ],
    ids=repr,
)
def test_what_sql_does_not_know_is_left_to_the_core(filter: dict[str, Any] | None) -> None:
    assert narrow(filter).sql == ""


def test_fields_are_named_in_sql_by_plain_words_only() -> None:
    assert column_of("price_2") == "json_extract(body, '$.price_2')"
    assert [column_of(field) for field in ("a.b", "a'b", 'a"b', "a b", "", "2a", "ü", "a\n")] == [None] * 8


@pytest.mark.parametrize(("first", "second"), [(1, 1.0), (0.0, -0.0), ({"a": 1}, {"a": 1.0}), (2**53, 2.0**53)])
def test_equal_ids_have_one_text(first: Any, second: Any) -> None:
    assert id_text(first) == id_text(second)


def test_different_ids_have_different_texts() -> None:
    ids = [1, 1.5, True, "1", "o1", b"1", None, {"a": 1}, {"a": "1"}, datetime(2024, 1, 1, tzinfo=UTC), float("inf")]
    assert len({id_text(made) for made in ids}) == len(ids)


@pytest.mark.parametrize("name", VALUES)
def test_a_document_comes_back_from_its_text(name: str) -> None:
    document = {"v": VALUES[name], "$v": [VALUES[name]]}
    assert repr(loads(dumps(document))) == repr(document)


def test_plain_documents_are_plain_json() -> None:
    assert dumps({"a": [1, 1.0, None, "ü"]}) == '{"a":[1,1.0,null,"ü"]}'
    assert dumps({"t": datetime(9, 1, 1, tzinfo=UTC)}) == '{"t":{"$d":"0009-01-01T00:00:00.000+00:00"}}'


@pytest.mark.parametrize("key", ["omega.tasks", "omega.workers", "rows"])
def test_only_records_of_what_goes_on_now_are_written_without_waiting_for_the_disk(store: LocalStore, key: str) -> None:
    collection = store.collection(key)
    collection.insert_many([{"_id": "x"}])
    assert _synchronous(store) == (1 if key.startswith("omega.") else 2)
    collection.update_one({"_id": "x"}, {"$set": {"a": 1}})
    assert _synchronous(store) == (1 if key.startswith("omega.") else 2)


def _synchronous(store: LocalStore) -> int:
    with store._database.read() as connection:
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])
