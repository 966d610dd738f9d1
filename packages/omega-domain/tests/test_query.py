"""Filters: how they are written, what they mean in plain Python, and how they travel as JSON."""

from __future__ import annotations

import json
import operator
import re
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.entities.filter_json import from_plain, to_plain
from omega_domain.entities.operators import OPERATORS, holds, is_null
from omega_domain.entities.query import And, Condition, Not, Or, Q, all_of, column_not_found
from omega_domain.errors import ColumnNotFoundError, InvalidFilterError

NAN = float("nan")


class NAType:
    """Stands for pandas.NA: neither equal nor unequal to anything, not even to itself."""

    def __ne__(self, other: object) -> bool:
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


class Scalar:
    """Stands for a scalar of numpy."""

    def __init__(self, value: Any, kind: str = "i") -> None:
        self.value = value
        self.dtype = type("dtype", (), {"kind": kind})()

    def item(self) -> Any:
        return self.value

    def __str__(self) -> str:
        return "2020-01-01T00:00:00.000000001"


def conditions() -> st.SearchStrategy[Q]:
    numbers = st.one_of(st.integers(-3, 3), st.floats(-3, 3))
    columns = st.sampled_from(["x", "y", "my col", 0])
    compare = st.tuples(columns, st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), numbers)
    several = st.tuples(columns, st.sampled_from(["in", "nin"]), st.lists(st.one_of(numbers, st.none()), max_size=3))
    between = st.tuples(columns, st.just("between"), st.tuples(numbers, numbers))
    text = st.tuples(columns, st.sampled_from(["contains", "startswith", "endswith"]), st.text("ab.", max_size=2))
    isnull = st.tuples(columns, st.just("isnull"), st.booleans())
    return st.one_of(compare, several, between, text, isnull).map(Q)


def queries() -> st.SearchStrategy[Q]:
    return st.recursive(
        st.one_of(st.just(Q()), conditions()),
        lambda inner: st.one_of(
            st.builds(operator.and_, inner, inner),
            st.builds(operator.or_, inner, inner),
            st.builds(operator.invert, inner),
        ),
        max_leaves=6,
    )


def rows() -> st.SearchStrategy[dict[Any, Any]]:
    cells = st.one_of(st.none(), st.just(NAN), st.integers(-3, 3), st.floats(-3, 3), st.text("ab.", max_size=3))
    return st.dictionaries(st.sampled_from(["x", "y", "my col", 0]), cells)


def test_a_keyword_is_split_into_column_and_operator() -> None:
    assert Q(x__gt=5).root == Condition("x", "gt", 5)


def test_a_keyword_without_operator_means_equal() -> None:
    assert Q(y="a").root == Condition("y", "eq", "a")


def test_a_keyword_is_split_at_the_last_double_underscore_only() -> None:
    assert Q(a__b__lte=1).root == Condition("a__b", "lte", 1)


@pytest.mark.parametrize("key", ["x__foo", "__gt", "__init__"])
def test_what_is_no_operator_belongs_to_the_column(key: str) -> None:
    assert Q(**{key: 1}).root == Condition(key, "eq", 1)


def test_several_keywords_must_all_hold() -> None:
    assert Q(x__gt=5, y="a").root == And((Condition("x", "gt", 5), Condition("y", "eq", "a")))


def test_triples_serve_names_that_are_no_identifiers() -> None:
    assert Q(("my col", "gt", 5), (0, "lt", 1)).columns() == {"my col", 0}


def test_filters_may_be_given_to_a_filter() -> None:
    assert Q(Q(x=1), y=2) == Q(x=1) & Q(y=2)


@pytest.mark.parametrize("condition", ["x", ("x", "gt"), None, {"x": 1}])
def test_a_positional_argument_of_another_form_is_refused(condition: Any) -> None:
    with pytest.raises(InvalidFilterError, match="triple"):
        Q(condition)


def test_a_filter_can_not_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Q(x=1).root = Condition("y", "eq", 1)  # type: ignore[misc]


def test_and_or_not_make_a_tree() -> None:
    x, y, z = Condition("x", "eq", 1), Condition("y", "eq", 2), Condition("z", "isnull", value=True)
    assert (Q(x=1) & ~(Q(y=2) | Q(z__isnull=True))).root == And((x, Not(Or((y, z)))))


def test_long_chains_stay_flat() -> None:
    query = Q(x=0)
    for number in range(5000):
        query |= Q(x=number)
    assert query.matches({"x": 4999})


def test_twice_not_is_the_filter_itself() -> None:
    assert ~~Q(x=1) == Q(x=1)


@pytest.mark.parametrize("combine", [operator.and_, operator.or_])
def test_combining_with_something_else_is_a_type_error(combine: Any) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        combine(Q(x=1), {"y": 2})


def test_python_and_or_not_are_refused_because_they_would_drop_conditions() -> None:
    with pytest.raises(TypeError, match=r"& \| ~"):
        _ = Q(x=1) and Q(y=2)


def test_all_of_joins_filters() -> None:
    assert all_of([Q(x=1), Q(y=2, z=3)]) == Q(x=1, y=2, z=3)
    assert all_of([Q(x=1)]) == Q(x=1)


def test_all_of_nothing_matches_everything() -> None:
    assert all_of([]).matches({}) is True


@pytest.mark.parametrize(
    ("query", "row", "expected"),
    [
        (Q(x=1), {"x": 1}, True),
        (Q(x=1), {"x": 2}, False),
        (Q(x=1), {"x": "1"}, False),
        (Q(x__ne=1), {"x": 2}, True),
        (Q(x__lt=1), {"x": 0}, True),
        (Q(x__lt=1), {"x": 1}, False),
        (Q(x__lte=1), {"x": 1}, True),
        (Q(x__gt=1), {"x": 2}, True),
        (Q(x__gt=1), {"x": "a"}, False),
        (Q(x__gte=1), {"x": 1}, True),
        (Q(x__in=[1, 2]), {"x": 2}, True),
        (Q(x__in=[1, 2]), {"x": 3}, False),
        (Q(x__nin={1, 2}), {"x": 3}, True),
        (Q(x__between=(1, 3)), {"x": 3}, True),
        (Q(x__between=(1, 3)), {"x": 4}, False),
        (Q(x__contains="a.b"), {"x": "xa.by"}, True),
        (Q(x__contains="a.b"), {"x": "xaxby"}, False),
        (Q(x__contains="1"), {"x": 1}, False),
        (Q(x__startswith="a"), {"x": "ab"}, True),
        (Q(x__endswith="a"), {"x": "ab"}, False),
        (Q(x__regex="a.b"), {"x": "xaxby"}, True),
        (Q(x__regex="^b"), {"x": "ab"}, False),
        (Q(x__isnull=True), {"x": 1}, False),
        (Q(x__isnull=0), {"x": 1}, True),
        (
            Q(x__gt=datetime(2020, 1, 1)),  # noqa: DTZ001 -- naive on purpose
            {"x": datetime(2020, 1, 2, tzinfo=UTC)},
            False,
        ),
        (Q(x=1) | Q(y=1), {"y": 1}, True),
        (Q(x=1) | Q(y=1), {"z": 1}, False),
        (~Q(x=1), {"x": 2}, True),
    ],
)
def test_a_filter_is_evaluated_on_a_dict(query: Q, row: dict[str, Any], *, expected: bool) -> None:
    assert query.matches(row) is expected


@pytest.mark.parametrize("null", [None, NAN, NAType(), Decimal("nan")])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Q(x=1), False),
        (Q(x__ne=1), True),
        (~Q(x__gt=1), True),
        (Q(x__lt=1), False),
        (Q(x__in=[1]), False),
        (Q(x__in=[1, None]), True),
        (Q(x__nin=[1]), True),
        (Q(x__between=(0, 1)), False),
        (Q(x__contains=""), False),
        (Q(x__isnull=True), True),
        (Q(x=None), False),
        (Q(x__ne=None), True),
    ],
)
def test_comparing_with_a_null_is_false_and_ne_is_true(null: Any, query: Q, *, expected: bool) -> None:
    assert query.matches({"x": null}) is expected


def test_a_missing_key_is_a_null() -> None:
    assert Q(x__isnull=True).matches({})


def test_a_cell_whose_comparison_fails_is_no_match() -> None:
    assert not holds("eq", Decimal("snan"), 1)
    assert not is_null(Decimal("snan"))


@given(queries(), rows())
def test_not_is_plain_negation(query: Q, row: dict[Any, Any]) -> None:
    assert (~query).matches(row) is not query.matches(row)


@given(queries(), queries(), rows())
def test_and_or_are_those_of_python(left: Q, right: Q, row: dict[Any, Any]) -> None:
    assert (left & right).matches(row) is (left.matches(row) and right.matches(row))
    assert (left | right).matches(row) is (left.matches(row) or right.matches(row))


@given(queries())
def test_a_filter_survives_json(query: Q) -> None:
    assert Q.from_plain(json.loads(json.dumps(query.to_plain(), allow_nan=False))) == query


@given(queries(), rows())
def test_the_repr_is_the_filter(query: Q, row: dict[Any, Any]) -> None:
    assert eval(repr(query), {"Q": Q}).matches(row) is query.matches(row)  # noqa: S307 -- our own repr


def test_the_repr_is_short() -> None:
    query = Q(x__gt=5, y="a") & ~Q(z__isnull=True) | Q(("my col", "in", [1]), a__eq=1)
    assert repr(query) == "(Q(x__gt=5) & Q(y='a') & ~Q(z__isnull=True)) | (Q(('my col', 'in', (1,))) & Q(a=1))"


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        5,
        1.5,
        float("inf"),
        "a",
        "ünï",
        b"\x00\xff",
        date(2020, 1, 2),
        time(1, 2, 3),
        datetime(2020, 1, 2, 3, tzinfo=UTC),
        timedelta(days=-1, microseconds=5),
        Decimal("1.50"),
        (1, ("a", None)),
    ],
)
def test_values_survive_json(value: Any) -> None:
    back = from_plain(json.loads(json.dumps(to_plain(value), allow_nan=False)))
    assert back == value
    assert type(back) is type(value)


def test_nan_survives_json() -> None:
    assert is_null(from_plain(to_plain(NAN)))


def test_subclasses_of_plain_types_become_plain() -> None:
    assert type(to_plain(type("Text", (str,), {})("a"))) is str
    assert type(to_plain(type("Number", (int,), {})(1))) is int


def test_scalars_of_numpy_become_python_values() -> None:
    assert to_plain(Scalar(5)) == 5


def test_times_finer_than_a_microsecond_become_text() -> None:
    fine = type("Timestamp", (datetime,), {"nanosecond": 1, "isoformat": lambda _: "2020-01-01T00:00:00.000000001"})
    assert to_plain(fine(2020, 1, 1)) == "2020-01-01T00:00:00.000000001"
    assert to_plain(Scalar(0, kind="M")) == "2020-01-01T00:00:00.000000001"
    assert to_plain(type("Timedelta", (timedelta,), {"nanoseconds": 1})(1)) == "1 day, 0:00:00"


def test_a_value_that_json_can_not_hold_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="object"):
        Q(x=object()).to_plain()


@pytest.mark.parametrize("tree", [None, [], {}, {"and": 1}, {"column": "x", "op": 1, "value": 2}, {"$where": "1"}])
def test_json_that_is_no_filter_is_refused(tree: Any) -> None:
    with pytest.raises(InvalidFilterError, match="not a filter"):
        Q.from_plain(tree)


@pytest.mark.parametrize("value", [[1], {"$gt": 5}, {"date": "x"}, {"date": 5}, {"decimal": "x"}, {"a": 1, "b": 2}])
def test_json_with_a_broken_value_is_refused(value: Any) -> None:
    with pytest.raises(InvalidFilterError, match="not a value"):
        Q.from_plain({"column": "x", "op": "eq", "value": value})


def test_json_with_an_unknown_operator_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="unknown operator 'where'"):
        Q.from_plain({"column": "x", "op": "where", "value": 1})


def test_json_nested_too_deeply_is_refused() -> None:
    tree: dict[str, Any] = {"column": "x", "op": "eq", "value": 1}
    for _ in range(100_000):
        tree = {"not": tree}
    with pytest.raises(InvalidFilterError, match="too deeply"):
        Q.from_plain(tree)


def test_an_unknown_operator_of_a_triple_is_refused_and_all_are_named() -> None:
    with pytest.raises(InvalidFilterError, match=", ".join(OPERATORS)):
        Q(("x", "foo", 1))


def test_a_column_that_begins_with_a_dollar_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match=re.escape("'$where'")):
        Q(**{"$where": "1"})


def test_a_dict_as_value_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="dict"):
        Q(x={"$gt": 5})


@pytest.mark.parametrize(
    ("op", "value"),
    [
        ("eq", [1]),
        ("gt", (1, 2)),
        ("in", 5),
        ("in", "abc"),
        ("in", {"$gt": 1}),
        ("in", [[1]]),
        ("nin", None),
        ("between", 5),
        ("between", (1, 2, 3)),
        ("contains", 5),
        ("startswith", None),
        ("regex", b"a"),
        ("regex", "("),
        ("isnull", "yes"),
        ("isnull", None),
        ("isnull", 2),
    ],
)
def test_a_value_that_does_not_fit_the_operator_is_refused(op: str, value: Any) -> None:
    with pytest.raises(InvalidFilterError, match="'x'"):
        Q(("x", op, value))


def test_known_columns_decide_what_a_keyword_means() -> None:
    assert Q.from_kwargs({"price__lt": 5}, columns=["price__lt"]).root == Condition("price__lt", "eq", 5)
    assert Q.from_kwargs({"price__lt": 5}, columns=["price", "price__lt"]).root == Condition("price", "lt", 5)
    assert Q.from_kwargs({"a__b": 5}, columns=["a__b"]).root == Condition("a__b", "eq", 5)


def test_without_columns_keywords_are_taken_as_they_are() -> None:
    assert Q.from_kwargs({"x__gt": 5, "y": 1}) == Q(x__gt=5, y=1)


def test_an_unknown_operator_on_a_known_column_is_refused_and_all_are_named() -> None:
    with pytest.raises(InvalidFilterError, match=r"unknown operator 'foo' on column 'x'.*isnull"):
        Q.from_kwargs({"x__foo": 1}, columns=["x", "y"])


def test_an_unknown_column_is_refused_with_the_nearest_named() -> None:
    with pytest.raises(ColumnNotFoundError, match="no column 'salse'; did you mean 'sales'"):
        Q.from_kwargs({"salse__gt": 1}, columns=["sales", "city"])


def test_the_message_names_the_object_that_is_checked() -> None:
    with pytest.raises(ColumnNotFoundError, match="no column 'day' in 'shops'; there are: city, sales"):
        Q(day=1).check_columns(["city", "sales"], of="shops")
    with pytest.raises(InvalidFilterError, match="unknown operator 'foo' on column 'city' of 'shops'; there are: eq"):
        Q(city__foo=1).check_columns(["city", "sales"], of="shops")


def test_the_columns_of_a_whole_tree_are_checked() -> None:
    query = (Q(x=1) | ~Q(y=2)) & Q(z=3)
    query.check_columns(["x", "y", "z"])
    with pytest.raises(ColumnNotFoundError, match="'y'"):
        query.check_columns(["x", "z"])


def test_the_message_lists_at_most_twenty_columns() -> None:
    assert str(column_not_found("q", range(25))).endswith("18, 19 and 5 more")
    assert str(column_not_found("q", [])).endswith("there are: none")
