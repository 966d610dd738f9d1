"""Documents as tables of Arrow: what they hold, and that stores with and without pymongoarrow read each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import omega_mongo.store
from omega_backends.pandas_rows import DataFrameRowsBackend, SeriesRowsBackend
from omega_backends.testing.frames import assert_same, filters, frames, series
from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.errors import (
    CorruptPayloadError,
    DuplicateDocumentError,
    InvalidFilterError,
    OmegaError,
    UnsupportedObjectError,
)
from omega_domain.omega import Omega
from omega_domain.ports.store import SupportsTables
from omega_mongo import Connection, MongoMetadataStore, MongoStore
from omega_mongo.collection import MongoCollection
from omega_mongo.store import collection_class
from omega_mongo.tables import MongoTables

TIME = pa.timestamp("ms", tz="UTC")
NAN, INF = math.nan, math.inf
COLUMNS: dict[str, pa.Array] = {
    "int64": pa.array([0, -(2**63), 2**63 - 1, None, 2**31], pa.int64()),
    "int64 without null": pa.array([0, -1, 2**63 - 1, 7, 2**31], pa.int64()),
    "float64": pa.array([0.1, -0.0, INF, -INF, 5e-324], pa.float64()),
    "float64 with null": pa.array([0.1, None, INF, None, 1e308], pa.float64()),
    "float64 with NaN": pa.array([0.1, NAN, INF, NAN, 1e308], pa.float64()),
    "float64 with NaN and null": pa.array([0.1, NAN, None, None, NAN], pa.float64()),
    "bool": pa.array([True, False, None, True, False], pa.bool_()),
    "string": pa.array(["", "ä𝄞", "a\0b", None, "$x.y"], pa.string()),
    "binary": pa.array([b"", b"\0\xff", None, b"abc", b"\0"], pa.binary()),
    "time": pa.array([-62_135_596_800_000, -1, None, 0, 253_402_300_799_999], TIME),
    "time without null": pa.array([-62_135_596_800_000, -1, 1, 0, 253_402_300_799_999], TIME),
    "null": pa.nulls(5),
    **{f"{type_} of nulls": pa.nulls(5, type_) for type_ in (pa.float64(), pa.string(), pa.binary(), TIME)},
}
TYPES = (pa.int64(), pa.float64(), pa.bool_(), pa.string(), pa.binary(), TIME)
MOMENT = datetime(2030, 1, 1, tzinfo=UTC)
WRONG: list[tuple[pa.DataType, list[Any]]] = [
    (pa.int64(), ["1", b"1", MOMENT, {"a": 1}, [1]]),
    (pa.float64(), ["1", b"1", MOMENT, {"a": 1}, [1]]),
    (pa.bool_(), [1, 1.0, 2**40, "x", b"1"]),
    (pa.string(), [1, 2**40, 1.5, True, b"1", MOMENT, ["a"]]),
    (pa.binary(), [1, "x", True, MOMENT]),
    (TIME, [1, 2**40, 1.5, True, "2030-01-01", b"1"]),
]
FEW = settings(deadline=None, suppress_health_check=list(HealthCheck))
ARROW = pytest.mark.needs("arrow")
DIRECTIONS = [
    pytest.param("with", "without", marks=ARROW),
    pytest.param("without", "with", marks=ARROW),
    pytest.param("with", "with", marks=ARROW),
    ("without", "without"),
]
READS = [pytest.param("with", marks=ARROW), "without"]


@pytest.fixture
def store(connect: Callable[[], Connection]) -> MongoStore:
    return MongoStore(connect())


@pytest.fixture(params=[pytest.param("tables", marks=ARROW)])
def rows(store: MongoStore) -> MongoTables:
    collection = store.collection("rows")
    assert isinstance(collection, MongoTables)
    return collection


def _table(**columns: Any) -> pa.Table:
    count = len(next(iter(columns.values())))
    return pa.table({"_id": pa.array(range(count), pa.int64()), **columns})


def _exact(table: pa.Table) -> str:
    """Return a table as text, in which NaN is NaN and -0.0 is not 0.0."""
    return repr((table.schema, table.sort_by("_id").to_pylist()))


# -- what a table holds ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_read_as_it_was_written(rows: MongoTables, name: str, whole: bool) -> None:
    table = _table(value=COLUMNS[name])
    rows.insert_table(table)
    assert _exact(rows.find_table({}, table.schema, whole=whole)) == _exact(table)


@pytest.mark.parametrize("name", COLUMNS)
def test_a_column_is_the_same_without_pymongoarrow(rows: MongoTables, name: str) -> None:
    table = _table(value=COLUMNS[name])
    rows.insert_table(table)
    plain = MongoCollection(rows._connection, "plain")
    plain.insert_many(table.to_pylist())
    assert repr(list(rows.find(sort=[("_id", 1)]))) == repr(list(plain.find(sort=[("_id", 1)])))


def test_all_columns_together_are_read_in_the_order_of_the_schema(rows: MongoTables) -> None:
    table = _table(**{name.replace(" ", "_"): column for name, column in COLUMNS.items()})
    rows.insert_table(table)
    wanted = table.select(list(reversed(table.column_names)))
    for whole in (False, True):
        assert _exact(rows.find_table({}, wanted.schema, whole=whole)) == _exact(wanted)


def test_only_the_fields_of_the_schema_are_read(rows: MongoTables) -> None:
    rows.insert_table(_table(a=[1, 2], b=["x", "y"]))
    for whole in (False, True):
        found = pa.table(rows.find_table({}, pa.schema({"b": pa.string()}), whole=whole))
        assert found.to_pydict() == {"b": ["x", "y"]}


def test_a_field_that_is_not_there_is_null(rows: MongoTables) -> None:
    rows.insert_many([{"_id": 0}, {"_id": 1, "other": 1}, {"_id": 2, "value": None}, {"_id": 3}])
    for type_ in (*TYPES, pa.null()):
        for whole in (False, True):
            found = pa.table(rows.find_table({}, pa.schema({"_id": pa.int64(), "value": type_}), whole=whole))
            assert found.num_rows == 4
            assert found.column("value").type == type_
            assert found.column("value").null_count == 4


def test_what_is_no_number_is_told_from_what_is_not_there(rows: MongoTables) -> None:
    rows.insert_many([{"_id": 0, "value": NAN}, {"_id": 1}, {"_id": 2, "value": 1.5}])
    found = pa.table(rows.find_table({}, pa.schema({"_id": pa.int64(), "value": pa.float64()})))
    assert repr(found.sort_by("_id").column("value").to_pylist()) == "[nan, None, 1.5]"


def test_no_number_is_found_by_a_filter_too(rows: MongoTables) -> None:
    table = _table(value=pa.array([NAN, None, NAN, 1.5, None]), side=pa.array([1, 2, 1, 1, 2], pa.int64()))
    rows.insert_table(table)
    for side in (1, 2):
        expected = table.filter(pa.array([one == side for one in table.column("side").to_pylist()]))
        assert _exact(rows.find_table({"side": side}, table.schema)) == _exact(expected)


@pytest.mark.parametrize("whole", [False, True])
def test_nothing_found_is_an_empty_table_of_the_schema(rows: MongoTables, whole: bool) -> None:
    schema = pa.schema({"_id": pa.int64(), **{str(type_): type_ for type_ in (*TYPES, pa.null())}})
    assert pa.table(rows.find_table({}, schema, whole=whole)).equals(schema.empty_table())
    rows.insert_table(_table(a=[1]))
    assert pa.table(rows.find_table({"a": 2}, schema, whole=whole)).equals(schema.empty_table())


def test_no_rows_are_inserted_by_an_empty_table(rows: MongoTables) -> None:
    rows.insert_table(_table(a=[1]).slice(0, 0))
    assert rows.count_documents({}) == 0


def test_rows_of_several_chunks_are_inserted_in_order(rows: MongoTables) -> None:
    table = pa.concat_tables([_table(a=[1, 2]), _table(a=[3]).set_column(0, "_id", pa.array([2], pa.int64()))])
    rows.insert_table(table)
    assert [document["a"] for document in rows.find()] == [1, 2, 3]


def test_more_rows_than_a_server_sends_at_once_are_all_read(rows: MongoTables) -> None:
    table = _table(value=pa.array(np.arange(20_000) / 2))
    rows.insert_table(table)
    assert pa.table(rows.find_table({}, table.schema)).sort_by("_id").equals(table)


def test_a_filter_finds_some_rows_with_an_index_and_without(rows: MongoTables) -> None:
    table = _table(a=[5, 1, 4, 1], b=["x", None, "z", "y"])
    rows.insert_table(table)
    for _ in range(2):
        found = pa.table(rows.find_table({"a": {"$lt": 5}, "b": {"$ne": None}}, table.schema))
        assert found.sort_by("_id").equals(table.take([2, 3]))
        rows.create_index("a")


# -- what it refuses ---------------------------------------------------------------------------------------------------


def test_an_id_that_exists_is_refused_and_rows_before_it_stay(rows: MongoTables) -> None:
    rows.insert_many([{"_id": 1, "a": "old"}])
    with pytest.raises(DuplicateDocumentError, match="'rows'"):
        rows.insert_table(_table(a=["new", "new", "new"]))
    assert {document["_id"]: document["a"] for document in rows.find()} == {0: "new", 1: "old"}


def test_the_same_id_twice_in_a_table_is_refused(rows: MongoTables) -> None:
    with pytest.raises(DuplicateDocumentError):
        rows.insert_table(pa.table({"_id": pa.array([7, 7], pa.int64())}))


@pytest.mark.parametrize(
    ("type_", "value"),
    [(type_, value) for type_, values in WRONG for value in values],
    ids=lambda one: repr(one).replace("\0", ""),
)
def test_a_value_of_another_type_is_refused(rows: MongoTables, type_: pa.DataType, value: Any) -> None:
    rows.insert_many([{"_id": 0, "value": None}, {"_id": 1, "value": value}])
    for whole in (False, True):
        with pytest.raises(CorruptPayloadError, match="'rows' are not as they were written"):
            rows.find_table({}, pa.schema({"value": type_}), whole=whole)


def test_numbers_of_another_width_are_read(rows: MongoTables) -> None:
    rows.insert_many([{"_id": 0, "value": 1}, {"_id": 1, "value": 2**40}, {"_id": 2, "value": 3.0}])
    for type_ in (pa.int64(), pa.float64()):
        found = pa.table(rows.find_table({}, pa.schema({"_id": pa.int64(), "value": type_})))
        assert found.sort_by("_id").column("value").to_pylist() == [1, 2**40, 3]


def test_a_filter_of_an_unknown_form_is_refused_as_that(rows: MongoTables) -> None:
    with pytest.raises(InvalidFilterError, match=r"\$where"):
        rows.find_table({"a": {"$where": "1"}}, pa.schema({"a": pa.int64()}))


# -- with pymongoarrow and without -------------------------------------------------------------------------------------


@contextmanager
def _arrow(how: str) -> Iterator[None]:
    """Have collections made as they are where pymongoarrow is installed, or as where it is not."""
    with pytest.MonkeyPatch.context() as patch:
        if how == "without":
            patch.setattr(omega_mongo.store, "find_spec", lambda _: None)
        collection_class.cache_clear()
        try:
            yield
        finally:
            collection_class.cache_clear()


def _omega(metadata: Any, store: Any) -> Omega:
    om = Omega(metadata=metadata, store=store, clock=ManualClock())
    for backend in (DataFrameRowsBackend, SeriesRowsBackend):
        om.context.registry.register(backend.KIND, backend)
    return om


@pytest.fixture
def new_om(connect: Callable[[], Connection]) -> Callable[[], Omega]:
    """Return an Omega on another database at each call."""

    def make() -> Omega:
        connection = connect()
        return _omega(MongoMetadataStore(connection), MongoStore(connection, clock=ManualClock()))

    return make


@pytest.fixture
def om(new_om: Callable[[], Omega]) -> Omega:
    return new_om()


def _memory() -> Omega:
    return _omega(MemoryMetadataStore(), MemoryStore(clock=ManualClock()))


def _frame(rows: int = 30, *, start: int = 0) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    holes = numbers % 4 == 0
    return pd.DataFrame(
        {
            "x": numbers,
            "y": np.where(holes, np.nan, numbers * 0.5),
            "maybe": pd.array([None if n % 4 == 0 else n * 1.5 for n in numbers.tolist()], dtype="Float64"),
            "both": pd.array(
                pa.array([NAN if n % 4 == 1 else None if n % 4 == 2 else n for n in numbers.tolist()], pa.float64()),
                dtype=pd.ArrowDtype(pa.float64()),
            ),
            "flag": numbers % 2 == 0,
            "text": pd.Series([None if hole else f"text {n % 5}" for n, hole in zip(numbers, holes, strict=True)]),
            "kind": pd.Categorical([["a", "b", "c"][n % 3] for n in numbers]),
            "when": pd.Timestamp("1969-12-31") + pd.to_timedelta(numbers * 3_600_000_003, unit="us"),
            "bytes": pd.Series([None if n % 5 == 0 else bytes([n % 256]) for n in numbers], dtype=object),
            "cells": pd.Series([n if n % 2 else f"{n}" for n in numbers.tolist()], dtype=object),
        }
    )


def test_without_pymongoarrow_collections_are_plain(store: MongoStore) -> None:
    with _arrow("without"):
        assert not isinstance(store.collection("rows"), SupportsTables)


@ARROW
def test_with_pymongoarrow_collections_are_tables(store: MongoStore) -> None:
    assert isinstance(store.collection("rows"), SupportsTables)


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
@given(data=st.data())
@FEW
def test_any_frame_is_read_as_it_was_put_or_refused(om: Omega, data: st.DataObject, writes: str, reads: str) -> None:
    frame: Any = data.draw(st.one_of(frames(), series()))
    with _arrow(writes):
        try:
            om.datasets.put(frame, "rows", layout="documents")
        except UnsupportedObjectError:
            return
    with _arrow(reads):
        assert_same(om.datasets.get("rows"), frame)


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
@given(data=st.data())
@FEW
def test_any_filter_finds_what_it_finds_in_memory(om: Omega, data: st.DataObject, writes: str, reads: str) -> None:
    frame = data.draw(frames(max_columns=3))
    query = data.draw(filters(frame))
    memory = _memory()
    with _arrow(writes):
        try:
            om.datasets.put(frame, "rows", layout="documents")
        except UnsupportedObjectError:
            return
    memory.datasets.put(frame, "rows", layout="documents")
    with _arrow(reads):
        try:
            expected = memory.datasets.get("rows", query)
        except OmegaError as error:
            with pytest.raises(type(error)):
                om.datasets.get("rows", query)
        else:
            assert_same(om.datasets.get("rows", query), expected)


@pytest.mark.parametrize("index", [None, ["+x", "-when", ("+kind", "-y")]])
@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
@pytest.mark.parametrize(
    "query",
    [
        {"x__gte": 20},
        {"x__between": (3, 9), "flag": True},
        {"y__lt": 4},
        {"y__isnull": True},
        {"maybe__isnull": False, "maybe__gt": 10.5},
        {"both__isnull": True},
        {"kind__in": ["a", "c"], "text__startswith": "text 1"},
        {"when__lt": pd.Timestamp("1970-01-01")},
        {"text": None},
        {"x": -1},
    ],
    ids=str,
)
def test_a_filter_finds_the_same_rows(
    om: Omega, query: dict[str, Any], writes: str, reads: str, index: list[Any] | None
) -> None:
    memory = _memory()
    memory.datasets.put(_frame(), "rows", layout="documents")
    with _arrow(writes):
        om.datasets.put(_frame(), "rows", layout="documents", index=index)
    with _arrow(reads):
        assert_same(om.datasets.get("rows", **query), memory.datasets.get("rows", **query))


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
def test_columns_rows_and_chunks_are_read(om: Omega, writes: str, reads: str) -> None:
    frame = _frame()
    with _arrow(writes):
        om.datasets.put(frame, "rows", layout="documents")
    with _arrow(reads):
        assert_same(om.datasets.get("rows[both,x]"), frame[["both", "x"]])
        assert_same(om.datasets.get("rows[^bytes]"), frame.drop(columns="bytes"))
        chunks = list(om.datasets.get("rows", chunksize=7))
        assert [len(chunk) for chunk in chunks] == [7, 7, 7, 7, 2]
        for place, chunk in enumerate(chunks):
            assert_same(chunk, frame[place * 7 : place * 7 + 7])


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
def test_appended_rows_and_old_versions_are_read(om: Omega, writes: str, reads: str) -> None:
    first, second = _frame(9), _frame(6, start=100)
    with _arrow(writes):
        om.datasets.put(first, "rows", layout="documents", append=True)
    with _arrow(reads):
        om.datasets.put(second, "rows", append=True)
    whole = pd.concat([first, second], ignore_index=True)
    for how in (writes, reads):
        with _arrow(how):
            assert_same(om.datasets.get("rows"), whole)
            assert_same(om.datasets.get("rows@1"), first)
            assert_same(om.datasets.get("rows@1", x__gte=5), first[first["x"] >= 5])


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
def test_a_series_is_read(om: Omega, writes: str, reads: str) -> None:
    one = _frame()["both"]
    with _arrow(writes):
        assert om.datasets.put(one, "rows", layout="documents").kind == "pandas.serows"
    with _arrow(reads):
        assert_same(om.datasets.get("rows"), one)


@pytest.mark.parametrize(("writes", "reads"), DIRECTIONS)
def test_a_promoted_frame_comes_back_through_memory(new_om: Callable[[], Omega], writes: str, reads: str) -> None:
    first, memory, last = new_om(), _memory(), new_om()
    frame, more = _frame(), _frame(5, start=200)
    with _arrow(writes):
        first.datasets.put(frame, "rows", layout="documents", index=["+x"])
        first.datasets.put(more, "rows", append=True)
        first.datasets.promote("rows", memory.datasets)
    with _arrow(reads):
        memory.datasets.promote("rows", last.datasets)
        whole = pd.concat([frame, more], ignore_index=True)
        assert_same(memory.datasets.get("rows"), whole)
        assert_same(last.datasets.get("rows"), whole)
        assert_same(last.datasets.get("rows", x__gte=200), whole[whole["x"] >= 200])
        assert last.datasets.summary("rows")["indexes"] == ["x_1"]


@pytest.mark.parametrize("reads", READS)
def test_rows_that_were_removed_behind_our_back_are_noticed(om: Omega, reads: str) -> None:
    om.datasets.put(_frame(), "rows", layout="documents")
    om.datasets.collection("rows").delete_many({"x": {"$in": [3, 4]}})
    with _arrow(reads), pytest.raises(CorruptPayloadError, match="28 of 30 rows"):
        om.datasets.get("rows")
