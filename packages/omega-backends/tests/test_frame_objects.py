"""Object columns: kept cell by cell, as columns of one type where that loses nothing."""

from __future__ import annotations

import io
from datetime import UTC, date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.frames.objects import common_encoding, decode_objects, encode_objects, recode_objects
from omega_backends.testing.frames import objects
from omega_domain.errors import UnsupportedObjectError

JSON = {"as": "json"}


def array(*cells: Any) -> Any:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def exact(cells: Any) -> list[tuple[type, str]]:
    return [(type(cell), repr(cell)) for cell in cells]


def through_parquet(column: Any) -> pa.ChunkedArray:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"x": column}), buffer, store_schema=False)
    return pq.ParquetFile(buffer).read().column("x")


@given(st.integers(0, 8).flatmap(objects))
def test_any_cells_come_back_with_value_and_type(cells: Any) -> None:
    column, encoding = encode_objects(cells)
    assert exact(decode_objects(through_parquet(column), encoding)) == exact(cells)


@pytest.mark.parametrize(
    ("cells", "encoding"),
    [
        (["a", None], {"as": "str", "null": "None"}),
        (["a", np.nan], {"as": "str", "null": "nan"}),
        (["a"], {"as": "str"}),
        ([1, pd.NA], {"as": "int", "null": "NA"}),
        ([True, pd.NaT], {"as": "bool", "null": "NaT"}),
        ([b"a"], {"as": "bytes"}),
        ([date(2020, 1, 1)], {"as": "date"}),
        ([time(1)], {"as": "time"}),
        ([Decimal("1.10"), Decimal("-2.20")], {"as": "decimal.2"}),
        ([None, None], {"as": "nothing", "null": "None"}),
        ([], {"as": "nothing"}),
    ],
)
def test_cells_of_one_type_and_one_null_become_a_column_of_that_type(cells: list[Any], encoding: Any) -> None:
    assert encode_objects(array(*cells))[1] == encoding


@pytest.mark.parametrize(
    "cells",
    [
        ["a", 1],
        ["a", None, np.nan],
        [1.5, None],
        [1.5, np.nan],
        [2**70],
        [True, 1],
        ["\ud800"],
        [time(1, tzinfo=UTC)],
        [time(1, fold=1)],
        [Decimal("1.0"), Decimal("1.00")],
        [Decimal("-0.00")],
        [Decimal("1E+3")],
        [Decimal("NaN")],
        [Decimal("1" * 39)],
        [[1], {"a": (1,)}],
    ],
)
def test_all_else_is_written_cell_by_cell(cells: list[Any]) -> None:
    column, encoding = encode_objects(array(*cells))
    assert encoding == JSON
    assert exact(decode_objects(through_parquet(column), encoding)) == exact(cells)


@pytest.mark.parametrize("cell", [object(), {"deep": object()}, 10**5000], ids=["object", "deep", "huge"])
def test_a_cell_that_can_not_be_kept_is_refused(cell: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="can not be kept"):
        encode_objects(array(cell, 1))


def test_a_cell_that_holds_itself_is_refused() -> None:
    cell: list[Any] = []
    cell.append(cell)
    with pytest.raises(UnsupportedObjectError, match="list can not be kept"):
        encode_objects(array(cell))


@pytest.mark.parametrize(
    ("encodings", "common"),
    [
        ([{"as": "str"}, {"as": "str", "null": "nan"}], {"as": "str", "null": "nan"}),
        ([{"as": "nothing", "null": "None"}, {"as": "str"}], {"as": "str", "null": "None"}),
        ([{"as": "nothing"}, {"as": "nothing"}], {"as": "nothing"}),
        ([{"as": "str", "null": "None"}, {"as": "str", "null": "nan"}], JSON),
        ([{"as": "str"}, {"as": "int"}], JSON),
        ([{"as": "str"}, JSON], JSON),
    ],
)
def test_segments_share_an_encoding_that_holds_all(encodings: Any, common: Any) -> None:
    assert common_encoding(encodings) == common


@given(st.lists(st.integers(0, 4).flatmap(objects), min_size=1, max_size=4))
def test_segments_joined_in_their_common_encoding_hold_the_same_cells(segments: list[Any]) -> None:
    encoded = [encode_objects(segment) for segment in segments]
    common = common_encoding(encoding for _, encoding in encoded)
    tables = [
        pa.table({"x": recode_objects(through_parquet(column), encoding, common)}) for column, encoding in encoded
    ]
    whole = pa.concat_tables(tables).column("x")
    expected = [cell for segment in segments for cell in segment]
    assert exact(decode_objects(whole, common)) == exact(expected)
