"""Dtypes in JSON."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pandas.api.extensions import ExtensionDtype
from pandas.api.types import pandas_dtype

from omega_backends.frames.dtypes import describe, dtype_from_plain, dtype_to_plain, same_dtype
from omega_domain.errors import UnsupportedObjectError

DTYPES: list[Any] = [
    *("bool", "int8", "uint64", "float16", "float32", "float64", "complex64", ">f8", "object"),
    *("datetime64[s]", "datetime64[ns]", "timedelta64[ms]"),
    *("Int8", "UInt64", "Float32", "boolean", "str"),
    *(pd.StringDtype("python"), pd.StringDtype("pyarrow"), pd.StringDtype("python", na_value=np.nan)),
    *(pd.DatetimeTZDtype("ms", "UTC"), pd.DatetimeTZDtype("ns", "Europe/Zurich"), pd.DatetimeTZDtype("us", "+05:30")),
    *(pd.PeriodDtype("M"), pd.PeriodDtype("2h"), pd.PeriodDtype("W-SUN")),
    *(pd.IntervalDtype("int64", "left"), pd.IntervalDtype("datetime64[ns, UTC]", "both")),
    *(pd.SparseDtype("float64", np.nan), pd.SparseDtype("int8", 3)),
    *(
        pd.ArrowDtype(type_)
        for type_ in (pa.int8(), pa.string(), pa.decimal128(5, 2), pa.list_(pa.timestamp("us", "UTC")))
    ),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_dtype_survives_json(dtype: Any) -> None:
    dtype = pandas_dtype(dtype)
    back = dtype_from_plain(json.loads(json.dumps(dtype_to_plain(dtype))))
    assert back == dtype
    assert type(back) is type(dtype)


def test_strings_keep_storage_and_null() -> None:
    for dtype in (pd.StringDtype("python"), pd.StringDtype("pyarrow", na_value=np.nan)):
        back = dtype_from_plain(dtype_to_plain(dtype))
        assert (back.storage, back.na_value is pd.NA) == (dtype.storage, dtype.na_value is pd.NA)


def test_a_categorical_dtype_is_kept_without_its_categories() -> None:
    dtype = pd.CategoricalDtype(pd.Index([1, 2], dtype="int64"), ordered=True)
    assert dtype_to_plain(dtype) == {"category": {"of": "int64", "ordered": True}}


class Geometry(ExtensionDtype):
    name = "geometry"
    type = object


@pytest.mark.parametrize(
    "dtype", [np.dtype("longdouble"), np.dtype("S3"), np.dtype([("a", "i8")]), Geometry()], ids=str
)
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="can not be kept"):
        dtype_to_plain(dtype)


def test_dtypes_are_the_same_whatever_the_categories() -> None:
    one, two = (dtype_to_plain(pd.CategoricalDtype(labels)) for labels in (["a"], ["b", "c"]))
    assert same_dtype(one, two)
    assert not same_dtype(one, dtype_to_plain(pd.CategoricalDtype(["a"], ordered=True)))
    assert not same_dtype(one, "object")


def test_dtypes_are_the_same_however_they_are_written() -> None:
    schema = pa.schema([pa.field("", pa.int8(), metadata={"a": "b"})]).serialize().to_pybytes()
    assert same_dtype({"arrow": ["schema", base64.b64encode(schema).decode()]}, {"arrow": "int8"})


@pytest.mark.parametrize("dtype", ["int64", "Int8", "str", "period[M]", "category"])
def test_a_dtype_is_described_as_pandas_does(dtype: str) -> None:
    assert describe(dtype_to_plain(pd.Series([], dtype=dtype).dtype)) == dtype
