"""What is put comes back exactly, on every adapter, with the backends that are installed."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.effort import SOAK

import omega_ml
from omega_backends.testing.frames import assert_same, frames, series
from omega_domain.omega import Omega

ROWS = 3
COLUMNS: dict[str, Any] = {
    **{name: pd.array([1, 2, 3], dtype=name) for name in ("int8", "int16", "uint8", "uint32", "int64", "float32")},
    "Int8 nullable": pd.array([1, None, 3], dtype="Int8"),
    "Float32 nullable": pd.array([1.5, None, 3], dtype="Float32"),
    "boolean nullable": pd.array([True, None, False], dtype="boolean"),
    "bool": [True, False, True],
    "str": pd.array(["a", None, "ä"], dtype="str"),
    "string": pd.array(["a", None, "ä"], dtype="string"),
    "category": pd.Categorical(["b", None, "a"], categories=["b", "a", "unused"], ordered=True),
    "category of ints": pd.Categorical([3, 1, 3]),
    "datetime ns": pd.array(np.array([0, "NaT", 1], dtype="datetime64[ns]")),
    "datetime s": pd.array(np.array([0, "NaT", 1], dtype="datetime64[s]")),
    "datetime tz": pd.DatetimeIndex(["2030-01-01", None, "2030-03-31 12:00"], tz="Europe/Berlin"),
    "timedelta": pd.array(np.array([0, "NaT", 1], dtype="timedelta64[ns]")),
    "Decimal": pd.Series([Decimal("1.10"), None, Decimal(2)], dtype=object),
    "date": pd.Series([date(2030, 1, 1), None, date(1900, 1, 1)], dtype=object),
    "name.with $dots": [0.5, np.nan, np.inf],
}
INDEXES: dict[str, pd.Index[Any]] = {
    "default": pd.RangeIndex(ROWS),
    "steps": pd.RangeIndex(10, 4, -2, name="down"),
    "named": pd.Index(["x", "y", "x"], name="id"),
    "times with freq": pd.date_range("2030-01-01", periods=ROWS, freq="D", tz="UTC"),
    "levels": pd.MultiIndex.from_tuples([("a", 1), ("a", 2), ("b", 1)], names=["one", None]),
}
LABELS: dict[str, pd.Index[Any]] = {
    "numbers": pd.Index([0, 1]),
    "duplicates": pd.Index(["x", "x"], name="what"),
    "levels": pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["one", "two"]),
}


SCHEMES = ["memory", "file", "mongodb"]


@pytest.fixture
def open_om(tmp_path: Path, new_mongo_url: Callable[[], str]) -> Callable[[str], Omega]:
    """Open the store of a scheme."""
    urls = {"memory": lambda: "memory://fidelity", "file": lambda: f"file://{tmp_path}", "mongodb": new_mongo_url}
    return lambda scheme: omega_ml.setup(store=urls[scheme]())


@pytest.fixture(params=SCHEMES)
def om(request: pytest.FixtureRequest, open_om: Callable[[str], Omega]) -> Omega:
    return open_om(request.param)


@pytest.fixture(params=["parquet", pytest.param("documents", marks=pytest.mark.changes_with("arrow"))])
def layout(request: pytest.FixtureRequest) -> str:
    """How a frame is kept."""
    layout: str = request.param
    return layout


@pytest.mark.parametrize("name", COLUMNS)
def test_every_dtype_comes_back(om: Omega, name: str, layout: str) -> None:
    frame = pd.DataFrame({name: COLUMNS[name], "other": [1, 2, 3]})
    om.datasets.put(frame, "frame", layout=layout)
    pd.testing.assert_frame_equal(om.datasets.get("frame"), frame)
    om.datasets.put(frame[name], "series", layout=layout)
    pd.testing.assert_series_equal(om.datasets.get("series"), frame[name])
    pd.testing.assert_frame_equal(om.datasets.get("frame", other__gt=99), frame[frame["other"] > 99])


@pytest.mark.parametrize("name", INDEXES)
def test_every_index_comes_back(om: Omega, name: str, layout: str) -> None:
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=INDEXES[name])
    om.datasets.put(frame, "frame", layout=layout)
    pd.testing.assert_frame_equal(om.datasets.get("frame"), frame)


@pytest.mark.parametrize("name", LABELS)
def test_every_index_of_columns_comes_back(om: Omega, name: str, layout: str) -> None:
    frame = pd.DataFrame([[1, "a"], [2, "b"]], columns=LABELS[name])
    om.datasets.put(frame, "frame", layout=layout)
    pd.testing.assert_frame_equal(om.datasets.get("frame"), frame)


@pytest.mark.parametrize("frame", [pd.DataFrame(), pd.DataFrame({"a": []}), pd.DataFrame(index=[1, 2])], ids=str)
def test_empty_frames_come_back(om: Omega, frame: pd.DataFrame, layout: str) -> None:
    om.datasets.put(frame, "frame", layout=layout)
    pd.testing.assert_frame_equal(om.datasets.get("frame"), frame)


def test_arrays_files_and_data_come_back(om: Omega) -> None:
    array = np.asfortranarray(np.arange(6, dtype="float32").reshape(2, 3))
    om.datasets.put(array, "array")
    np.testing.assert_array_equal(om.datasets.get("array"), array, strict=True)
    om.datasets.put(io.BytesIO(b"bytes"), "file")
    with om.datasets.get("file") as file:
        assert file.read() == b"bytes"
    values: list[Any] = [None, "", [], {}, [{"a": (1, 2)}]]
    for value in values:
        om.datasets.put(value, "data")
        assert om.datasets.get("data") == value


SHARED = settings(deadline=None, suppress_health_check=list(HealthCheck))
#: How frames are written does not depend on the store, so the other stores see a few.
FEW = SHARED if SOAK else settings(SHARED, max_examples=5)


@given(data=st.data())
@SHARED
def test_any_frame_and_series_comes_back(open_om: Callable[[str], Omega], data: st.DataObject) -> None:
    _comes_back(open_om("memory"), data)


@pytest.mark.parametrize("scheme", ["file", "mongodb"])
@given(data=st.data())
@FEW
def test_some_frames_and_series_come_back_from_other_stores(
    open_om: Callable[[str], Omega], scheme: str, data: st.DataObject
) -> None:
    _comes_back(open_om(scheme), data)


def _comes_back(om: Omega, data: st.DataObject) -> None:
    frame = data.draw(frames())
    om.datasets.put(frame, "frame")
    pd.testing.assert_frame_equal(om.datasets.get("frame"), frame)
    assert_same(om.datasets.get("frame"), frame)
    one = data.draw(series())
    om.datasets.put(one, "series")
    assert_same(om.datasets.get("series"), one)
