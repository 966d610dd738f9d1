"""Schemas of frames: what is written down, how columns are found, and what may be appended."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from omega_backends.frames.schema import FORMAT, FrameSchema
from omega_backends.testing.frames import frames, series
from omega_domain.errors import ColumnNotFoundError, SchemaMismatchError, StoreFormatError, UnsupportedObjectError


def frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns or {"a": [1, 2], "b": ["x", "y"]})


@given(frames() | series())
def test_any_schema_survives_json(any_frame: Any) -> None:
    schema = FrameSchema.of(any_frame)
    assert FrameSchema.from_plain(json.loads(json.dumps(schema.to_plain(), allow_nan=False))) == schema


def test_columns_are_written_under_their_labels() -> None:
    assert [field.name for field in FrameSchema.of(frame()).fields] == ["a", "b"]


@pytest.mark.parametrize("labels", [["a", "a"], [0, 1], ["", "a"], ["__index_0__", "a"], ["a\n", "b"], [None, "a"]])
def test_columns_whose_labels_parquet_could_not_tell_apart_are_written_by_place(labels: list[Any]) -> None:
    schema = FrameSchema.of(pd.DataFrame([[1, 2]], columns=labels))
    assert [field.name for field in schema.fields] == ["c0", "c1"]


def test_a_schema_of_a_newer_format_is_refused() -> None:
    plain = FrameSchema.of(frame()).to_plain() | {"format": FORMAT + 1}
    with pytest.raises(StoreFormatError, match="upgrade"):
        FrameSchema.from_plain(plain)


def test_columns_are_selected_in_the_order_they_are_named() -> None:
    schema = FrameSchema.of(frame(a=[1], b=[2], c=[3]))
    assert schema.select(["c", "a", "c"]) == [2, 0]
    assert schema.select(["c"], excluding=True) == [0, 1]
    assert schema.select(None) == [0, 1, 2]


def test_all_columns_of_one_label_are_selected() -> None:
    assert FrameSchema.of(pd.DataFrame([[1, 2, 3]], columns=["a", "b", "a"])).select(["a"]) == [0, 2]


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(ColumnNotFoundError, match="no column 'sale'; did you mean 'sales'"):
        FrameSchema.of(frame(sales=[1])).select(["sale"])


@pytest.mark.parametrize(
    ("broken", "what"),
    [
        (pd.DataFrame({"a": np.array([1], dtype="longdouble")}), "column 'a'"),
        (pd.DataFrame([[1]], columns=[object()]), "name of the frame"),
        (pd.DataFrame({"a": [1]}, index=pd.Index([1], name=object())), "index"),
        (pd.Series([1], name=object()), "name"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_name(broken: Any, what: str) -> None:
    with pytest.raises(UnsupportedObjectError, match=what):
        FrameSchema.of(broken)


def test_attrs_that_can_not_be_kept_are_refused() -> None:
    broken = frame()
    broken.attrs["source"] = object()
    with pytest.raises(UnsupportedObjectError, match="attrs"):
        FrameSchema.of(broken)


def followed(one: Any, two: Any) -> FrameSchema:
    return FrameSchema.of(one).followed_by(FrameSchema.of(two), "sales")


def test_rows_are_counted_when_others_follow() -> None:
    assert followed(frame(), frame()).rows == 4


def test_a_frame_without_anything_takes_the_schema_of_what_follows() -> None:
    assert followed(pd.DataFrame(), frame()) == FrameSchema.of(frame())


def test_labels_with_other_unused_levels_are_the_same() -> None:
    labels = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    one = pd.DataFrame([[1, 2, 3, 4]], columns=labels)
    two = pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_product([["a"], [1, 2]]))
    assert followed(one.iloc[:, :2], two).rows == 2


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (frame(a=[1], b=[1]), r"'sales': dtypes differ: 'b' is str, not int64; convert by astype\(\)"),
        (frame(a=[1]), "columns differ: it lacks 'b'; there are: a, b"),
        (frame(a=[1], b=["x"], c=[1]), "it has also 'c'"),
        (frame(b=["x"], a=[1]), "differ in order"),
        (frame().set_index("a"), "it lacks 'a'"),
        (frame()["a"], "it is a DataFrame, what is appended is a Series"),
        (frame().set_axis([7, 9]), "index goes on from 2 rows of a RangeIndex from 0.*reset_index"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(other: Any, message: str) -> None:
    with pytest.raises(SchemaMismatchError, match=message):
        followed(frame(), other)
