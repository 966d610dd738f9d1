"""What a collection is asked for finds everything that matches."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.documents import both, condition_on, matches, narrowed
from omega_domain.entities.query import Condition, Q

ROWS: list[dict[str, Any]] = [{}, *({"x": x, "y": y} for x in (None, -1, 0, 1, 2) for y in (None, "a", "b.", "(b"))]
_numbers = st.integers(-2, 3)
_conditions = st.one_of(
    st.builds(lambda op, value: Q(("x", op, value)), st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), _numbers),
    st.builds(lambda op, values: Q(("x", op, values)), st.sampled_from(["in", "nin"]), st.lists(_numbers, max_size=2)),
    st.builds(lambda low, high: Q(x__between=(low, high)), _numbers, _numbers),
    st.builds(
        lambda op, text: Q(("y", op, text)), st.sampled_from(["contains", "startswith"]), st.text("ab(.", max_size=2)
    ),
    st.builds(
        lambda op, text: Q(("y", op, text)), st.sampled_from(["endswith", "eq", "ne"]), st.text("ab(.", max_size=2)
    ),
    st.builds(lambda flag: Q(x__isnull=flag), st.booleans()),
    st.sampled_from([Q(), ~Q()]),
)
_queries = st.recursive(
    _conditions,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        inner.map(lambda a: ~a),
    ),
    max_leaves=6,
)


def _translate(condition: Condition) -> tuple[Any, bool] | None:
    found = condition_on(str(condition.column), condition.op, condition.value)
    return None if found is None else (found, True)


@given(query=_queries)
def test_everything_that_matches_is_found(query: Q) -> None:
    wanted = narrowed(query, _translate)
    assert all(matches(row, wanted) for row in ROWS if query.matches(row))


@given(query=_queries)
def test_what_is_not_exact_is_never_turned_around(query: Q) -> None:
    def translate(condition: Condition) -> tuple[Any, bool] | None:
        return ({"x": {"$exists": True}}, False) if condition.op == "isnull" else _translate(condition)

    rows = [row for row in ROWS if row]
    wanted = narrowed(query, translate)
    assert all(matches(row, wanted) for row in rows if query.matches(row))


def test_what_is_known_is_asked_for_exactly() -> None:
    assert narrowed(Q(x__gte=1) & Q(x__lt=5, y="a"), _translate) == {"x": {"$gte": 1, "$lt": 5}, "y": {"$eq": "a"}}
    assert narrowed(Q(x__gte=1) & Q(x__gte=2), _translate) == {"$and": [{"x": {"$gte": 1}}, {"x": {"$gte": 2}}]}
    assert narrowed(Q(x=1) | Q(y__regex="a"), _translate) == {}
    assert narrowed(Q(x=1) & Q(y__regex="a"), _translate) == {"x": {"$eq": 1}}
    assert narrowed(~Q(x=1), _translate) == {"$nor": [{"x": {"$eq": 1}}]}
    assert narrowed(Q(y__contains="a.b("), _translate) == {"y": {"$regex": r"a\.b\("}}


@pytest.mark.parametrize(
    ("field", "op", "value"),
    [("$where", "eq", 1), ("a\0", "eq", 1), ("y", "contains", "a\0"), ("y", "regex", "a"), ("y", "endswith", "a")]
    + [("y", op, "\ud800") for op in ("eq", "startswith")]
    + [("y", op, ["a", "\ud800"]) for op in ("in", "between")],
)
def test_what_can_not_be_asked_for_is_none(field: str, op: str, value: Any) -> None:
    assert condition_on(field, op, value) is None


def test_conditions_stand_side_by_side_where_they_can() -> None:
    assert both([]) == {}
    assert both([{"a": {"$gt": 1}}, {}, {"a": {"$lt": 5}}]) == {"a": {"$gt": 1, "$lt": 5}}
    assert both([{"a": 1}, {"a": {"$lt": 5}}]) == {"$and": [{"a": 1}, {"a": {"$lt": 5}}]}
    assert both([{"$or": [{"a": 1}]}, {"$or": [{"b": 1}]}]) == {"$and": [{"$or": [{"a": 1}]}, {"$or": [{"b": 1}]}]}
    assert condition_on("a", "exists", True) == {"a": {"$exists": True}}
