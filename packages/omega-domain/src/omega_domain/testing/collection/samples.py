"""Documents, conditions and filters for tests: each value a document may hold, each form of a condition."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from hypothesis import strategies as st

from omega_domain.ports.store import Document

TIME: Final = datetime(2024, 2, 29, 23, 59, 59, 999000, tzinfo=UTC)

VALUES: Final[dict[str, Any]] = {
    "nothing": None,
    "true": True,
    "one": 1,
    "one float": 1.0,
    "half": 0.5,
    "minus": -(2**63),
    "great": 2**63 - 1,
    "beyond float": 2**53 + 1,
    "tiny": 5e-324,
    "huge": 1.7976931348623157e308,
    "nan": math.nan,
    "infinite": math.inf,
    "text": "one",
    "bracket": "[x",
    "brace": "{x",
    "nul": "one\0",
    "empty": "",
    "unicode": "ü雪😀",
    "bytes": b"\0\xff",
    "time": TIME,
    "list": [1, "one", None],
    "times": [TIME],
    "no list": [],
    "nested list": [[1, 2], []],
    "dict": {"a": 1, "b": {"c": [1, {"d": 2}]}},
    "no dict": {},
    "looks typed": {"$b": "x", "$$d": {"$f": "nan"}},
    "one typed": {"$d": "2024"},
    "dicts": [{"a": 1}, {"a": 5, "b": 2}, 7],
}
"""What a document may hold, by a name for the ``_id``."""

CONDITIONS: Final[dict[str, Any]] = {
    "equal text": "one",
    "equal 1": 1,
    "equal 1.0": 1.0,
    "equal float": 0.5,
    "equal true": True,
    "equal nothing": None,
    "equal nan": math.nan,
    "equal infinite": math.inf,
    "equal great": 2**63 - 1,
    "equal beyond float": 2**53 + 1,
    "equal beyond 64 bits": 2**70,
    "equal nul": "one\0",
    "equal bracket": "[x",
    "equal time": TIME,
    "equal time elsewhere": TIME.astimezone(timezone(timedelta(hours=5))),
    "equal bytes": b"\0\xff",
    "equal list": [1, "one", None],
    "equal inner list": [1, 2],
    "equal no list": [],
    "equal dict": {"a": 1, "b": {"c": [1, {"d": 2}]}},
    "equal dict in another order": {"b": {"c": [1, {"d": 2}]}, "a": 1},
    "equal no dict": {},
    "eq": {"$eq": 1},
    "ne": {"$ne": 1},
    "ne nothing": {"$ne": None},
    "gt": {"$gt": 0.5},
    "gte": {"$gte": 1},
    "gte great": {"$gte": 2**63 - 1},
    "lt": {"$lt": 1},
    "lte": {"$lte": 1},
    "lte tiny": {"$lte": 5e-324},
    "lte huge": {"$lte": 1.7976931348623157e308},
    "between": {"$gt": 0, "$lt": 2},
    "gte infinite": {"$gte": math.inf},
    "lt infinite": {"$lt": math.inf},
    "gte nan": {"$gte": math.nan},
    "lt nan": {"$lt": math.nan},
    "gte nothing": {"$gte": None},
    "gt nothing": {"$gt": None},
    "gte false": {"$gte": False},
    "lt true": {"$lt": True},
    "gt text": {"$gt": "on"},
    "gte text": {"$gte": "one"},
    "lt text": {"$lt": "one"},
    "lte text": {"$lte": "one"},
    "gt no text": {"$gt": ""},
    "gt time": {"$gt": TIME - timedelta(seconds=1)},
    "gte time": {"$gte": TIME},
    "lt time": {"$lt": TIME},
    "lte time": {"$lte": TIME},
    "gte bytes": {"$gte": b"\0\xff"},
    "gt list": {"$gt": [0]},
    "lt dict": {"$lt": {"a": 2}},
    "in": {"$in": [1, "one", TIME]},
    "in with nothing": {"$in": [None, True]},
    "in floats": {"$in": [0.5, math.nan]},
    "in lists": {"$in": [[1, 2], {"a": 1}]},
    "in pattern": {"$in": [re.compile("^o")]},
    "in none": {"$in": []},
    "nin": {"$nin": [1, "one"]},
    "nin nothing": {"$nin": [None]},
    "exists": {"$exists": True},
    "does not exist": {"$exists": False},
    "regex": {"$regex": "^o"},
    "regex anywhere": {"$regex": "n"},
    "regex without case": {"$regex": "ONE", "$options": "i"},
    "pattern": re.compile("[ü{]"),
    "not": {"$not": {"$gte": 1}},
    "not regex": {"$not": {"$regex": "^o"}},
    "not pattern": {"$not": re.compile("^o")},
    "several": {"$gte": 1, "$ne": 1, "$exists": True},
}
"""Conditions on a field, by name."""

FILTERS: Final[dict[str, dict[str, Any]]] = {
    "all": {},
    "by id": {"_id": "text"},
    "by ids": {"_id": {"$in": ["text", "one", "unknown"]}},
    "not by id": {"_id": {"$ne": "text"}},
    "id and value": {"_id": "one", "v": "one"},
    "several fields": {"v": 1, "n": {"$gte": 3}},
    "and": {"$and": [{"v": {"$gte": 1}}, {"v": {"$lte": 1}}]},
    "or": {"$or": [{"v": "one"}, {"_id": "time"}, {"n": 0}]},
    "or of unindexed": {"$or": [{"v": {"$ne": 1}}, {"n": 0}]},
    "nor": {"$nor": [{"v": "one"}, {"v": None}]},
    "nested": {"$or": [{"$and": [{"n": {"$gt": 3}}, {"n": {"$lt": 6}}]}, {"$nor": [{"n": {"$exists": True}}]}]},
    "dotted": {"v.a": 1},
    "deep": {"v.b.c.d": 2},
    "deep index": {"v.b.c.0": 1},
    "index": {"v.0": 1},
    "dotted nothing": {"v.a": None},
    "dotted exists": {"v.a": {"$exists": True}},
    "dotted gt": {"v.a": {"$gt": 1}},
    "odd field": {"odd field": 1},
    "field like an operator of SQL": {"v' OR 1=1 --": 1},
}
"""Filters on more than one field, by name."""

WRONG_FILTERS: Final[list[Any]] = [
    {"v": {"$where": "1"}},
    {"$where": "1"},
    {"$expr": {}},
    {"v": {"$gt": 1, "x": 2}},
    {"v": {"$in": 5}},
    {"v": {"$nin": "text"}},
    {"v": {"$regex": "("}},
    {"v": {"$regex": 5}},
    {"v": {"$regex": "a", "$options": "q"}},
    {"v": {"$options": "i"}},
    {"v": {"$not": 5}},
    {"v": {"$not": {"$bad": 5}}},
    {"$and": []},
    {"$or": {}},
    {"$nor": [5]},
    {"v": object},
    {"v": datetime(2024, 1, 1)},  # noqa: DTZ001 -- without time zone on purpose
    {5: 1},
    [("v", 1)],
]

_leaves: Final[st.SearchStrategy[Any]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from([0.1, 0.2, 0.1 + 0.2, 1e22, 1e-7, 123456.789]),
    st.text(st.sampled_from('ab[{"$\0é😀'), max_size=3),
    st.binary(max_size=2),
    st.datetimes(timezones=st.just(UTC)),
)
_names: Final = st.sampled_from(["a", "b", "$a", "c d"])
_values: Final[st.SearchStrategy[Any]] = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_names, inner, max_size=2),
    max_leaves=5,
)
_operands: Final = st.one_of(
    _leaves,
    st.builds(lambda op, value: {op: value}, st.sampled_from(["$eq", "$ne", "$gt", "$gte", "$lt", "$lte"]), _leaves),
    st.builds(lambda op, value: {op: value}, st.sampled_from(["$in", "$nin"]), st.lists(_leaves, max_size=3)),
    st.builds(lambda flag: {"$exists": flag}, st.booleans()),
)
_fields: Final = st.sampled_from(["a", "b", "a.a", "a.0", "c d", "_omega"])


def documents() -> st.SearchStrategy[list[Document]]:
    """Generate lists of documents with any values in the fields ``a``, ``b``, ``c d`` and ``_omega``."""
    document = st.dictionaries(st.sampled_from(["a", "b", "c d", "_omega"]), _values, max_size=4)
    return st.lists(document, max_size=6)


def filters() -> st.SearchStrategy[dict[str, Any]]:
    """Generate filters on these fields and those within."""
    plain: st.SearchStrategy[dict[str, Any]] = st.dictionaries(_fields, _operands, max_size=2)
    return st.recursive(
        plain,
        lambda inner: st.builds(
            lambda op, parts: {op: parts},
            st.sampled_from(["$and", "$or", "$nor"]),
            st.lists(inner, min_size=1, max_size=2),
        ),
        max_leaves=3,
    )


def filled() -> list[Document]:
    """Return a document for each of the values, and one without any."""
    rows: list[Document] = [
        {"_id": name, "v": value, "n": number, "odd": number % 2, "odd field": 1}
        for number, (name, value) in enumerate(VALUES.items())
    ]
    return [*rows, {"_id": "no value"}]
