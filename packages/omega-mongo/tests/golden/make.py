"""A small story in a database, and all that it leaves there as text.

``python make.py mongodb://host/empty_database`` writes the file of the present format, once, when there is a new one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from bson import json_util
from bson.objectid import ObjectId
from pymongo.database import Database
from sklearn.linear_model import LinearRegression

from omega_backends.pandas_parquet import ParquetBackend
from omega_backends.pandas_rows import DataFrameRowsBackend, SeriesRowsBackend
from omega_backends.python_data import PythonDataBackend
from omega_backends.sklearn_joblib import SklearnBackend
from omega_domain.adapters.memory import ManualClock
from omega_domain.adapters.memory.clock import START
from omega_domain.omega import Omega
from omega_domain.services.context import Context
from omega_mongo import Connection, MongoMetadataStore, MongoStore
from omega_mongo.layout import FORMAT
from omega_mongo.names import FILES

GOLDEN: Final = Path(__file__).parent
AFTER: Final = START + timedelta(minutes=30)
"""A time when all is told, and what was dropped is still within its grace."""

BACKENDS: Final = (ParquetBackend, DataFrameRowsBackend, SeriesRowsBackend, PythonDataBackend, SklearnBackend)
ATTRIBUTES: Final[Mapping[str, Any]] = {
    "a.b": 1,
    "$c": {"$d": [None, True, "ä", {"": 0.5}]},
    "large": 2**70,
    "": "no name",
    "_id": -1,
}

Dump = dict[str, dict[str, list[dict[str, Any]]]]


def people() -> list[dict[str, Any]]:
    """Return what ``people@1`` is."""
    return [
        {"name": "Ada", "born": datetime(1815, 12, 10, tzinfo=UTC), "notes": ["A", "G"], "$x.y": None},
        {"name": "Zoë 𝄞", "raw": b"\0\xff", "number": 2**63 - 1, "share": 0.1, "pair": (1, "two")},
    ]


def guests() -> list[dict[str, Any]]:
    """Return what ``people`` is now."""
    return [*people(), {"name": "Grace", "large": 2**70, "nothing": None}]


def trips() -> pd.DataFrame:
    """Return what ``trips`` is, in Parquet."""
    days = pd.DatetimeIndex(["1969-12-31 23:59:59.999999", None, "2030-03-31 01:59"])
    return pd.DataFrame(
        {"km": [1.5, np.nan, np.inf], "day": days.tz_localize("UTC"), "who": ["a", None, "ü"]},
        index=pd.Index([7, 8, 7], name="id"),
    )


def rows() -> pd.DataFrame:
    """Return what ``rows@1`` is, one document a row."""
    values: dict[str, Any] = {
        "x": [3, 1, 2],
        "f": [0.5, np.nan, -np.inf],
        "maybe": pd.array([None, 2, 3], dtype="Int64"),
        "double": pd.array(pa.array([None, float("nan"), 1.5], pa.float64()), dtype=pd.ArrowDtype(pa.float64())),
        "flag": [True, False, True],
        "text.and $": ["a", None, "ü"],
        "$kind": pd.Categorical(["u", None, "v"], categories=["v", "w", "u"]),
        "when": pd.DatetimeIndex(["1969-12-31 23:59:59.999999", None, "2030-03-31 01:59"]),
        "far": np.array(["-4000-01-01", "NaT", "2030-01-01"], dtype="M8[s]"),
        "bytes": pd.Series([b"\0\xff", None, b""], dtype=object),
        "cells": pd.Series([1, "a", (1, [None])], dtype=object),
    }
    return pd.DataFrame(values)


def more_rows() -> pd.DataFrame:
    """Return what was appended to ``rows``."""
    return rows().iloc[[2, 0]].assign(x=[20, 10]).reset_index(drop=True)


def steps() -> pd.Series[Any]:
    """Return what ``steps`` is, one document a row."""
    return pd.Series([1.5, 2.5], index=pd.date_range("2030", periods=2, freq="MS"), name="steps")


def model() -> LinearRegression:
    """Return what ``models/line`` is: twice x, and one more."""
    return LinearRegression().fit([[0.0], [1.0]], [1.0, 3.0])


def open_golden(connection: Connection, *, now: datetime, first_id: int = 1) -> Omega:
    """Return an Omega that stands in time, and counts its ids."""
    clock, ids = ManualClock(now), count(first_id)
    om = Omega(
        Context(
            metadata=MongoMetadataStore(connection),
            store=MongoStore(connection, clock=clock),
            clock=clock,
            author="golden",
            new_id=lambda: f"{next(ids):032x}",
        )
    )
    for backend in BACKENDS:
        om.context.registry.register(backend.KIND, backend)
    return om


def tell(om: Omega) -> None:
    """Do what the file keeps; each step is a minute after the one before."""
    for step in _steps(om):
        step()
        clock: Any = om.context.clock
        clock.advance(timedelta(minutes=1))


def _steps(om: Omega) -> list[Callable[[], Any]]:
    datasets = om.datasets
    return [
        lambda: datasets.put(people(), "people", attributes=ATTRIBUTES, tag="first"),
        lambda: datasets.put(guests(), "people", attributes={"a.b": 2}, tag="second"),
        lambda: datasets.tag("people@1", "old"),
        lambda: datasets.put(trips(), "folder/trips"),
        lambda: datasets.put(rows(), "rows", layout="documents", index=["+x", ("-text.and $", "+when")]),
        lambda: datasets.put(more_rows(), "rows", append=True),
        lambda: datasets.put(steps(), "steps", layout="documents"),
        lambda: om.models.put(model(), "line", tag="prod"),
        lambda: datasets.put([1, 2], "dropped"),
        lambda: datasets.drop("dropped"),
        lambda: datasets.promote("people@first", om["team"].datasets, asname="crew"),
    ]


def dump(database: Database[Any]) -> str:
    """Return all documents and indexes of a database as Extended JSON, with ids and times of the server made plain."""
    names = sorted(name for name in database.list_collection_names() if not name.startswith("system."))
    found: Dump = {
        name: {
            "documents": list(database[name].find()),
            "indexes": [_index(one) for one in database[name].list_indexes()],
        }
        for name in names
    }
    _make_plain(found)
    for collection in found.values():
        collection["documents"].sort(key=_text)
        collection["indexes"].sort(key=_text)
    plain = json.loads(json_util.dumps(found, json_options=json_util.CANONICAL_JSON_OPTIONS))
    return json.dumps(plain, indent=1) + "\n"


def load(database: Database[Any], text: str) -> None:
    """Make collections and indexes as they were when the text was made."""
    found: Dump = json_util.loads(text, json_options=json_util.CANONICAL_JSON_OPTIONS)
    for name, collection in found.items():
        if collection["indexes"]:
            database.command("createIndexes", name, indexes=collection["indexes"])
        if collection["documents"]:
            database[name].insert_many(collection["documents"])


def golden_file(format_: int) -> Path:
    """Return the file of a format."""
    return GOLDEN / f"format-{format_}.json"


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in index.items() if name not in {"v", "ns"}}


def _make_plain(found: Dump) -> None:
    """Number the files in the order of their names; give them one time."""
    files, chunks = found[f"{FILES}.files"]["documents"], found[f"{FILES}.chunks"]["documents"]
    files.sort(key=lambda file: str(file["filename"]))
    plain = {file["_id"]: ObjectId(f"{number:024x}") for number, file in enumerate(files, 1)}
    for file in files:
        file["_id"], file["uploadDate"] = plain[file["_id"]], START
        if "touched" in file["metadata"]:
            file["metadata"]["touched"] = START
    for chunk in chunks:
        file_id = plain[chunk["files_id"]]
        chunk["_id"] = ObjectId(f"{int(str(file_id), 16) << 32 | chunk['n']:024x}")
        chunk["files_id"] = file_id


def _text(document: Mapping[str, Any]) -> str:
    return json_util.dumps(document.get("_id", document.get("name")), json_options=json_util.CANONICAL_JSON_OPTIONS)


def write(url: str) -> None:
    """Write the file of the present format."""
    with closing(Connection(url)) as connection:
        tell(open_golden(connection, now=START))
        golden_file(FORMAT).write_text(dump(connection.client[connection.address.database]))


if __name__ == "__main__":
    write(sys.argv[1])
