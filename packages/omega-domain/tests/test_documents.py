"""Documents, filters, updates and projections follow MongoDB."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.documents import (
    apply_update,
    clean,
    compile_filter,
    equalities,
    identical,
    index_name,
    matches,
    new_document,
    order,
    project,
    resolve,
    sort_documents,
    sort_key,
)
from omega_domain.documents.values import MISSING
from omega_domain.errors import InvalidFilterError, UnsupportedObjectError
from omega_domain.testing.collection.samples import VALUES, documents, filters

TIME = datetime(2024, 2, 29, 12, 0, 0, 123000, tzinfo=UTC)
GONE: Any = object()


def _document(value: Any) -> dict[str, Any]:
    return {} if value is GONE else {"v": value}


@pytest.mark.parametrize(
    ("value", "condition", "expected"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (1, True, False),
        (True, 1, False),
        (0, False, False),
        ("1", 1, False),
        (None, None, True),
        (GONE, None, True),
        (0, None, False),
        (math.nan, math.nan, True),
        (2**53 + 1, float(2**53), False),
        (b"a", "a", False),
        (TIME, TIME.astimezone(timezone(timedelta(hours=-3))), True),
        (TIME, TIME.replace(microsecond=123999), True),
        ([1, 2], 1, True),
        ([1, 2], [1, 2], True),
        ([1, 2], [2, 1], False),
        ([[1, 2]], [1, 2], True),
        ([[1, 2]], 1, False),
        ([], None, False),
        ([None], None, True),
        ([], [], True),
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1, "b": 2}, {"a": 1}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ([{"a": 1}], {"a": 1}, True),
        ("a", re.compile("^A", re.IGNORECASE), True),
        (["b", "a"], re.compile("^a"), True),
        (5, re.compile("5"), False),
    ],
)
def test_equality(value: Any, condition: Any, expected: bool) -> None:
    assert matches(_document(value), {"v": condition}) is expected
    assert matches(_document(value), {"v": {"$in": [condition]}}) is expected
    assert matches(_document(value), {"v": {"$nin": [condition]}}) is not expected
    if not isinstance(condition, re.Pattern):
        assert matches(_document(value), {"v": {"$eq": condition}}) is expected
        assert matches(_document(value), {"v": {"$ne": condition}}) is not expected


@pytest.mark.parametrize(
    ("value", "operator", "operand", "expected"),
    [
        (2, "$gt", 1, True),
        (2, "$gt", 2.0, False),
        (2, "$gte", 2.0, True),
        (2, "$lt", 2.5, True),
        (2, "$lte", 1, False),
        (2, "$gt", "1", False),
        ("b", "$gt", 1, False),
        ("b", "$gt", "a", True),
        ("B", "$gt", "a", False),
        ("é", "$gt", "z", True),
        (True, "$gt", 0, False),
        (True, "$gt", False, True),
        (None, "$gte", None, True),
        (GONE, "$gte", None, True),
        (GONE, "$lte", None, True),
        (None, "$gt", None, False),
        (GONE, "$lt", 5, False),
        (math.nan, "$lt", 5, False),
        (math.nan, "$gte", math.nan, True),
        (math.nan, "$gt", math.nan, False),
        (5, "$gte", math.nan, False),
        (math.inf, "$gt", 5, True),
        (TIME, "$gt", TIME - timedelta(days=1), True),
        (TIME, "$lt", "2030", False),
        (b"b", "$gt", b"a", True),
        (b"b", "$gt", b"aa", False),
        ([1, 9], "$gt", 5, True),
        ([1, 9], "$lt", 5, True),
        ([1, 2], "$gt", 5, False),
        ([1, 2], "$lt", [1, 3], True),
        ({"a": 1}, "$lt", {"a": 2}, True),
        ({"b": 1}, "$gt", {"a": 2}, True),
        ({"a": "x"}, "$gt", {"b": 9}, True),
        ({}, "$lt", {"a": None}, True),
    ],
)
def test_comparison_stays_within_a_type(value: Any, operator: str, operand: Any, expected: bool) -> None:
    assert matches(_document(value), {"v": {operator: operand}}) is expected
    assert matches(_document(value), {"v": {"$not": {operator: operand}}}) is not expected


@pytest.mark.parametrize(
    ("document", "filter", "expected"),
    [
        ({"a": {"b": 1}}, {"a.b": 1}, True),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a.b": 2}, True),
        ({"a": [{"b": [1, 2]}]}, {"a.b": 2}, True),
        ({"a": [{"b": 1}, {"c": 2}]}, {"a.b": None}, True),
        ({"a": [{"b": 1}]}, {"a.b": None}, False),
        ({"a": 5}, {"a.b": None}, True),
        ({"a": []}, {"a.b": None}, False),
        ({"a": [1, 2]}, {"a.b": None}, False),
        ({"a": [[{"b": 1}]]}, {"a.b": 1}, False),
        ({"a": [[{"b": 1}]]}, {"a.0.b": 1}, True),
        ({"a": [5, 6]}, {"a.1": 6}, True),
        ({"a": [5, 6]}, {"a.2": {"$exists": True}}, False),
        ({"a": [{"1": "x"}]}, {"a.1": "x"}, True),
        ({"a": {"0": "x"}}, {"a.0": "x"}, True),
        ({"a": None}, {"a": {"$exists": True}}, True),
        ({"a": None}, {"a": {"$exists": 0}}, False),
        ({}, {"a": {"$exists": False}}, True),
        ({"a": "Text"}, {"a": {"$regex": "^t", "$options": "i"}}, True),
        ({"a": "x\nText"}, {"a": {"$regex": "^T", "$options": "m"}}, True),
        ({"a": "x\ny"}, {"a": {"$regex": "x.y", "$options": "s"}}, True),
        ({"a": "xy"}, {"a": {"$regex": "x  y # z", "$options": "x"}}, True),
        ({"a": "Text"}, {"a": {"$regex": re.compile("^t", re.IGNORECASE)}}, True),
        ({"a": "Text"}, {"a": {"$regex": "ext"}}, True),
        ({"a": "text"}, {"a": {"$not": re.compile("^x")}}, True),
        ({"a": 1}, {"$and": [{"a": 1}, {"b": None}]}, True),
        ({"a": 1}, {"$or": [{"a": 2}, {"b": 1}]}, False),
        ({"a": 1}, {"$nor": [{"a": 2}, {"b": 1}]}, True),
        ({"a": 1}, {}, True),
        ({"a": 1}, None, True),
        ({"a": [1, 9]}, {"a": {"$gt": 4, "$lt": 6}}, True),
        ({"a": (1, 2)}, {"a": 2}, True),
        ({"a.b": 1}, {"a.b": 1}, False),
    ],
)
def test_filter(document: dict[str, Any], filter: dict[str, Any] | None, expected: bool) -> None:
    assert matches(document, filter) is expected


@given(rows=documents(), filter=filters())
def test_nor_is_the_opposite(rows: list[dict[str, Any]], filter: dict[str, Any]) -> None:
    for row in rows:
        assert matches(row, {"$nor": [filter]}) is not matches(row, filter)


def test_a_wrong_filter_is_found_before_any_document() -> None:
    with pytest.raises(InvalidFilterError, match=r"\$bad.*\$eq"):
        compile_filter({"a": {"$bad": 1}})
    with pytest.raises(InvalidFilterError, match=r"\$where.*\$and"):
        compile_filter({"$where": "1"})
    with pytest.raises(InvalidFilterError, match="regular expression"):
        compile_filter({"a": {"$regex": "(" * 5}})
    with pytest.raises(InvalidFilterError, match="bytes"):
        compile_filter({"a": re.compile(b"x")})


def test_what_a_filter_demands() -> None:
    asked = {
        "a": 1,
        "b": {"$eq": 2},
        "c": {"$gt": 3},
        "d": re.compile("x"),
        "$or": [{"e": 5}],
        "$and": [{"f": 6}, {"$and": [{"g": {"h": 7}}]}],
    }
    assert list(equalities(asked)) == [("a", 1), ("b", 2), ("f", 6), ("g", {"h": 7})]


def test_missing_fields_are_told_from_nothing() -> None:
    assert list(resolve({"a": None}, ["a"])) == [None]
    assert list(resolve({}, ["a"])) == [MISSING]


def test_values_are_ordered_across_types() -> None:
    ordered: list[Any] = [
        None,
        math.nan,
        -math.inf,
        -1,
        0.5,
        1,
        2**63 - 1,
        math.inf,
        "",
        "a",
        {},
        {"a": 1},
        [],
        [1],
        b"",
        b"a",
    ]
    ordered += [False, True, TIME]
    mixed = random.Random(1).sample(ordered, len(ordered))  # noqa: S311 -- any order will do
    assert [repr(value) for value in sorted(mixed, key=order)] == [repr(value) for value in ordered]
    with pytest.raises(InvalidFilterError, match="object"):
        order(object())
    with pytest.raises(InvalidFilterError, match="time zone"):
        order(datetime(2024, 1, 1))  # noqa: DTZ001 -- on purpose


def test_a_list_sorts_by_its_least_or_greatest_element() -> None:
    rows: list[dict[str, Any]] = [{"_id": 1, "v": [5, 1]}, {"_id": 2, "v": 3}, {"_id": 3, "v": []}, {"_id": 4}]
    assert [row["_id"] for row in sort_documents(rows, [("v", 1)])] == [3, 4, 1, 2]
    assert [row["_id"] for row in sort_documents(rows, [("v", -1)])] == [1, 2, 4, 3]
    assert sort_key({"v": [{"a": 2}, {"a": 7}]}, "v.a", -1) == order(7)
    assert sort_key({"v": [1]}, "v.a") == order(None)


def test_equal_documents_stay_in_their_order() -> None:
    rows = [{"_id": number, "v": number % 2} for number in range(6)]
    assert [row["_id"] for row in sort_documents(rows, [("v", -1)])] == [1, 3, 5, 0, 2, 4]
    assert [row["_id"] for row in sort_documents(rows, [("v", 1), ("_id", -1)])] == [4, 2, 0, 5, 3, 1]


def test_an_index_is_named_as_mongodb_does() -> None:
    assert index_name("a") == "a_1"
    assert index_name([("a", 1), ("b.c", -1)]) == "a_1_b.c_-1"


class _Text(str):
    __slots__ = ()


class _Number(int):
    pass


class _Bytes(bytes):
    pass


def test_a_clean_document_holds_plain_types_only() -> None:
    given_: Mapping[str, Any] = MappingProxyType(
        {"t": _Text("x"), "n": _Number(5), "b": _Bytes(b"x"), "l": (1, [2]), "m": MappingProxyType({"a": True})}
    )
    cleaned = clean(given_)
    assert cleaned == {"t": "x", "n": 5, "b": b"x", "l": [1, [2]], "m": {"a": True}}
    assert [type(value) for value in cleaned.values()] == [str, int, bytes, list, dict]


def test_times_are_kept_in_utc_with_milliseconds() -> None:
    elsewhere = datetime(2024, 1, 1, 3, 0, 0, 123999, tzinfo=timezone(timedelta(hours=3)), fold=1)
    (value,) = clean({"t": elsewhere}).values()
    assert value == datetime(2024, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
    assert (value.tzinfo, value.fold) == (UTC, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"a": {"b": [object]}}, "type at 'a.b.0'"),
        ({"a": 2**63}, "64 bits"),
        ({"a": datetime(2024, 1, 1)}, "time zone"),  # noqa: DTZ001 -- on purpose
        ({"a": {1: 2}}, "not 1 at 'a'"),
        ({1: 2}, "not 1"),
        ({"a\0": 1}, "NUL"),
        ({"a": "\ud800"}, "Unicode"),
        ({"_id": [1]}, "_id"),
        ([1], "not list"),
    ],
    ids=repr,
)
def test_what_a_document_can_not_hold_is_named(wrong: Any, says: str) -> None:
    with pytest.raises(UnsupportedObjectError, match=says):
        clean(wrong)


def test_a_document_is_not_nested_without_end() -> None:
    inner: Any = 1
    for _ in range(99):
        inner = [inner]
    assert clean({"a": inner}) == {"a": inner}
    for deeper in ([inner], {"x": inner}):
        with pytest.raises(UnsupportedObjectError, match="100 levels"):
            clean({"a": deeper})


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1, 1, True),
        (1, 1.0, False),
        (1, True, False),
        (0.0, -0.0, False),
        (math.nan, math.nan, True),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, False),
        ({"a": 1}, {"a": 2}, False),
        ([1], [1, 2], False),
        ([1, [2]], [1, [2]], True),
        ([1, [2]], [1, [2.0]], False),
    ],
)
def test_identical_values(first: Any, second: Any, expected: bool) -> None:
    assert identical(first, second) is expected


@pytest.mark.parametrize("name", VALUES)
def test_every_value_is_identical_to_its_copy(name: str) -> None:
    cleaned = clean({"v": VALUES[name]})
    assert identical(cleaned, clean(cleaned))
    assert matches(cleaned, {"v": {"$eq": VALUES[name]}})


def test_an_update_leaves_the_document_as_it_was() -> None:
    document = {"_id": "x", "a": {"b": [1]}}
    assert apply_update(document, {"$set": {"a.b.0": 2}}) == {"_id": "x", "a": {"b": [2]}}
    assert document == {"_id": "x", "a": {"b": [1]}}


def test_set_on_insert_counts_when_inserting_only() -> None:
    update = {"$setOnInsert": {"a": 1}, "$set": {"b": 2}}
    assert apply_update({}, update) == {"b": 2}
    assert apply_update({}, update, inserting=True) == {"b": 2, "a": 1}
    assert new_document({"c": 3}, update) == {"c": 3, "b": 2, "a": 1}


def test_an_update_through_what_is_no_dict_is_refused() -> None:
    for path in ("a.b", "a.b.c", "l.0.x", "t.x.y"):
        with pytest.raises(InvalidFilterError, match=path):
            apply_update({"a": 1, "l": [1], "t": "x"}, {"$set": {path: 2}})


def test_unset_passes_over_what_is_not_there() -> None:
    document = {"a": 1, "l": [1, {"x": 1}]}
    update = {"$unset": {"a.b": "", "a.b.c": "", "l.5": "", "l.x": "", "l.5.x": "", "l.y.z": "", "q.r": ""}}
    with pytest.raises(InvalidFilterError, match="both"):
        apply_update(document, update)
    for path in update["$unset"]:
        assert apply_update(document, {"$unset": {path: ""}}) == document


def test_inc_makes_what_is_not_there() -> None:
    assert apply_update({"l": [1]}, {"$inc": {"a.b": 2, "l.0": 1}}) == {"l": [2], "a": {"b": 2}}
    with pytest.raises(InvalidFilterError, match=r"l\.1"):
        apply_update({"l": [1]}, {"$inc": {"l.1": 1}})


def test_a_projection_is_a_copy() -> None:
    document = {"_id": "x", "l": [1]}
    for projection in (None, {}, ["l"], {"q": 0}):
        found = project(document, projection)
        found["l"].append(2)
        assert document == {"_id": "x", "l": [1]}


def test_a_projection_leaves_out_within_lists() -> None:
    document = {"a": [{"b": 1, "c": 2}, [{"b": 3}], 5], "d": 1}
    assert project(document, {"a.b": 0, "_id": 0}) == {"a": [{"c": 2}, [{}], 5], "d": 1}
    assert project(document, {"a.b": 1}) == {"a": [{"b": 1}, [{"b": 3}]]}


@given(st.dictionaries(st.text(min_size=1, max_size=3), st.integers(0, 3), max_size=3))
def test_any_plain_document_matches_itself(document: dict[str, int]) -> None:
    plain = {key: value for key, value in document.items() if "." not in key and not key.startswith("$")}
    assert matches(plain, plain)
