"""Frames written by each format so far are readable for ever.

``python test_frame_golden.py`` writes the files of the present format, once, when there is a new one.
"""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omega_backends.frames.schema import FORMAT
from omega_backends.pandas_parquet import ParquetBackend
from omega_backends.testing.frames import assert_same
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.version import Part, Payload
from omega_domain.omega import Omega
from omega_domain.stores import OmegaStore

GOLDEN = Path(__file__).parent / "golden"


def golden_frame() -> pd.DataFrame:
    """Return a frame with a column of every family of dtypes."""
    days = pd.DatetimeIndex(["2020-01-01", None, "2020-03-29 01:59:59.999999"])
    columns: dict[str, Any] = {
        "int8": np.array([-128, 0, 127], dtype="int8"),
        "uint64": np.array([0, 1, 2**64 - 1], dtype="uint64"),
        "float32": np.array([0.1, np.nan, np.inf], dtype="float32"),
        "bool": [True, False, True],
        "complex64": np.array([1j, 0, 2], dtype="complex64"),
        "big endian": np.array([1, 2, 3], dtype=">i4"),
        "datetime s": np.array(["2020-01-01", "NaT", "1900-01-01"], dtype="M8[s]"),
        "datetime us": days,
        "datetime zone": days.tz_localize("Europe/Zurich"),
        "timedelta": pd.to_timedelta([1, 2, 3], unit="s").as_unit("us"),  # pandas 3.0 makes seconds of it
        "Int64": pd.array([1, None, 3], dtype="Int64"),
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "str": ["a", None, "ü"],
        "string": pd.array(["a", None, ""], dtype="string"),
        "category": pd.Categorical(["b", None, "a"], categories=["b", "z", "a"], ordered=True),
        "category int": pd.Categorical([7, 8, 7]),
        "period": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
        "interval": pd.arrays.IntervalArray.from_breaks([0, 1, 2, 3]),
        "sparse": pd.arrays.SparseArray([0, 0, 5]),
        "arrow": pd.array([1, None, 3], dtype="int16[pyarrow]"),
        "decimal": pd.Series([Decimal("1.10"), None, Decimal("-2.25")], dtype=object),
        "date": pd.Series([date(2020, 1, 1), None, date(1, 1, 1)], dtype=object),
        "cells": pd.Series([1, "a", (1, [None])], dtype=object),
    }
    frame = pd.DataFrame(columns)
    frame.index = pd.MultiIndex.from_arrays([["x", "x", "y"], [1, 2, 1]], names=["key", ("n", 1)])
    frame.columns.name = "columns"
    frame.attrs["unit"] = "m"
    return frame


def golden_series() -> pd.Series[Any]:
    """Return a series with a frequency and a name that is no text."""
    return pd.Series([1.5, 2.5], index=pd.date_range("2020", periods=2, freq="MS"), name=("a", 1))


EXPECTED = {"frame": golden_frame, "series": golden_series}


def store() -> OmegaStore:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(ParquetBackend.KIND, ParquetBackend)
    return om.datasets


@pytest.mark.parametrize("format_", range(1, FORMAT + 1))
@pytest.mark.parametrize("name", EXPECTED)
def test_what_an_older_format_wrote_is_read(format_: int, name: str) -> None:
    datasets, plain = store(), json.loads((GOLDEN / f"{name}-{format_}.json").read_text())
    content = (GOLDEN / f"{name}-{format_}.parquet").read_bytes()
    written = datasets.payloads.write(lambda file: file.write(content))
    assert written.sha256 == plain["part"]["sha256"]
    payload = Payload((Part.from_plain(plain["part"]),), plain["kind_meta"])
    datasets.make_metadata(name, ParquetBackend.KIND).set_payload(payload).save()
    assert_same(datasets.get(name), EXPECTED[name]())


def write() -> None:
    """Write the files of the present format."""
    datasets = store()
    for name, make in EXPECTED.items():
        meta = datasets.put(make(), name)
        (part,) = meta.parts
        plain = {"kind_meta": meta.kind_meta, "part": part.to_plain()}
        (GOLDEN / f"{name}-{FORMAT}.json").write_text(json.dumps(plain, indent=1) + "\n")
        with datasets.payloads.open(part) as file:
            (GOLDEN / f"{name}-{FORMAT}.parquet").write_bytes(file.read())


if __name__ == "__main__":
    write()
