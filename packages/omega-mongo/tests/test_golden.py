"""Databases written by each format so far are readable for ever, and today's code writes the present format.

``PYTHONPATH=. python packages/omega-mongo/tests/test_golden.py`` writes the file of the present format, once, when
there is a new one: a small story is told to a fresh server, and all collections are dumped as Extended JSON of MongoDB.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bson import ObjectId, json_util
from bson.codec_options import CodecOptions
from pymongo.database import Database

import omega_mongo.store
from omega_backends.testing.frames import assert_same
from omega_domain.adapters.memory import ManualClock
from omega_domain.adapters.memory.clock import START
from omega_domain.errors import ObjectNotFoundError
from omega_domain.omega import Omega
from omega_domain.testing.backends import CollectionBackend, TextBackend, UriBackend
from omega_domain.testing.models import Affine, AffineBackend
from omega_ml import plugins
from omega_mongo import Connection, MongoMetadataStore, MongoStore
from omega_mongo.collection import MongoCollection
from omega_mongo.schema import FORMAT

GOLDEN = Path(__file__).parent / "golden"
PLAIN: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
CANONICAL = json_util.CANONICAL_JSON_OPTIONS.with_options(tz_aware=True, tzinfo=UTC)

Dump = dict[str, dict[str, Any]]

ODD_ATTRIBUTES = {"a.b": 1, "$set": {"$where": "1"}, "": None, "ü \0": [1.5, 2**60, True], "n": {"x.y": {"$gt": ""}}}
LONG_ATTRIBUTES = {"notes": "long enough that the version does not ride along with its head. " * 300}
FACTS = {
    "text": "Grüße",
    "numbers": [0, -1, 2**63, 1.5, 1e300],
    "nothing": None,
    "a.b": {"$c": True, "": []},
    "time": datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    "day": date(2030, 1, 2),
    "bytes": b"\0\xff",
    "price": Decimal("1.10"),
}
CITIES = [{"city": "Bern", "n": 1}, {"city": "Rome", "n": 2}, {"city": "Oslo", "n": 3}]


def frame(rows: int = 5, *, start: int = 0) -> pd.DataFrame:
    """Return a frame with a column of each form that documents have."""
    numbers = np.arange(start, start + rows)
    columns: dict[str, Any] = {
        "n": numbers,
        "small": numbers.astype("int8"),
        "x": numbers / 4,
        "y": np.where(numbers % 2, np.nan, numbers).astype("float32"),
        "flag": numbers % 2 == 0,
        "text": [f"text {n}" if n % 3 else None for n in numbers],
        "kind": pd.Categorical([("a", "b")[n % 2] for n in numbers], categories=["b", "a", "z"]),
        "count": pd.array([None if n % 2 else int(n) for n in numbers], dtype="Int64"),
        "time": pd.to_datetime(numbers * 1_000_001, unit="us", utc=True),
        "price": [Decimal(int(n)) / 4 for n in numbers],
        "a.b": numbers,
        "$c": numbers,
    }
    return pd.DataFrame(columns).set_index(pd.Index([f"row {n}" for n in numbers], name="key"))


def series() -> pd.Series[Any]:
    """Return a series with a frequency."""
    return pd.Series([1.5, 2.5, 3.5], index=pd.date_range("2030", periods=3, freq="D"), name="daily")


def open_omega(connection: Connection) -> Omega:
    """Return an Omega with a clock that stands still and ids in order."""
    clock, ids = ManualClock(), itertools.count(1)
    connection.address = replace(connection.address, url="mongodb://db.example.com/golden")
    om = Omega(
        name="golden",
        metadata=MongoMetadataStore(connection),
        store=MongoStore(connection, clock=clock),
        clock=clock,
        author="ada",
        registry=plugins.backends(),
        codec=plugins.codec(),
        new_id=lambda: f"{next(ids) * 0x9E3779B97F4A7C15 % 2**128:032x}",
    )
    for backend in (TextBackend, CollectionBackend, UriBackend, AffineBackend):
        om.datasets.register_backend(backend.KIND, backend)
    return om


def tell(om: Omega) -> None:
    """Put something of everything."""
    datasets = om.datasets
    datasets.put(FACTS, "facts", attributes=ODD_ATTRIBUTES, tag="checked")
    for city in CITIES:
        datasets.put(city, "folder/cities", append=True)
    datasets.put(np.arange(6, dtype="int16").reshape(2, 3), "array")
    datasets.put(frame(), "parquet")
    datasets.put(frame(), "documents", layout="documents", index=["+n", ("x", "-n")])
    for name in ("parquet", "documents"):
        datasets.put(frame(3, start=5), name, append=True)
    datasets.put(series(), "series", layout="documents")
    datasets.put("text", "text", attributes=LONG_ATTRIBUTES, kind="test.text")
    datasets.put(("a", "b"), "collection")
    datasets.put(bytearray(b"far"), ".hidden/uri")
    datasets.put("first", "again", kind="test.text")
    datasets.drop("again")
    datasets.put("second life", "again", kind="test.text")
    datasets.put("gone", "gone", kind="test.text")
    datasets.drop("gone")
    _tell_of_models(om)


def _tell_of_models(om: Omega) -> None:
    om.models.put(Affine(2.0, 1.0), "model", attributes={"owner": "ada"}, tag="v1")
    om.models.put(Affine(3.0), "model")
    om.models.put(Affine(9.0), "model")
    om.models.drop("model@3")
    om.models.promote("model@v1", om["prod"].models, asname="live", tag="today")
    om.runtime.model("model@v1").predict([1.0, 2.0]).get()
    with om.runtime.parallel() as tasks:
        tasks.model("model").predict([1.0])
        tasks.model("model").predict([2.0])
    tasks.run().getall()


def dump(connection: Connection) -> Dump:
    """Return all collections with their indexes; what only a server chooses is replaced by what is always the same."""
    database = connection.client.get_database(connection.database.name, PLAIN)
    found: Dump = {}
    for name in sorted(database.list_collection_names()):
        documents = list(database[name].find(sort=[("files_id", 1), ("n", 1), ("_id", 1)]))
        indexes = sorted(database[name].list_indexes(), key=lambda index: str(index["name"]))
        found[name] = {"indexes": [_index(index) for index in indexes], "documents": documents}
    return _settled(found)


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    kept = ("name", "unique", "partialFilterExpression")
    return {"key": list(index["key"].items()), **{key: index[key] for key in kept if key in index}}


def _settled(found: Dump) -> Dump:
    """Give files ids in the order of their names, and fixed times, workers and ids to the rest."""
    files = sorted(found["omega.fs.files"]["documents"], key=lambda file: str(file["filename"]))
    ids = {file["_id"]: ObjectId(f"{number:024x}") for number, file in enumerate(files)}
    for file in files:
        file |= {"_id": ids[file["_id"]], "uploadDate": START}
    for chunk in found["omega.fs.chunks"]["documents"]:
        chunk |= {"files_id": ids[chunk["files_id"]], "_id": ids[chunk["files_id"]]}
    for task in found["omega.tasks"]["documents"]:
        task["worker"] = "local@here"
    for documents in (part["documents"] for name, part in found.items() if ".collection." in name):
        for number, document in enumerate(sorted(documents, key=lambda item: str(item["n"]))):
            document["_id"] = f"{number:032x}"
    return {name: {**part, "documents": sorted(part["documents"], key=_order)} for name, part in found.items()}


def _order(document: Mapping[str, Any]) -> str:
    return f"{document.get('files_id')} {document['_id']!s:>40} {document.get('n')}"


def load(database: Database[Any], format_: int) -> None:
    """Restore the dump of a format."""
    for name, part in json_util.loads((GOLDEN / f"store-{format_}.json").read_text(), json_options=CANONICAL).items():
        if part["documents"]:
            database[name].insert_many(part["documents"])
        for index in part["indexes"]:
            options = {key: value for key, value in index.items() if key != "key"}
            if index["name"] != "_id_":
                database[name].create_index([tuple(pair) for pair in index["key"]], **options)


@pytest.fixture
def connection(mongo_url: str) -> Iterator[Connection]:
    with closing(Connection(mongo_url)) as connection:
        yield connection


@pytest.fixture(params=[pytest.param("pymongoarrow", marks=pytest.mark.needs("arrow")), "pymongo"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How rows are read: as tables, or as dicts where pymongoarrow is not installed."""
    if request.param == "pymongo":
        monkeypatch.setattr(omega_mongo.store, "collection_class", lambda: MongoCollection)


@pytest.fixture(params=range(1, FORMAT + 1))
def om(request: pytest.FixtureRequest, connection: Connection, driver: None) -> Omega:
    """What each format has written, opened by today's code."""
    load(connection.database, request.param)
    return open_omega(connection)


def test_python_data_are_read(om: Omega) -> None:
    assert om.datasets.get("facts") == om.datasets.get("facts@checked") == FACTS
    assert om.datasets.get("folder/cities") == CITIES
    assert om.datasets.get("folder/cities@2") == CITIES[:2]
    assert om.datasets.get("folder/cities", city="Rome") == [CITIES[1]]


def test_metadata_are_read(om: Omega) -> None:
    meta = om.datasets.metadata("facts", required=True)
    assert (meta.attributes, meta.tags, meta.author, meta.created) == (ODD_ATTRIBUTES, ["checked"], "ada", START)
    assert om.datasets.metadata("text", required=True).attributes == LONG_ATTRIBUTES
    kinds = {meta.name: meta.kind for meta in om.datasets.list(raw=True, hidden=True)}
    assert kinds == {
        ".hidden/uri": "test.uri",
        "again": "test.text",
        "array": "ndarray.bin",
        "collection": "test.collection",
        "documents": "pandas.dfrows",
        "facts": "python.data",
        "folder/cities": "python.data",
        "parquet": "pandas.parquet",
        "series": "pandas.serows",
        "text": "test.text",
    }
    assert om.buckets == ["omega", "prod"]


@pytest.mark.parametrize("name", ["parquet", "documents"])
def test_frames_are_read(om: Omega, name: str) -> None:
    whole = frame(8)
    assert_same(om.datasets.get(name), whole)
    assert_same(om.datasets.get(f"{name}@1"), frame())
    assert_same(om.datasets.get(f"{name}[x,a.b]", n__gte=3), whole[["x", "a.b"]][3:])
    assert_same(om.datasets.get(name, text="text 7"), whole[7:])


def test_arrays_and_series_are_read(om: Omega) -> None:
    array = om.datasets.get("array")
    assert (array.dtype, array.tolist()) == (np.dtype("int16"), [[0, 1, 2], [3, 4, 5]])
    assert_same(om.datasets.get("series"), series())


def test_what_backends_of_others_have_put_is_read(om: Omega) -> None:
    assert om.datasets.get("collection") == ("a", "b")
    assert om.datasets.get(".hidden/uri") == b"far"
    assert om.datasets.get("text") == "text"


def test_what_was_dropped_stays_so(om: Omega) -> None:
    assert om.datasets.get("again") == "second life"
    assert [meta.version for meta in om.datasets.versions("again")] == [1]
    with pytest.raises(ObjectNotFoundError):
        om.datasets.get("gone")


def test_models_and_promotions_are_read(om: Omega) -> None:
    assert om.models.get("model") == Affine(3.0)
    assert om.models.get("model@v1") == om["prod"].models.get("live@today") == Affine(2.0, 1.0)
    assert [meta.version for meta in om.models.versions("model")] == [1, 2]
    promoted = om["prod"].models.metadata("live", required=True).provenance
    assert promoted is not None
    assert promoted["name"] == "model"


def test_tasks_and_their_results_are_read(om: Omega) -> None:
    (group,) = om.context.store.collection("omega.groups").find()
    assert om.runtime.result(group["_id"]).getall() == [[3.0], [6.0]]  # type: ignore[union-attr]
    (task,) = om.context.store.collection("omega.tasks").find({"name": "model@v1"})
    assert om.runtime.result(task["_id"]).get() == [3.0, 5.0]


def test_nothing_is_missing_and_nothing_needed_is_collected(om: Omega) -> None:
    assert om.check() == []
    om.context.clock.advance(om.context.retention.grace * 10)  # type: ignore[attr-defined]
    om.collect()
    assert om.check() == []
    assert om.datasets.get("facts") == FACTS
    assert_same(om.datasets.get("documents"), frame(8))


def test_it_is_written_on(om: Omega) -> None:
    fresh = itertools.count(2**100)
    object.__setattr__(om.context, "new_id", lambda: f"{next(fresh):032x}")
    om.datasets.put(CITIES[0], "folder/cities", append=True)
    assert om.datasets.get("folder/cities") == [*CITIES, CITIES[0]]
    for name in ("parquet", "documents"):
        om.datasets.put(frame(2, start=8), name, append=True)
        assert_same(om.datasets.get(name), frame(10))
    assert om.models.put(Affine(4.0), "model").version == 4
    om.datasets.drop("facts")
    assert om.check() == []


def test_the_present_code_writes_the_present_format(connection: Connection, driver: None) -> None:
    tell(open_omega(connection))
    written = dump(connection)
    golden = json_util.loads((GOLDEN / f"store-{FORMAT}.json").read_text(), json_options=CANONICAL)
    assert {name: form_of(part) for name, part in written.items()} == {
        name: form_of(part) for name, part in golden.items()
    }


def form_of(part: Mapping[str, Any]) -> tuple[list[Any], int, set[str]]:
    """Return the indexes of a collection, how many documents it has, and all their fields with their types."""
    indexes = [{**index, "key": [list(pair) for pair in index["key"]]} for index in part["indexes"]]
    fields = {field for document in part["documents"] for field in _fields_of(document)}
    return indexes, len(part["documents"]), fields


def _fields_of(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _fields_of(item, f"{path}/{name}")
    elif isinstance(value, list):
        for item in value:
            yield from _fields_of(item, f"{path}[]")
    else:
        yield f"{path}: {'int' if isinstance(value, int) and not isinstance(value, bool) else type(value).__name__}"


def write() -> None:
    """Write the file of the present format."""
    from tests.servers.secantus import SecantusServer  # noqa: PLC0415 -- only to write

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(SecantusServer(folder)).url_of("golden")
        connection = stack.enter_context(closing(Connection(url)))
        tell(open_omega(connection))
        found = dump(connection)
    GOLDEN.mkdir(exist_ok=True)
    text = json_util.dumps(found, json_options=CANONICAL, indent=1, ensure_ascii=False)
    (GOLDEN / f"store-{FORMAT}.json").write_text(f"{text}\n")


if __name__ == "__main__":
    write()
