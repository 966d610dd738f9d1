"""Frames as documents: what is put comes back, what a filter finds is what pandas finds, and versions stay apart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_backends.pandas_parquet import ParquetBackend
from omega_backends.pandas_rows import DataFrameRowsBackend, SeriesRowsBackend
from omega_backends.testing.frames import assert_same, frames, series
from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.entities.operators import holds
from omega_domain.entities.query import Q
from omega_domain.errors import (
    ColumnNotFoundError,
    ConflictError,
    CorruptPayloadError,
    OmegaError,
    SchemaMismatchError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.omega import Omega
from omega_domain.repository.context import Retention
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect
from omega_local import LocalMetadataStore, LocalStore

DAY = pd.Timestamp("2030-01-01")


def _omega(metadata: Any, store: Any, clock: ManualClock) -> Omega:
    om = Omega(metadata=metadata, store=store, clock=clock, retention=Retention())
    for backend in (ParquetBackend, DataFrameRowsBackend, SeriesRowsBackend):
        om.context.registry.register(backend.KIND, backend)
    return om


@pytest.fixture(params=["memory", "local"])
def om(request: pytest.FixtureRequest, tmp_path: Path) -> Omega:
    clock = ManualClock()
    if request.param == "memory":
        return _omega(MemoryMetadataStore(), MemoryStore(clock=clock), clock)
    return _omega(LocalMetadataStore(tmp_path), LocalStore(tmp_path, clock=clock), clock)


def _frame(rows: int = 30, *, start: int = 0) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "x": numbers,
            "y": numbers * 0.5,
            "small": numbers.astype("int8"),
            "flag": numbers % 2 == 0,
            "text": pd.Series([None if n % 7 == 0 else f"text {n % 5}" for n in numbers], dtype="str"),
            "kind": pd.Categorical([["a", "b", "c"][n % 3] for n in numbers]),
            "when": DAY + pd.to_timedelta(numbers * 1_000_003, unit="us"),
            "zoned": pd.DatetimeIndex(DAY + pd.to_timedelta(numbers, unit="h")).tz_localize("Europe/Berlin"),
            "maybe": pd.array([None if n % 4 == 0 else n for n in numbers], dtype="Int64"),
            "object": pd.Series([f"o{n % 3}" for n in numbers], dtype=object),
        }
    )


def _put(om: Omega, frame: Any, name: str = "rows", **options: Any) -> Any:
    return om.datasets.put(frame, name, layout="documents", **options)


def test_a_frame_comes_back_from_documents(om: Omega) -> None:
    frame = _frame()
    meta = _put(om, frame)
    assert meta.kind == "pandas.dfrows"
    pd.testing.assert_frame_equal(om.datasets.get("rows"), frame)
    pd.testing.assert_frame_equal(frame, _frame())


def test_a_row_is_a_document_that_reads_as_the_row(om: Omega) -> None:
    frame = pd.DataFrame(
        {"n": [1], "f": [0.5], "s": ["x"], "c": pd.Categorical(["u"]), "t": [pd.Timestamp("2030-01-02 03:04:05")]}
    )
    _put(om, frame)
    (document,) = om.datasets.collection("rows").find()
    assert {key: value for key, value in document.items() if not key.startswith("_")} == {
        "n": 1,
        "f": 0.5,
        "s": "x",
        "c": "u",
        "t": datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    assert isinstance(document["_id"], int)
    assert document["_omega"] == f"{document['_id'] >> 32:08x}"


def test_a_series_comes_back_from_documents(om: Omega) -> None:
    for one in (pd.Series([1, 2], name="s"), pd.Series([1.5, None], index=["a", "b"]), pd.Series([], dtype="str")):
        assert _put(om, one).kind == "pandas.serows"
        pd.testing.assert_series_equal(om.datasets.get("rows"), one)
    with pytest.raises(UnsupportedOptionError, match="can not be left out"):
        om.datasets.get("rows[^0]")


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["one", None])),
        pd.DataFrame({"x": [1, 2]}, index=pd.date_range("2030-01-01", periods=2, freq="D", name="day")),
        pd.DataFrame({"x": [1, 2]}, index=pd.RangeIndex(10, 4, -3)),
        pd.DataFrame([[1, 2]], columns=pd.Index(["a.b", "$c"])),
        pd.DataFrame([[1, 2, 3]], columns=["_id", "_omega", "x%2E"]),
        pd.DataFrame([[1, 2]], columns=[0, 1]),
        pd.DataFrame([[1, "x"]], columns=["same", "same"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")])),
        pd.DataFrame({"when": pd.array(np.array([0, 1, "NaT"], dtype="M8[ns]"))}),
        pd.DataFrame({"when": np.array(["0001-01-01", "9999-12-31T23:59:59.999999"], dtype="M8[us]")}),
        pd.DataFrame({"when": np.array(["-9999-01-01", "2030-01-01"], dtype="M8[s]")}),
        pd.DataFrame({"delta": pd.to_timedelta([1, None], unit="ns")}),
        pd.DataFrame({"n": pd.Series([Decimal("1.10"), None, Decimal(2)], dtype=object)}),
        pd.DataFrame({"d": pd.Series([date(2030, 1, 1), None], dtype=object)}),
        pd.DataFrame({"t": pd.Series([time(1, 2, 3, 4), None, time(0)], dtype=object)}),
        pd.DataFrame({"none": pd.array(np.array(["NaT", "NaT"], dtype="M8[ns]"))}),
        pd.DataFrame([[1, 2, 3]], columns=["a", "a~1", "_x"]),
        pd.DataFrame([[1, 2]], columns=pd.Index(["k", "v"]), index=pd.Index([5], name="k")),
        pd.DataFrame({"mixed": pd.Series([1, "a", None, 2.5], dtype=object)}),
        pd.DataFrame({"b": pd.Series([b"\0\xff", None], dtype=object)}),
        pd.DataFrame({"p": pd.period_range("2030-01", periods=2, freq="M")}),
        pd.DataFrame({"u": np.array([0, 2**63 - 1], dtype="uint64")}),
        pd.DataFrame({"f": np.array([1.5, np.nan, np.inf], dtype="float32")}),
        pd.DataFrame({"f": pd.array([1.5, None, np.inf], dtype="Float32")}),
        pd.DataFrame({"c": pd.Categorical([3, 1, None], categories=[3, 2, 1], ordered=True)}),
        pd.DataFrame({"c": pd.Categorical([f"{i}" for i in range(1500)])}),
        pd.DataFrame({"t": pd.array(["a", None], dtype="string[pyarrow]")}),
        pd.DataFrame({"a": pd.array([1, None], dtype="int32[pyarrow]")}),
        pd.DataFrame({"s": pd.arrays.SparseArray([0, 0, 1])}),
    ],
    ids=lambda frame: str(list(frame.columns)) + str(list(frame.dtypes)),
)
def test_any_frame_comes_back(om: Omega, frame: pd.DataFrame) -> None:
    _put(om, frame)
    pd.testing.assert_frame_equal(om.datasets.get("rows"), frame)
    assert [len(chunk) for chunk in om.datasets.get("rows", chunksize=10_000)] == [len(frame)]


@pytest.mark.parametrize(
    ("values", "why"),
    [
        (np.array([2**63], dtype="uint64"), "above 9223372036854775807"),
        (np.array([1j]), "struct"),
        (pd.arrays.IntervalArray.from_breaks([0, 1]), "struct"),
    ],
)
def test_what_documents_can_not_hold_is_refused_with_the_column(om: Omega, values: Any, why: str) -> None:
    _put(om, pd.DataFrame({"old": [1]}))
    with pytest.raises(UnsupportedObjectError, match=f"'rows' can not be put: column 'odd': .*{why}"):
        _put(om, pd.DataFrame({"fine": [1], "odd": values}))
    with pytest.raises(UnsupportedObjectError, match="level 0 of the index"):
        _put(om, pd.DataFrame({"fine": [1]}, index=pd.Index(values)))
    assert om.datasets.get("rows").columns.tolist() == ["old"]
    assert om.datasets.versions("rows")[-1].version == 1


@given(data=st.data())
@settings(deadline=None, suppress_health_check=list(HealthCheck))
def test_a_frame_comes_back_exactly_or_is_refused(om: Omega, data: st.DataObject) -> None:
    frame: Any = data.draw(st.one_of(frames(), series()))
    try:
        _put(om, frame)
    except UnsupportedObjectError:
        return
    assert_same(om.datasets.get("rows"), frame)


def test_appended_rows_follow(om: Omega) -> None:
    first, second = _frame(5), _frame(7, start=100)
    _put(om, first, append=True)
    om.datasets.put(second, "rows", append=True)
    whole = pd.concat([first, second], ignore_index=True)
    pd.testing.assert_frame_equal(om.datasets.get("rows"), whole)
    pd.testing.assert_frame_equal(om.datasets.get("rows@1"), first)
    assert om.datasets.metadata("rows", required=True).kind == "pandas.dfrows"
    assert len(om.datasets.summary("rows")["tokens"]) == 2


def test_anything_is_appended_to_a_frame_without_columns(om: Omega) -> None:
    for blank in (pd.DataFrame(), pd.DataFrame(index=pd.Index([], name="key", dtype="str"))):
        _put(om, blank)
        _put(om, _frame(3), append=True, index=["x"])
        _put(om, _frame(4), append=True)
        assert_same(om.datasets.get("rows"), pd.concat([_frame(3), _frame(4)], ignore_index=True))
        assert om.datasets.summary("rows")["indexes"] == ["x_1"]


def test_an_append_reads_as_much_after_many_as_after_few(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_domain.repository.payloads.PAGE", 6)
    read = om.datasets.payloads.__class__._read_page
    pages: list[int] = []

    def count_and_read(self: Any, page: Any) -> Any:
        pages[-1] += 1
        return read(self, page)

    monkeypatch.setattr(om.datasets.payloads.__class__, "_read_page", count_and_read)
    numbers = pd.DataFrame({"x": range(2)})
    for _ in range(60):
        pages.append(0)
        _put(om, numbers, append=True)
    assert max(pages) <= 4  # twice the first page, in a page of pages
    pages.append(0)
    assert om.datasets.get("rows")["x"].tolist() == [0, 1] * 60


def test_appending_in_another_layout_is_refused(om: Omega) -> None:
    om.datasets.put(_frame(), "rows")
    with pytest.raises(SchemaMismatchError, match=r"pandas\.parquet"):
        _put(om, _frame(), append=True)
    _put(om, _frame())
    with pytest.raises(UnsupportedObjectError, match="does not store DataFrame"):
        om.datasets.put(_frame(), "rows", kind="pandas.dfrows", layout="parquet")
    with pytest.raises(UnsupportedOptionError, match="parquet, documents"):
        om.datasets.put(_frame(), "rows", layout="columns")


def test_categories_grow_and_their_order_is_kept(om: Omega) -> None:
    _put(om, pd.DataFrame({"c": pd.Categorical(["b", "a"], categories=["b", "a"])}))
    _put(om, pd.DataFrame({"c": pd.Categorical(["c", "a"], categories=["c", "a"])}), append=True)
    found = om.datasets.get("rows")["c"]
    assert found.tolist() == ["b", "a", "c", "a"]
    assert list(found.cat.categories) == ["b", "a", "c"]
    with pytest.raises(SchemaMismatchError, match="dtypes differ"):
        _put(om, pd.DataFrame({"c": [1.5]}), append=True)


def test_segments_of_other_encodings_are_read_together(om: Omega) -> None:
    for cells in ([1, 2], ["a", None], [Decimal("1.5")], [None, None]):
        _put(om, pd.DataFrame({"o": pd.Series(cells, dtype=object)}), append=True)
    assert om.datasets.get("rows")["o"].tolist() == [1, 2, "a", None, Decimal("1.5"), None, None]
    assert om.datasets.get("rows", o=1)["o"].tolist() == [1]


@pytest.mark.parametrize(
    "query",
    [
        Q(x__gte=20),
        Q(x__gt=2.5, x__lt=4),
        Q(x=5) | Q(x__in=[7, 9, 1000]),
        ~Q(x__lt=25),
        Q(x__between=(3, 6)),
        Q(x__ne=5),
        Q(x__nin=[1, 2, 3]),
        Q(y=2.5),
        Q(small__lte=3),
        Q(flag=True),
        Q(text="text 3"),
        Q(text__ne="text 3"),
        Q(text__contains="t 3"),
        Q(text__startswith="text 4"),
        Q(text__endswith="2"),
        Q(text__regex="[12]$"),
        Q(text__isnull=True),
        Q(text__isnull=False),
        Q(text__contains=".") | Q(text__startswith="(") | Q(x=1),
        Q(text__in=["text 1", None]),
        Q(text=None),
        Q(kind="b"),
        Q(kind__in=["a", "c"]),
        Q(kind__startswith="a"),
        Q(when="2030-01-01 00:00:05.000015"),
        Q(when__gt="2030-01-01 00:00:05.000015"),
        Q(when__gte="2030-01-01 00:00:05.000015"),
        Q(when__lt="2030-01-01 00:00:05.000015"),
        Q(when__lte="2030-01-01 00:00:05.000015"),
        Q(when__between=("2030-01-01 00:00:02", "2030-01-01 00:00:05.000015")),
        Q(when__in=["2030-01-01 00:00:05.000015", "2030-01-01"]),
        Q(when__ne="2030-01-01"),
        ~Q(when__lt="2030-01-01 00:00:05.000015"),
        Q(zoned__gte="2030-01-01 12:00"),
        Q(maybe__gt=10),
        Q(maybe__isnull=True),
        Q(object="o1"),
        Q(object__contains="2"),
        Q(x__lt=5) & (Q(flag=True) | Q(kind="c")),
        Q(),
        ~Q(),
    ],
    ids=repr,
)
def test_a_filter_finds_what_it_finds_in_parquet(om: Omega, query: Q) -> None:
    frame = _frame()
    om.datasets.put(frame, "parquet")
    for part in (frame.iloc[:10], frame.iloc[10:].reset_index(drop=True)):
        _put(om, part, append=True)
    pd.testing.assert_frame_equal(om.datasets.get("rows", query), om.datasets.get("parquet", query))
    expected = om.datasets.get("parquet[x]", query)
    pd.testing.assert_frame_equal(om.datasets.get("rows[x]", query), expected)
    chunks = list(om.datasets.get("rows[x]", query, chunksize=4))
    pd.testing.assert_frame_equal(pd.concat(chunks), expected, check_index_type=False)
    assert all(len(chunk) == 4 for chunk in chunks[:-1])


@pytest.mark.parametrize("value", [1, 1.5, True, b"o1", Decimal(1), DAY, pd.Timedelta(1), "\ud800", 2**70])
def test_text_is_compared_with_anything(om: Omega, value: Any) -> None:
    frame = _frame()
    _put(om, frame)
    for op in ("eq", "ne", "lt", "gte"):
        query = Q(("object", op, value))
        expected = frame["object"].map(lambda cell, op=op: holds(op, cell, value))
        assert_same(om.datasets.get("rows", query), frame[expected])
        assert_same(om.datasets.get("rows", ~query), frame[~expected])


def test_rows_come_in_their_order_however_the_database_gives_them(om: Omega) -> None:
    frame = _frame()
    _put(om, frame)
    collection = om.datasets.collection("rows")
    moved = list(collection.find({"x": {"$in": [3, 20]}}))
    collection.delete_many({"x": {"$in": [3, 20]}})
    collection.insert_many(moved)
    assert_same(om.datasets.get("rows"), frame)
    assert_same(om.datasets.get("rows", x__lt=25), frame[:25])


def test_an_unknown_column_is_an_error(om: Omega) -> None:
    _put(om, _frame())
    with pytest.raises(ColumnNotFoundError, match="no column 'txet' in 'rows'"):
        om.datasets.get("rows", txet="a")
    with pytest.raises(ColumnNotFoundError, match="no column 'nothing' in 'rows'"):
        om.datasets.get("rows[nothing]")


def test_rows_and_chunks_are_cut_out(om: Omega) -> None:
    for start in (0, 10, 20):
        _put(om, _frame(10, start=start), append=True)
    whole = om.datasets.get("rows")
    pd.testing.assert_frame_equal(om.datasets.get("rows#rows:start=8,end=13"), whole.iloc[8:13])
    pd.testing.assert_frame_equal(om.datasets.get("rows", rows=(-3, None)), whole.iloc[-3:])
    assert len(om.datasets.get("rows", rows=(5, 5))) == 0
    assert [len(chunk) for chunk in om.datasets.get("rows#iterchunks:chunksize=7")] == [7, 7, 7, 7, 2]
    assert [len(chunk) for chunk in om.datasets.get("rows", x__lt=15, chunksize=7)] == [7, 7, 1]
    assert om.datasets.get("rows[^x,y]").columns.tolist() == whole.columns[2:].tolist()
    with pytest.raises(UnsupportedOptionError, match="at least 1"):
        om.datasets.get("rows", chunksize=0)


def test_indexes_are_made_for_columns_and_levels(om: Omega) -> None:
    frame = _frame().set_index("kind")
    _put(om, frame, index=["+x", "-y", ("kind", "-when")])
    assert om.datasets.summary("rows")["indexes"] == ["x_1", "y_-1", "kind_1_when_-1"]
    _put(om, frame, append=True, index=["x"])
    with pytest.raises(UnsupportedOptionError, match="other indexes"):
        _put(om, frame, append=True, index=["text"])
    with pytest.raises(ColumnNotFoundError, match="no column 'nothing' in 'other'"):
        _put(om, frame, "other", index=["-nothing"])
    assert not om.datasets.exists("other")
    _put(om, pd.DataFrame({"-x": [1], "x": [2]}), "signs", index=["-x", "--x"])
    assert om.datasets.summary("signs")["indexes"] == ["-x_1", "-x_-1"]


def test_versions_stay_apart_and_are_collected(om: Omega) -> None:
    _put(om, _frame(3))
    _put(om, _frame(4))
    _put(om, _frame(5), append=True)
    assert [len(om.datasets.get(f"rows@{number}")) for number in (1, 2, 3)] == [3, 4, 9]
    _pass(om)
    report = collect(om.context)
    assert report.documents == 2
    assert len(om.datasets.get("rows")) == 9
    assert check(om.context) == []
    assert len([key for key in om.context.store.collections() if key.startswith("data.rows")]) == 1
    om.datasets.drop("rows")
    _pass(om)
    collect(om.context)
    assert [key for key in om.context.store.collections() if key.startswith("data.rows")] == []


def test_rows_that_were_never_committed_are_not_seen_and_are_collected(om: Omega) -> None:
    _put(om, _frame(3))
    key = om.datasets.metadata("rows", required=True).parts[0].ref
    token = om.datasets.payloads.register_rows(key, new=False)
    om.context.store.collection(key).insert_many([{"_id": int(token, 16) << 32, "_omega": token, "x": 5}])
    assert len(om.datasets.get("rows")) == 3
    assert om.datasets.get("rows", x=5).empty
    _pass(om)
    collect(om.context)
    assert om.context.store.collection(key).count_documents({}) == 3


def test_a_row_that_is_lost_is_noticed(om: Omega) -> None:
    _put(om, _frame(3))
    om.datasets.collection("rows").delete_many({"x": 1})
    with pytest.raises(CorruptPayloadError, match="2 of 3 rows"):
        om.datasets.get("rows")
    (finding,) = check(om.context)
    assert "2 of 3 rows" in finding.what


def test_compaction_keeps_rows_and_indexes(om: Omega) -> None:
    _put(om, _frame(3), index=["x"])
    assert om.datasets.compact("rows").version == 1
    for start in (3, 6):
        _put(om, _frame(3, start=start), append=True)
    before = om.datasets.get("rows")
    assert om.datasets.compact("rows").version == 4
    pd.testing.assert_frame_equal(om.datasets.get("rows"), before)
    summary = om.datasets.summary("rows")
    assert (len(summary["tokens"]), summary["indexes"]) == (1, ["x_1"])


def test_promotion_copies_rows_indexes_and_labels(om: Omega) -> None:
    many = pd.DataFrame({"c": pd.Categorical([f"{i}" for i in range(1500)]), "x": range(1500)})
    _put(om, many, index=["x"])
    _put(om, many, append=True)
    abroad = _omega(MemoryMetadataStore(), MemoryStore("abroad"), ManualClock())
    om.datasets.promote("rows", abroad.datasets)
    pd.testing.assert_frame_equal(abroad.datasets.get("rows"), om.datasets.get("rows"))
    assert abroad.datasets.summary("rows")["indexes"] == ["x_1"]
    assert check(abroad.context) == []
    om.datasets.promote("rows", om["prod"].datasets)
    assert (
        om["prod"].datasets.metadata("rows", required=True).parts[0].ref
        == om.datasets.metadata("rows", required=True).parts[0].ref
    )


def test_writers_who_append_at_the_same_time_all_get_through(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each finds, when it is about to commit, that somebody else was first, or put something else."""
    others: list[Callable[[], object]] = [
        lambda: _put(om, _frame(1)),
        lambda: _put(om, _frame(2), append=True),
        lambda: _put(om, _frame(3)),
    ]
    insert = om.datasets.payloads.__class__.register_rows

    def register_after_others(self: Any, key: str, *, new: bool) -> str:
        token = insert(self, key, new=new)
        if others:
            others.pop(0)()
        return token

    monkeypatch.setattr(om.datasets.payloads.__class__, "register_rows", register_after_others)
    _put(om, _frame(4), append=True)
    assert len(om.datasets.get("rows")) == 1 + 4
    assert [len(om.datasets.get(f"rows@{number}")) for number in (1, 2, 3)] == [3, 3 + 2, 1]


def test_compaction_beside_an_append_changes_nothing(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    _put(om, _frame(1))
    _put(om, _frame(1), append=True)
    register = om.datasets.payloads.__class__.register_rows

    def register_after_another(self: Any, key: str, *, new: bool) -> str:
        monkeypatch.undo()
        _put(om, _frame(1), append=True)
        return register(self, key, new=new)

    monkeypatch.setattr(om.datasets.payloads.__class__, "register_rows", register_after_another)
    with pytest.raises(ConflictError, match="while it was compacted"):
        om.datasets.compact("rows")
    assert len(om.datasets.get("rows")) == 3


def test_a_token_that_is_taken_is_not_used_again(om: Omega) -> None:
    ids = iter([0, 0, 1])
    object.__setattr__(om.context, "new_id", lambda: f"{next(ids):032x}")
    payloads = om.datasets.payloads
    assert [payloads.register_rows("key", new=False) for _ in range(2)] == ["00000000", "00000001"]


def test_its_kind_may_be_asked_for_in_place_of_its_layout(om: Omega) -> None:
    meta = om.datasets.put(_frame(3), "rows", kind="pandas.dfrows")
    assert meta.kind == "pandas.dfrows"
    assert_same(om.datasets.get("rows"), _frame(3))


def test_help_tells_the_options(om: Omega) -> None:
    _put(om, _frame(1))
    assert "layout='documents'" in om.datasets.help("rows")
    with pytest.raises(OmegaError, match="bogus"):
        _put(om, _frame(1), bogus=1)


def _pass(om: Omega) -> None:
    clock = om.context.clock
    assert isinstance(clock, ManualClock)
    clock.advance(pd.Timedelta(days=2).to_pytimedelta())
