"""Filters on frames: what pandas finds is what is found, values are read as the column's dtype, misfits are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from omega_backends.frames.filter import bind, evaluate
from omega_backends.frames.schema import FrameSchema
from omega_domain.entities.query import Condition, Q
from omega_domain.errors import ColumnNotFoundError, InvalidFilterError

FRAME = pd.DataFrame(
    {
        "i": np.array([1, 2, 3], dtype="int8"),
        "f": np.array([0.1, np.nan, 2.5], dtype="float32"),
        "d": [0.1, np.nan, 1e300],
        "b": [True, False, True],
        "t": pd.DatetimeIndex(["2020-01-01 00:00", None, "2020-01-03 12:00"]),
        "z": pd.DatetimeIndex(["2020-01-01", None, "2020-07-01"], tz="Europe/Zurich"),
        "p": pd.to_timedelta(["1h", None, "2D"]),
        "s": ["abc", None, "a.c"],
        "c": pd.Categorical(["lo", None, "hi"], categories=["lo", "mid", "hi"], ordered=True),
        "u": pd.Categorical([1, None, 3]),
        "n": pd.array([1, None, 3], dtype="Int64"),
        "g": pd.array([True, None, False], dtype="boolean"),
        "m": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
        "v": pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]),
        "x": np.array([1j, 0, 2], dtype="complex64"),
        "r": pd.arrays.SparseArray([0, 0, 5]),
        "o": np.array([date(2020, 1, 1), None, date(2020, 1, 3)], dtype=object),
        "e": np.array([Decimal("1.5"), None, Decimal(2)], dtype=object),
        "h": np.array([1, "a", None], dtype=object),
        "a": pd.array(pa.array(["x", None, "y"]), dtype=pd.ArrowDtype(pa.string())),
        "w": pd.array(pa.array([1, None, 3], pa.int16()), dtype=pd.ArrowDtype(pa.int16())),
        "k": pd.array(
            pa.array([0, None, 10**9], pa.timestamp("s", "Europe/Zurich")),
            dtype=pd.ArrowDtype(pa.timestamp("s", "Europe/Zurich")),
        ),
        "y": pd.array(pa.array([0, None, 1000], pa.duration("ms")), dtype=pd.ArrowDtype(pa.duration("ms"))),
        "j": pd.array(pa.array([0, None, 10**9], pa.timestamp("s")), dtype=pd.ArrowDtype(pa.timestamp("s"))),
        "q": pd.array(
            pa.array([0, None, 9], pa.timestamp("s", "+05:30")), dtype=pd.ArrowDtype(pa.timestamp("s", "+05:30"))
        ),
        "l": pd.array(pa.array([b"a", None, b"b"], pa.binary()), dtype=pd.ArrowDtype(pa.binary())),
    }
)
SCHEMA = FrameSchema.of(FRAME)
COLUMNS = {str(name): FRAME[name] for name in FRAME.columns}


def rows(query: Q) -> list[int]:
    return np.flatnonzero(evaluate(bind(query, SCHEMA), COLUMNS, len(FRAME))).tolist()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Q(i=2), [1]),
        (Q(i="2"), [1]),
        (Q(i=2.0), [1]),
        (Q(i=2.5), []),
        (Q(i="2.5"), []),
        (Q(i__gt=1.5), [1, 2]),
        (Q(i__lt=1000), [0, 1, 2]),
        (Q(i__gt=float("inf")), []),
        (Q(i=True), [0]),
        (Q(i__in=[1, 2.5, 3.0, None, 1000]), [0, 2]),
        (Q(i__nin=[1]), [1, 2]),
        (Q(i=np.int64(3)), [2]),
        (Q(i=Decimal(3)), [2]),
        (Q(i__between=(2, 9)), [1, 2]),
        (Q(f=0.1), [0]),
        (Q(f="0.1"), [0]),
        (Q(f__gt=1e300), []),
        (Q(f__in=[0.1, None]), [0, 1]),
        (Q(f__ne=0.1), [1, 2]),
        (~Q(f__gt=1), [0, 1]),
        (Q(f__isnull=True), [1]),
        (Q(f__isnull=False), [0, 2]),
        (Q(d=1e300), [2]),
        (Q(d__gt=None), []),
        (Q(d__ne=None), [0, 1, 2]),
        (Q(d__between=(None, 1)), []),
        (Q(b=True), [0, 2]),
        (Q(b="false"), [1]),
        (Q(b=0), [1]),
        (Q(t="2020-01-01"), [0]),
        (Q(t__gt=date(2020, 1, 1)), [2]),
        (Q(t__gte=datetime(2020, 1, 3, 12)), [2]),  # noqa: DTZ001 -- the column is naive
        (Q(t__lt=np.datetime64("2020-01-02")), [0]),
        (Q(t__in=["2020-01-01", "2020-01-03T12"]), [0, 2]),
        (Q(t=""), []),
        (Q(z="2020-01-01"), [0]),
        (Q(z=datetime(2019, 12, 31, 23, tzinfo=UTC)), [0]),
        (Q(z__gt=""), []),
        (Q(p="1h"), [0]),
        (Q(p__gt=timedelta(hours=1)), [2]),
        (Q(p__gt="NaT"), []),
        (Q(s__contains="a.c"), [2]),
        (Q(s__regex="a.c"), [0, 2]),
        (Q(s__startswith="ab"), [0]),
        (Q(s__endswith="c"), [0, 2]),
        (Q(s__gt="abc"), []),
        (Q(s__lt="abc"), [2]),
        (Q(s__in=["abc", None]), [0, 1]),
        (Q(s__ne="abc"), [1, 2]),
        (Q(c="hi"), [2]),
        (Q(c="other"), []),
        (Q(c__gt="lo"), [2]),
        (Q(c__lte="mid"), [0]),
        (Q(c__in=["lo", "other", None]), [0, 1]),
        (Q(c__contains="i"), [2]),
        (Q(u=3), [2]),
        (Q(u="3"), [2]),
        (Q(u__in=[1]), [0]),
        (Q(n__gt=1), [2]),
        (Q(n__ne=1), [1, 2]),
        (Q(n__in=[1, None]), [0, 1]),
        (Q(g=True), [0]),
        (~Q(g=True), [1, 2]),
        (Q(m="2020-01"), [0]),
        (Q(m__gt=pd.Period("2020-01", "M")), [2]),
        (Q(m=""), []),
        (Q(v=pd.Interval(1, 2)), [1]),
        (Q(v__in=[pd.Interval(0, 1), pd.Interval(2, 3)]), [0, 2]),
        (Q(x=1j), [0]),
        (Q(x="2"), [2]),
        (Q(r__gt=0), [2]),
        (Q(r__isnull=False), [0, 1, 2]),
        (Q(o=date(2020, 1, 3)), [2]),
        (Q(o__gt="2020-01-01"), [2]),
        (Q(o__in=["2020-01-01", date(2020, 1, 3)]), [0, 2]),
        (Q(e__gte="1.5"), [0, 2]),
        (Q(e__gt=1.5), [2]),
        (Q(h="a"), [1]),
        (Q(h__isnull=True), [2]),
        (Q(h__contains="a"), [1]),
        (Q(a="x"), [0]),
        (Q(a__contains="y"), [2]),
        (Q(w__gt="1"), [2]),
        (Q(w__in=[1, None]), [0, 1]),
        (Q(k__gt="2001-01-01"), [2]),
        (Q(j__gt="2001-01-01"), [2]),
        (Q(q="1970-01-01 05:30"), [0]),
        (Q(y="1s"), [2]),
        (Q(l=b"a"), [0]),
        (Q(), [0, 1, 2]),
        (Q(i=1) | Q(s="a.c"), [0, 2]),
        (~(Q(i=1) | Q(s="a.c")), [1]),
        (Q(i=1, s="a.c"), []),
    ],
    ids=repr,
)
def test_a_filter_finds_what_pandas_finds(query: Q, expected: list[int]) -> None:
    assert rows(query) == expected


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Q(i="abc"), "column 'i' is int8 and can not be compared with 'abc' of type str"),
        (Q(i=b"1"), "'i' is int8"),
        (Q(d=date(2020, 1, 1)), "'d' is float64"),
        (Q(b=2), "'b' is bool"),
        (Q(b="yes"), "'b' is bool"),
        (Q(t=5), r"'t' is datetime64\[us\]"),
        (Q(t="no time"), "'t'"),
        (Q(t="2020-01-01T00:00Z"), "has no time zone"),
        (Q(z=5), "Europe/Zurich"),
        (Q(z="2020-03-29 02:30"), "'z'"),
        (Q(p=5), "timedelta64"),
        (Q(s=5), "'s' is str"),
        (Q(s__in=["a", 5]), "5 of type int"),
        (Q(s__between=("a", 5)), "5 of type int"),
        (Q(u="x"), "'u' is category"),
        (Q(n="x"), "'n' is Int64"),
        (Q(m=5), r"period\[M\]"),
        (Q(m=pd.Period("2020", "D")), "not one of"),
        (Q(v=1), "interval"),
        (Q(x=b""), "complex64"),
        (Q(r="x"), "Sparse"),
        (Q(w="x"), "int16"),
        (Q(u__gt=1), "needs an order"),
        (Q(v__gt=pd.Interval(0, 1)), "needs an order"),
        (Q(x__gt=1), "needs an order"),
        (Q(i__contains="1"), "'contains' needs text, and column 'i' is int8"),
        (Q(w__regex="1"), "needs text"),
        (Q(c__gt="other"), "none of the categories: lo, mid, hi"),
        (Q(o__gt="soon"), "does not read as a date"),
        (Q(e__gt="much"), "does not read as a Decimal"),
        (Q(s="\ud800"), "can not be compared with"),
        (Q(c__in=["lo", "\ud800"]), "can not be compared with"),
    ],
    ids=repr,
)
def test_what_does_not_fit_a_column_is_refused(query: Q, message: str) -> None:
    with pytest.raises(InvalidFilterError, match=message):
        rows(query)


def test_cells_are_compared_with_any_text() -> None:
    assert rows(Q(h="\ud800")) == []
    assert rows(Q(s__contains="\ud800")) == []


def test_cells_that_are_times_are_compared_with_text() -> None:
    cells = pd.Series([time(1), None], dtype=object)
    assert evaluate(Q(x__gte="01:00"), {"x": cells}, 2).tolist() == [True, False]


def test_an_unknown_column_is_refused() -> None:
    with pytest.raises(ColumnNotFoundError, match="'unknown'"):
        bind(Q(unknown=1), SCHEMA)


def test_an_unknown_operator_is_refused() -> None:
    with pytest.raises(InvalidFilterError, match="unknown operator 'foo' on column 'i'"):
        bind(Q(i__foo=1), SCHEMA)


def test_columns_are_bound_to_their_names_in_parquet() -> None:
    schema = FrameSchema.of(pd.DataFrame([[1, 2]]))
    assert bind(Q(("1", "gt", "5")), schema).root == Condition("c1", "gt", 5)
    assert bind(Q((0, "gt", 5)), schema).root == Condition("c0", "gt", 5)


def test_one_of_several_columns_of_a_label_must_be_named() -> None:
    with pytest.raises(InvalidFilterError, match="2 columns are called 'a'"):
        bind(Q(a=1), FrameSchema.of(pd.DataFrame([[1, 2]], columns=["a", "a"])))


def test_named_levels_of_the_index_are_columns_of_filters() -> None:
    schema = FrameSchema.of(pd.DataFrame({"a": [1]}, index=pd.Index([5], name="key")))
    assert bind(Q(key="5"), schema).root == Condition("__index_0__", "eq", 5)
    with pytest.raises(ColumnNotFoundError, match="there are: a, key"):
        bind(Q(kay=1), schema)


def test_a_range_index_can_not_be_filtered_by() -> None:
    schema = FrameSchema.of(pd.DataFrame({"a": [1]}, index=pd.RangeIndex(1, name="key")))
    with pytest.raises(InvalidFilterError, match=r"rows=\(start, end\)"):
        bind(Q(key=1), schema)


def test_a_series_is_filtered_by_its_name() -> None:
    assert bind(Q(sales__gt=1), FrameSchema.of(pd.Series([1], name="sales"))).columns() == {"sales"}
    assert bind(Q(("0", "gt", 1)), FrameSchema.of(pd.Series([1]))).columns() == {"c0"}
