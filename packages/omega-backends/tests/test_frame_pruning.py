"""Pruning: nothing that a filter matches is ever skipped, and what is sorted mostly is."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from omega_backends.frames.filter import bind, evaluate
from omega_backends.frames.parquet import ColumnStatistics, statistics, write_segment
from omega_backends.frames.pruning import Pruner, merged, usable
from omega_backends.frames.schema import FrameSchema
from omega_backends.frames.segments import EncodedFrame
from omega_backends.testing.frames import columns, filters
from omega_domain.entities.query import Q
from omega_domain.errors import InvalidFilterError


def pruner(query: Q, frame: pd.DataFrame) -> tuple[Pruner, dict[str, ColumnStatistics]]:
    """Return the pruner of a filter, and the statistics of the frame written as one segment."""
    schema = FrameSchema.of(frame)
    written = write_segment(io.BytesIO(), EncodedFrame.of(frame, schema).tables(100))
    found = {}
    for field in schema.stored:
        groups = [statistics(written.metadata, group) for group in range(written.metadata.num_row_groups)]
        found[field.name] = merged(
            [usable(group.get(field.name, ColumnStatistics(None)), field.dtype) for group in groups]
        )
    categories = {str(name): frame[name].cat.categories for name in frame.columns if frame[name].dtype == "category"}
    return Pruner(bind(query, schema), schema.stored, categories), found


def may_match(query: Q, frame: pd.DataFrame) -> bool:
    judge, found = pruner(query, frame)
    return judge.may_match(found, len(frame))


def one_column(values: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=values.dtype)})


@given(st.integers(1, 5).flatmap(columns), st.data())
def test_what_matches_is_never_skipped(values: Any, data: st.DataObject) -> None:
    frame = one_column(values)
    query = data.draw(filters(frame))
    try:
        bound = bind(query, FrameSchema.of(frame))
        matches = evaluate(bound, {"x": frame["x"]}, len(frame)).any()
    except InvalidFilterError:
        assume(condition=False)
    assert may_match(query, frame) or not matches


INTEGERS = one_column(np.array([10, 12, 15]))
TEXT = one_column(pd.array(["beta", "bravo"], dtype="str"))
CATEGORIES = one_column(pd.Categorical(["b", "c"], categories=["c", "b", "z"], ordered=True))
NUMBERED = one_column(pd.Categorical([7, 8]))
TIMES = one_column(pd.array(pd.to_datetime(["2020-01-01", "2020-02-01"]).as_unit("s")))
ZONED = one_column(pd.array(pd.to_datetime(["2020-01-01", "2020-02-01"], utc=True).as_unit("ns")))
DELTAS = one_column(pd.array(pd.to_timedelta(["1h", "2h"]).as_unit("s")))
PERIODS = one_column(pd.array(pd.period_range("2020-01", periods=2, freq="M")))
NULLS = one_column(np.array([1.5, np.nan]))
ALL_NULL = one_column(np.array([np.nan, np.nan]))
CONSTANT = one_column(np.array([5, 5]))


@pytest.mark.parametrize(
    ("frame", "query"),
    [
        (INTEGERS, Q(x=9)),
        (INTEGERS, Q(x__lt=10)),
        (INTEGERS, Q(x__lte=9)),
        (INTEGERS, Q(x__gt=15)),
        (INTEGERS, Q(x__gte=15.5)),
        (INTEGERS, Q(x__between=(16, 20))),
        (INTEGERS, Q(x__between=(1, 9))),
        (INTEGERS, Q(x__in=[1, 2, None])),
        (INTEGERS, Q(x__isnull=True)),
        (INTEGERS, Q(x=None)),
        (INTEGERS, ~Q(x__gte=10)),
        (INTEGERS, ~Q(x__lt=16)),
        (INTEGERS, ~(Q(x__gt=5) | Q(x=3))),
        (INTEGERS, ~~Q(x=9)),
        (INTEGERS, ~(~Q(x=9) | Q(x=3))),
        (INTEGERS, Q(x__gt=5) & Q(x=9)),
        (INTEGERS, Q(x=9) | Q(x=8)),
        (INTEGERS, ~Q(x__isnull=False)),
        (INTEGERS, Q(x__between=(None, 20))),
        (TEXT, Q(x="alpha")),
        (TEXT, Q(x__startswith="c")),
        (TEXT, Q(x__startswith="ba")),
        (CATEGORIES, Q(x="d")),
        (CATEGORIES, Q(x="z")),
        (NUMBERED, Q(x=9)),
        (TIMES, Q(x__gt="2020-02-01")),
        (TIMES, Q(x__lt="2020-01-01")),
        (ZONED, Q(x__gt="2020-02-01T00:00:00.000000001Z")),
        (DELTAS, Q(x__gt="2h")),
        (PERIODS, Q(x__gt="2020-02")),
        (NULLS, Q(x__gt=1.5)),
        (ALL_NULL, Q(x=1)),
        (ALL_NULL, Q(x__in=[1])),
        (ALL_NULL, Q(x__isnull=False)),
        (CONSTANT, Q(x__ne=5)),
        (CONSTANT, Q(x__nin=[1, 5])),
        (CONSTANT, ~Q(x=5)),
        (CONSTANT, ~Q(x__in=[5])),
    ],
    ids=repr,
)
def test_what_can_not_match_is_skipped(frame: pd.DataFrame, query: Q) -> None:
    assert not may_match(query, frame)


@pytest.mark.parametrize(
    ("frame", "query"),
    [
        (INTEGERS, Q(x=11)),
        (INTEGERS, Q(x__ne=11)),
        (INTEGERS, ~Q(x__between=(11, 12))),
        (INTEGERS, Q(x__nin=[1])),
        (INTEGERS, Q()),
        (TEXT, Q(x__contains="q")),
        (TEXT, Q(x__startswith="be")),
        (CATEGORIES, Q(x__gt="c")),
        (CATEGORIES, Q(x__startswith="b")),
        (NULLS, ~Q(x__gt=0)),
        (NULLS, Q(x__ne=1.5)),
        (NULLS, Q(x__in=[None])),
        (ALL_NULL, Q(x__in=[None])),
        (CONSTANT, Q(x__ne=4)),
        (CONSTANT, Q(x__ne=None)),
    ],
    ids=repr,
)
def test_what_may_match_is_read(frame: pd.DataFrame, query: Q) -> None:
    assert may_match(query, frame)


def test_nothing_is_known_without_statistics() -> None:
    judge, _ = pruner(Q(x=9), INTEGERS)
    assert judge.may_match({}, 3)
    assert judge.may_match({"x": ColumnStatistics(0, "a", "b")}, 3)
    judge, _ = pruner(Q(x__in=[9]), INTEGERS)
    assert judge.may_match({"x": ColumnStatistics(0, "a", "b")}, 3)


def test_nothing_matches_where_there_are_no_rows() -> None:
    judge, _ = pruner(Q(), INTEGERS)
    assert not judge.may_match({}, 0)


@pytest.mark.parametrize(
    ("found", "dtype", "expected"),
    [
        (ColumnStatistics(0, b"a", b"b"), {"string": ["pyarrow", "nan"]}, ColumnStatistics(0, "a", "b")),
        (ColumnStatistics(0, b"a", b"b" * 65), {"string": ["pyarrow", "nan"]}, ColumnStatistics(0, "a", None)),
        (ColumnStatistics(0, -float("inf"), 5.0), "float64", ColumnStatistics(0, None, 5.0)),
        (ColumnStatistics(0, b"\x00", b"\x01"), "float16", ColumnStatistics(0)),
        (ColumnStatistics(0, 1.0, 2.0), {"masked": "Float64"}, ColumnStatistics(None, 1.0, 2.0)),
        (ColumnStatistics(0, 1, 2), "object", ColumnStatistics(None)),
        (ColumnStatistics(0, 1, 2), {"arrow": "int8"}, ColumnStatistics(None)),
        (ColumnStatistics(0, 1, 2), "complex64", ColumnStatistics(None)),
    ],
)
def test_only_exact_and_small_bounds_are_used(found: ColumnStatistics, dtype: Any, expected: ColumnStatistics) -> None:
    assert usable(found, dtype) == expected


def test_bounds_of_several_groups_are_those_of_all() -> None:
    one, two = ColumnStatistics(1, 5, 9), ColumnStatistics(2, 3, 7)
    assert merged([one, two]) == ColumnStatistics(3, 3, 9)
    assert merged([one, ColumnStatistics(None)]) == ColumnStatistics(None)
