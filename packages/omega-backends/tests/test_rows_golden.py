"""Frames written as documents by each format so far are readable for ever.

``python test_rows_golden.py`` writes the files of the present format, once, when there is a new one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omega_backends.pandas_rows import DataFrameRowsBackend, SeriesRowsBackend
from omega_backends.testing.frames import assert_same
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.version import Part, Payload
from omega_domain.omega import Omega
from omega_local import LocalMetadataStore, LocalStore

FORMATS = (1,)
GOLDEN = Path(__file__).parent / "golden"
PAYLOADS = "omega.payloads"


def golden_frame() -> pd.DataFrame:
    """Return a frame with a column of every family of dtypes that documents hold."""
    days = pd.DatetimeIndex(["2020-01-01", None, "2020-03-29 01:59:59.999999"])
    columns: dict[str, Any] = {
        "int8": np.array([-128, 0, 127], dtype="int8"),
        "uint64": np.array([0, 1, 2**63 - 1], dtype="uint64"),
        "float32": np.array([0.1, np.nan, np.inf], dtype="float32"),
        "bool": [True, False, True],
        "big endian": np.array([1, 2, 3], dtype=">i4"),
        "datetime s": np.array(["2020-01-01", "NaT", "1900-01-01"], dtype="M8[s]"),
        "datetime us": days,
        "datetime ns": days.as_unit("ns") + pd.Timedelta(1, "ns"),
        "datetime far": np.array(["-9999-01-01", "NaT", "2020-01-01"], dtype="M8[s]"),
        "datetime zone": days.tz_localize("Europe/Zurich"),
        "timedelta": pd.to_timedelta([1, 2, 3], unit="s").as_unit("us"),  # pandas 3.0 makes seconds of it
        "Int64": pd.array([1, None, 3], dtype="Int64"),
        "Float64": pd.array([1.5, None, -0.0], dtype="Float64"),
        "boolean": pd.array([True, None, False], dtype="boolean"),
        "str": ["a", None, "ü"],
        "string": pd.array(["a", None, ""], dtype="string"),
        "category": pd.Categorical(["b", None, "a"], categories=["b", "z", "a"], ordered=True),
        "category int": pd.Categorical([7, 8, 7]),
        "period": pd.PeriodIndex(["2020-01", None, "2020-03"], freq="M"),
        "sparse": pd.arrays.SparseArray([0, 0, 5]),
        "arrow": pd.array([1, None, 3], dtype="int16[pyarrow]"),
        "decimal": pd.Series([Decimal("1.10"), None, Decimal("-2.25")], dtype=object),
        "date": pd.Series([date(2020, 1, 1), None, date(1, 1, 1)], dtype=object),
        "time": pd.Series([time(1, 2, 3, 4), None, time(23)], dtype=object),
        "bytes": pd.Series([b"\0\xff", None, b""], dtype=object),
        "cells": pd.Series([1, "a", (1, [None])], dtype=object),
        "_id": [1, 2, 3],
        "$dollar.dot%": [1, 2, 3],
    }
    frame = pd.DataFrame(columns)
    frame.index = pd.MultiIndex.from_arrays([["x", "x", "y"], [1, 2, 1]], names=["key", ("n", 1)])
    frame.columns.name = "columns"
    frame.attrs["unit"] = "m"
    return frame


def golden_series() -> pd.Series[Any]:
    """Return a series with a frequency and a name that is no text."""
    return pd.Series([1.5, 2.5], index=pd.date_range("2020", periods=2, freq="MS"), name=("a", 1))


EXPECTED: dict[str, list[Callable[[], Any]]] = {"rows": [golden_frame, golden_frame], "series-rows": [golden_series]}
"""What is put, and appended."""


def _registered(om: Omega) -> Omega:
    for backend in (DataFrameRowsBackend, SeriesRowsBackend):
        om.context.registry.register(backend.KIND, backend)
    return om


@pytest.fixture(params=["memory", "local"])
def om(request: pytest.FixtureRequest, tmp_path: Path) -> Omega:
    if request.param == "memory":
        return _registered(Omega(metadata=MemoryMetadataStore(), store=MemoryStore()))
    return _registered(Omega(metadata=LocalMetadataStore(tmp_path), store=LocalStore(tmp_path)))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", EXPECTED)
def test_what_an_older_format_wrote_is_read(om: Omega, format_: int, name: str) -> None:
    plain = json.loads((GOLDEN / f"{name}-{format_}.json").read_text())
    parts = [Part.from_plain(part) for part in plain["parts"]]
    soon = om.context.clock.now() + timedelta(hours=1)
    om.context.store.collection(PAYLOADS).insert_many(
        [{"_id": part.ref, "created": soon, "leased_until": soon, "doomed": False} for part in parts]
    )
    om.context.store.collection(parts[0].ref).insert_many([_from_plain(one) for one in plain["documents"]])
    om.datasets.make_metadata(name, plain["kind"]).set_payload(Payload(parts, plain["kind_meta"])).save()
    whole, start = om.datasets.get(name), 0
    for make in EXPECTED[name]:
        expected = make()
        assert_same(whole.iloc[start : start + len(expected)], expected)
        start += len(expected)
    assert len(whole) == start


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_written_today_is_of_the_newest_format(om: Omega, name: str) -> None:
    """Who changes the format adds a file of it."""
    golden, written = json.loads((GOLDEN / f"{name}-{FORMATS[-1]}.json").read_text()), _written(om, name)
    assert written["kind_meta"] == golden["kind_meta"]
    for one in (golden, written):
        for document in one["documents"]:
            del document["_id"], document["_omega"]
        for part in one["parts"]:
            del part["ref"]
    assert written == golden


def _written(om: Omega, name: str) -> dict[str, Any]:
    """Return what is stored of what is put and appended."""
    for make in EXPECTED[name]:
        meta = om.datasets.put(make(), name, layout="documents", append=True)
    documents = sorted(om.datasets.collection(name).find(), key=lambda one: int(one["_id"]))
    tokens = [part.token for part in meta.parts if part.type == "documents"]
    plain = {
        "kind": meta.kind,
        "kind_meta": meta.kind_meta,
        "parts": [part.to_plain() for part in meta.parts],
        "documents": [_to_plain(one) for token in tokens for one in documents if one["_omega"] == token],
    }
    found: dict[str, Any] = json.loads(json.dumps(plain))
    return found


def _to_plain(document: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        if isinstance(value, datetime):
            return {"date": value.astimezone(UTC).isoformat()}
        return (
            {"hex": value.hex()}
            if isinstance(value, bytes)
            else "nan"
            if value is not None and pd.isna(value)
            else value
        )

    return {name: plain(value) for name, value in document.items()}


def _from_plain(document: dict[str, Any]) -> dict[str, Any]:
    def value(plain: Any) -> Any:
        if isinstance(plain, dict):
            return datetime.fromisoformat(plain["date"]) if "date" in plain else bytes.fromhex(plain["hex"])
        return math.nan if plain == "nan" else plain

    return {name: value(plain) for name, plain in document.items()}


def write() -> None:
    """Write the files of the present format."""
    for name in EXPECTED:
        om = _registered(Omega(metadata=MemoryMetadataStore(), store=MemoryStore()))
        text = json.dumps(_written(om, name), indent=1)
        (GOLDEN / f"{name}-{FORMATS[-1]}.json").write_text(text + "\n")


if __name__ == "__main__":
    write()
