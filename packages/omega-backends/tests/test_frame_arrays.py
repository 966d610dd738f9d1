"""Columns through Arrow and Parquet: values and dtypes are exactly what they were."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.frames.arrays import category_texts, decode, encode
from omega_backends.frames.dtypes import dtype_to_plain
from omega_backends.testing.frames import assert_same, columns
from omega_domain.errors import UnsupportedObjectError


def through_parquet(column: Any, *, group_rows: int = 3, dictionary: bool = False) -> pa.ChunkedArray:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": column}), buffer, store_schema=False, row_group_size=group_rows)
    return pq.ParquetFile(buffer, read_dictionary=["x"] if dictionary else None).read().column("x")


def there_and_back(values: Any, **options: Any) -> Any:
    spec = dtype_to_plain(values.dtype)
    categories = values.categories if isinstance(values, pd.Categorical) else None
    column = through_parquet(encode(values, spec), dictionary=categories is not None, **options)
    return decode(column, spec, categories=categories)


@given(st.integers(0, 8).flatmap(columns).filter(lambda values: values.dtype != object))
def test_any_column_comes_back_as_it_was(values: Any) -> None:
    assert_same(pd.Series(values, copy=False), pd.Series(there_and_back(values), copy=False))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 3]),
        np.array([1.5, np.nan]),
        np.array([True, False]),
        np.array(["2020", "NaT"], dtype="M8[ns]"),
        pd.DatetimeIndex(["2020", None], tz="Europe/Zurich").array,
        pd.PeriodIndex(["2020", None], freq="M").array,
        pd.array([1, None], dtype="Int8"),
        pd.array(["a", None], dtype="str"),
        pd.Categorical(["a", "b"]),
    ],
    ids=lambda values: str(values.dtype),
)
@pytest.mark.parametrize("group_rows", [1, 100])
def test_what_comes_back_can_be_changed(values: Any, group_rows: int) -> None:
    back = pd.Series(there_and_back(values, group_rows=group_rows), copy=False)
    back.iloc[0] = back.iloc[1]
    assert len(back) == len(values)


def test_memory_that_is_not_ours_is_copied() -> None:
    column = pa.chunked_array([pa.Array.from_buffers(pa.int64(), 2, [None, pa.py_buffer(bytes(16))])])
    back = decode(column, "int64")
    back[0] = 5
    assert back.tolist() == [5, 0]


def test_a_column_without_memory_is_empty() -> None:
    chunk = pa.Array.from_buffers(pa.int64(), 0, [None, None])
    assert decode(pa.chunked_array([chunk]), "int64").tolist() == []


@pytest.mark.parametrize(
    ("type_", "cells"),
    [
        (pa.struct([("a", pa.int8())]), [{"a": 1}, None]),
        (pa.list_(pa.string()), [["a"], None, []]),
        (pa.large_list(pa.float64()), [[1.5]]),
        (pa.decimal128(5, 2), [Decimal("1.25")]),
        (pa.binary(2), [b"ab"]),
    ],
    ids=str,
)
def test_types_of_arrow_come_back(type_: pa.DataType, cells: list[Any]) -> None:
    values: Any = pd.array(pa.array(cells, type_), dtype=pd.ArrowDtype(type_))
    assert_same(pd.Series(there_and_back(values)), pd.Series(values))


def test_values_that_are_views_of_others_are_written() -> None:
    values = np.arange(12).reshape(4, 3)[:, 1]
    assert there_and_back(values).tolist() == [1, 4, 7, 10]


def test_categories_without_a_row_are_kept() -> None:
    values = pd.Categorical(["b"], categories=["z", "b", "a"], ordered=True)
    assert list(there_and_back(values).categories) == ["z", "b", "a"]


def test_categories_are_read_from_plain_text_too() -> None:
    values = pd.Categorical(["b", "a", None])
    column = through_parquet(pa.chunked_array([["b", None], ["a"]]))
    back = decode(column, dtype_to_plain(values.dtype), categories=values.categories)
    assert back.tolist() == ["b", np.nan, "a"] or [str(cell) for cell in back] == ["b", "nan", "a"]


def test_categories_of_other_types_are_written_as_json() -> None:
    assert category_texts(pd.Index([1, "1"], dtype=object)) == ["1", '"1"']
    assert category_texts(pd.Index(["a", "1"], dtype="str")) == ["a", "1"]


@pytest.mark.parametrize(
    "values",
    [
        pd.array(["\ud800"], dtype=pd.StringDtype("python")),
        pd.Categorical(pd.Index(["\ud800"], dtype=pd.StringDtype("python"))),
        np.array([2**62], dtype="M8[s]"),
        pd.array(pa.nulls(1), dtype=pd.ArrowDtype(pa.null())),
        pd.array(pa.array(["a"]).dictionary_encode(), dtype=pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))),
    ],
    ids=["surrogate", "category", "seconds", "null", "dictionary"],
)
def test_what_parquet_can_not_hold_is_refused(values: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="can not be kept"):
        encode(values, dtype_to_plain(values.dtype))
