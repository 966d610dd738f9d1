"""The index of rows: taken apart, kept as JSON, put together, and continued by appends."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.frames.index import RowIndex, levels_of
from omega_backends.testing.frames import indexes
from omega_domain.errors import UnsupportedObjectError


def through_json(index: RowIndex) -> RowIndex:
    return RowIndex.from_plain(json.loads(json.dumps(index.to_plain(), allow_nan=False)))


def following(one: pd.Index[Any], two: pd.Index[Any]) -> RowIndex | None:
    return RowIndex.of(one).followed_by(RowIndex.of(two), rows=len(one), more=len(two))


@given(st.integers(0, 6).flatmap(indexes))
def test_any_index_is_put_together_again(index: Any) -> None:
    row_index = RowIndex.of(index)
    levels = [] if row_index.is_range else levels_of(index)
    values = [level.to_numpy() if level.dtype == object else level.array for level in levels]
    back = through_json(row_index).build(values, range(len(index)))
    pd.testing.assert_index_equal(back, index, exact=True)
    assert getattr(back, "freq", None) == getattr(index, "freq", None)


@given(st.integers(0, 6).flatmap(indexes))
def test_its_description_survives_json(index: Any) -> None:
    assert through_json(RowIndex.of(index)) == RowIndex.of(index)


def test_a_range_index_of_some_rows_holds_their_numbers() -> None:
    row_index = RowIndex.of(pd.RangeIndex(10, 30, 2, name="n"))
    found = row_index.build([], np.array([0, 3]))
    pd.testing.assert_index_equal(found, pd.Index([10, 16], dtype="int64", name="n"))


def test_rows_that_were_filtered_have_no_frequency() -> None:
    index = pd.date_range("2020", periods=3, freq="D")
    found = RowIndex.of(index).build([index[[0, 2]].array], np.array([0, 2]))
    assert getattr(found, "freq", 0) is None


def test_levels_are_told_apart_by_place_and_not_by_names_that_are_numbers() -> None:
    index = pd.MultiIndex.from_arrays([["a"], [5]], names=[1, 0])
    assert [level.tolist() for level in levels_of(index)] == [["a"], [5]]


def test_a_level_whose_dtype_hides_its_nulls_is_refused() -> None:
    index = pd.MultiIndex(levels=[[1, 2], ["a"]], codes=[[0, -1], [0, 0]], names=["n", "s"])
    with pytest.raises(UnsupportedObjectError, match="'n' is int64 and has nulls"):
        RowIndex.of(index)


@pytest.mark.parametrize("freq", [pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]), pd.DateOffset(months=1)])
def test_a_frequency_without_a_name_is_refused(freq: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="frequency"):
        RowIndex.of(pd.date_range("2020", periods=3, freq=freq))


def test_a_frequency_of_a_level_is_dropped_if_unused_labels_made_it() -> None:
    index = pd.MultiIndex.from_product([pd.date_range("2020", periods=3), [1]])[[0, 2]]
    back = RowIndex.of(index).build([level.array for level in levels_of(index)], range(2))
    assert back.equals(index)


@pytest.mark.parametrize(
    ("one", "two", "start"),
    [
        (pd.RangeIndex(3), pd.RangeIndex(2), 0),
        (pd.RangeIndex(3), pd.RangeIndex(3, 5), 0),
        (pd.RangeIndex(10, 13), pd.RangeIndex(13, 15), 10),
        (pd.RangeIndex(9, 3, -2), pd.RangeIndex(3, 1, -2), 9),
        (pd.RangeIndex(0), pd.RangeIndex(7, 9), 7),
        (pd.RangeIndex(7, 9), pd.RangeIndex(0), 7),
    ],
)
def test_a_range_goes_on_with_the_next_number_or_a_default_one(one: Any, two: Any, start: int) -> None:
    joined = following(one, two)
    assert joined is not None
    assert joined.start == start


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (pd.RangeIndex(3), pd.RangeIndex(5, 8)),
        (pd.RangeIndex(10, 13), pd.RangeIndex(2)),
        (pd.RangeIndex(3), pd.RangeIndex(2, name="n")),
        (pd.RangeIndex(3), pd.Index([3, 4, 6])),
        (pd.Index([1, 5]), pd.Index(["a"])),
        (pd.Index([1, 5]), pd.MultiIndex.from_tuples([(1, 2)])),
    ],
)
def test_another_index_does_not_follow(one: Any, two: Any) -> None:
    assert following(one, two) is None


def test_times_that_go_on_with_the_frequency_keep_it() -> None:
    days = pd.date_range("2020-01-30", periods=5, freq="D", tz="Europe/Zurich")
    joined = following(days[:2], days[2:])
    assert joined is not None
    assert (joined.freq, joined.ends) == ("D", RowIndex.of(days).ends)


@pytest.mark.parametrize("other", [pd.date_range("2021", periods=2, freq="D"), pd.DatetimeIndex(["2020-01-04"])])
def test_other_times_end_the_frequency(other: Any) -> None:
    joined = following(pd.date_range("2020", periods=3, freq="D"), other)
    assert joined is not None
    assert joined.freq is None


def test_levels_lose_their_frequency_when_rows_follow() -> None:
    index = pd.MultiIndex.from_product([pd.date_range("2020", periods=2), [1]])
    joined = following(index, index)
    assert joined is not None
    assert joined.level_freqs == (None, None)


def test_an_index_is_described_for_people() -> None:
    assert RowIndex.of(pd.RangeIndex(5, 9)).describe() == "RangeIndex from 5"
    assert RowIndex.of(pd.Index([1], name="n")).describe() == "Index of 'n': int64"
    assert RowIndex.of(pd.MultiIndex.from_tuples([(1, True)])).describe() == "MultiIndex of None: int64, None: bool"
