"""DataFrames and Series by name: fidelity, parts, filters, appends, merging, damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from omega_backends.frames.filter import bind, evaluate
from omega_backends.frames.parquet import GROUP_ROWS
from omega_backends.frames.schema import FrameSchema
from omega_backends.frames.writer import FAN
from omega_backends.pandas_parquet import ParquetBackend
from omega_backends.testing.frames import assert_same, filters, frames, series
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.query import Q
from omega_domain.entities.version import Payload
from omega_domain.errors import (
    ColumnNotFoundError,
    ConflictError,
    CorruptPayloadError,
    InvalidFilterError,
    ObjectNotFoundError,
    SchemaMismatchError,
    StoreFormatError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.omega import Omega
from omega_domain.ports.objects import ObjectDraft
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore
from omega_domain.testing.backend import DataBackendContract

FRAME = pd.DataFrame(
    {"day": pd.date_range("2020", periods=6), "city": ["a", "b", "a", None, "c", "a"], "sales": [5, 3, 8, 1, 9, 2]}
)


def new_store() -> OmegaStore:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(ParquetBackend.KIND, ParquetBackend)
    return om.datasets


@pytest.fixture
def store() -> OmegaStore:
    return new_store()


def segments(meta: Metadata) -> list[int]:
    return [part.meta["rows"] for part in meta.parts]


class TestParquetBackend(DataBackendContract):
    """What every backend promises."""

    @pytest.fixture
    def backend(self) -> type[ParquetBackend]:
        return ParquetBackend

    @pytest.fixture
    def objects(self) -> Sequence[Any]:
        return [FRAME, FRAME["sales"], pd.DataFrame()]

    def same(self, found: Any, expected: Any) -> bool:
        if type(found) is not type(expected):
            return False
        assert_same(found, expected)
        return True


# -- fidelity ----------------------------------------------------------------------------------------------------------


@given(frames() | series())
@settings(deadline=None)
def test_any_frame_comes_back_as_it_was_and_is_not_changed(frame: Any) -> None:
    store, before = new_store(), frame.copy()
    store.put(frame, "f")
    assert_same(frame, before)
    assert_same(store.get("f"), before)


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[5, 7]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame({"a": pd.Series([], dtype="int8")}),
        pd.DataFrame({"a": [None, None]}),
        pd.DataFrame({"price": [Decimal("1.10"), None], "day": [date(2020, 1, 1), None]}),
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=[0, 1]),
        pd.DataFrame([[1, 2]], columns=["a.b", "$c"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")], names=["one", None])),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)], names=["k", "l"])),
        pd.DataFrame({"a": range(3)}, index=pd.date_range("2020", periods=3, freq="MS", name="month")),
        pd.DataFrame({"a": [1, 2]}).set_flags(allows_duplicate_labels=False),
        pd.DataFrame({f"c{place}": [place] for place in range(300)}),
        pd.Series([1.5, None], name=("a", 1)),
        pd.Series(["x", 1, None]),
    ],
    ids=range(16),
)
def test_frames_of_every_shape_come_back(store: OmegaStore, frame: Any) -> None:
    store.put(frame, "f")
    assert_same(store.get("f"), frame)


def test_attrs_come_back(store: OmegaStore) -> None:
    frame = FRAME.copy()
    frame.attrs["unit"] = {"sales": ("CHF", 1000)}
    store.put(frame, "f")
    assert store.get("f").attrs == {"unit": {"sales": ("CHF", 1000)}}


def test_what_comes_back_can_be_changed_without_changing_what_is_stored(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    found = store.get("f")
    found.loc[0, "sales"] = 100
    found["new"] = 1
    found.iloc[1, 1] = "z"
    assert_same(store.get("f"), FRAME)


def test_a_wide_frame_that_comes_back_can_be_widened_without_a_warning(store: OmegaStore) -> None:
    store.put(pd.DataFrame({f"c{place}": [place] for place in range(150)}), "f")
    found = store.get("f")
    found["new"] = 1
    assert found.shape == (1, 151)


class Special(pd.DataFrame):
    """A subclass would come back as a plain frame."""


@pytest.mark.parametrize("obj", [Special(), {"a": [1]}, np.arange(3)])
def test_other_types_are_not_supported(store: OmegaStore, obj: Any) -> None:
    with pytest.raises(UnsupportedObjectError):
        store.put(obj, "f")


@pytest.mark.parametrize(
    "column",
    [
        np.array([1], dtype="longdouble"),
        np.array([object()]),
        pd.array(["\ud800"], dtype=pd.StringDtype("python")),
        np.array([2**62], dtype="M8[s]"),
    ],
    ids=["longdouble", "object", "surrogate", "seconds"],
)
def test_a_column_that_can_not_be_kept_is_refused_by_name_and_the_old_frame_stays(
    store: OmegaStore, column: Any
) -> None:
    store.put(FRAME, "f")
    with pytest.raises(UnsupportedObjectError, match="'f' can not be put: column 'bad'"):
        store.put(pd.DataFrame({"good": [1], "bad": column}), "f")
    assert_same(store.get("f"), FRAME)


def test_a_frame_of_a_newer_format_is_refused(store: OmegaStore) -> None:
    meta = store.put(FRAME, "f")
    meta.kind_meta["format"] = 99
    store.make_metadata("f", ParquetBackend.KIND).set_payload(Payload(meta.parts, meta.kind_meta)).save()
    with pytest.raises(StoreFormatError, match="upgrade"):
        store.get("f")


# -- parts of a frame --------------------------------------------------------------------------------------------------


def test_columns_are_returned_in_the_order_of_their_names(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert_same(store.get("f[sales,day]"), FRAME[["sales", "day"]])
    assert_same(store.get("f", columns=["city"]), FRAME[["city"]])


def test_columns_can_be_left_out(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert_same(store.get("f[^sales,day]"), FRAME[["city"]])
    assert_same(store.get("f[^sales,day,city]"), FRAME[[]])


def test_columns_are_found_by_how_they_read(store: OmegaStore) -> None:
    frame = pd.DataFrame([[1, 2, 3]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2)]))
    store.put(frame, "f")
    assert_same(store.get("f[a]"), frame.iloc[:, [0, 2]])
    store.put(pd.DataFrame([[1, 2]]), "n")
    assert store.get("n[1]").columns.tolist() == [1]


def test_one_column_may_be_named_alone(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert_same(store.get("f", columns="sales"), FRAME[["sales"]])


def test_an_unknown_column_is_refused(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    for name in ("f[sale]", "f[^sale]"):
        with pytest.raises(ColumnNotFoundError, match="no column 'sale' in 'f'; did you mean 'sales'"):
            store.get(name)


def test_the_only_column_of_a_series_can_be_named(store: OmegaStore) -> None:
    store.put(FRAME["sales"], "s")
    assert_same(store.get("s[sales]"), FRAME["sales"])
    with pytest.raises(UnsupportedOptionError, match="Series"):
        store.get("s[^sales]")


@pytest.mark.parametrize(
    ("start", "end"), [(0, 3), (2, 4), (4, None), (5, 99), (3, 3), (9, 12), (-2, None), (None, -4)]
)
def test_rows_are_those_of_a_slice(store: OmegaStore, start: int | None, end: int | None) -> None:
    frame = FRAME.set_index("day")
    store.put(frame.iloc[:4], "f")
    store.put(frame.iloc[4:], "f", append=True)
    assert_same(store.get("f", rows=(start, end)), frame.iloc[start:end])


def test_rows_are_named_in_the_name(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert_same(store.get("f#rows:start=1,end=3"), FRAME.iloc[1:3])


def test_rows_are_taken_before_they_are_filtered(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert store.get("f", rows=(2, None), sales__gt=4)["sales"].tolist() == [8, 9]


@given(frames(), st.integers(1, 5), st.integers(0, 3))
@settings(deadline=None)
def test_chunks_together_are_the_frame(frame: pd.DataFrame, size: int, cut: int) -> None:
    store = new_store()
    store.put(frame.iloc[:cut], "f")
    store.put(frame.iloc[cut:], "f", append=True)
    whole = store.get("f")
    found = list(store.get("f", chunksize=size))
    assert [len(chunk) for chunk in found[:-1]] == [size] * (len(found) - 1)
    start = 0
    for chunk in found:
        expected = whole.iloc[start : start + size]
        if isinstance(expected.index, pd.MultiIndex):  # a slice keeps levels that none of its rows has
            expected.index = expected.index.remove_unused_levels()
        assert_same(chunk, expected)
        start += size
    assert start >= len(whole)


def test_chunks_of_what_a_filter_finds_are_full(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    chunks = list(store.get("f", city="a", chunksize=2))
    assert [chunk["sales"].tolist() for chunk in chunks] == [[5, 8], [2]]


def test_there_is_one_empty_chunk_if_nothing_is_found(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    (chunk,) = store.get("f", city="q", chunksize=2)
    assert_same(chunk, FRAME.iloc[:0].set_axis(FRAME.index[:0]))


def test_chunks_may_be_left_half_read(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert len(next(iter(store.get("f", chunksize=2)))) == 2


def test_chunks_have_at_least_one_row(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    with pytest.raises(UnsupportedOptionError, match="at least 1"):
        store.get("f", chunksize=0)


def test_mistakes_are_refused_before_the_first_chunk(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    with pytest.raises(ColumnNotFoundError):
        store.get("f", chunksize=2, q=1)


# -- filters -----------------------------------------------------------------------------------------------------------


@given(frames(), st.data())
@settings(deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_a_filter_finds_in_the_store_what_it_finds_in_memory(frame: pd.DataFrame, data: st.DataObject) -> None:
    assume(all(getattr(dtype, "isnative", True) for dtype in frame.dtypes))  # pandas itself can not filter others
    store, cut = new_store(), data.draw(st.integers(0, len(frame)))
    store.put(frame.iloc[:cut], "f")
    store.put(frame.iloc[cut:], "f", append=True)
    query = data.draw(filters(frame))
    schema = FrameSchema.of(frame)
    try:
        columns = {field.name: frame.iloc[:, place] for place, field in enumerate(schema.fields)}
        mask = evaluate(bind(query, schema), columns, len(frame))
    except InvalidFilterError:
        assume(condition=False)
    found, expected = store.get("f", query), store.get("f").loc[mask]
    for one in (found, expected):  # pandas keeps labels without rows, and invents a frequency for every second row
        if isinstance(one.index, pd.MultiIndex):
            one.index = one.index.to_flat_index()
        elif one.index.dtype.kind in "mM":
            one.index.freq = None
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (Q(sales__gte=5), FRAME[FRAME.sales >= 5]),
        (Q(sales__gt=4, city="a"), FRAME[(FRAME.sales > 4) & (FRAME.city == "a")]),
        (Q(sales__lt=3) | Q(city="b"), FRAME[(FRAME.sales < 3) | (FRAME.city == "b")]),
        (~Q(city="a"), FRAME[~(FRAME.city == "a")]),
        (Q(city__in=["a", "c"]), FRAME[FRAME.city.isin(["a", "c"])]),
        (Q(city__isnull=True), FRAME[FRAME.city.isna()]),
        (Q(day__between=("2020-01-02", "2020-01-04")), FRAME[FRAME.day.between("2020-01-02", "2020-01-04")]),
        (Q(sales__gt=100), FRAME.iloc[:0].set_axis(pd.RangeIndex(0))),
        (Q(), FRAME),
    ],
    ids=repr,
)
def test_filters_equal_masks_of_pandas(store: OmegaStore, query: Q, expected: pd.DataFrame) -> None:
    store.put(FRAME, "f")
    assert_frame(store.get("f", query), expected)
    assert_frame(store.get("f[sales]", query), expected[["sales"]])


def assert_frame(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found, expected)


def test_filters_by_keyword_and_by_q_all_hold(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert store.get("f", Q(city="a"), sales__gt=2)["sales"].tolist() == [5, 8]


def test_nothing_found_is_an_empty_frame_with_all_columns_and_dtypes(store: OmegaStore) -> None:
    frame = FRAME.assign(c=pd.Categorical(FRAME.city), o=np.array([1, "a", None, 2, 3, 4], dtype=object)).set_index(
        "day"
    )
    store.put(frame, "f")
    found = store.get("f", sales__gt=100)
    pd.testing.assert_frame_equal(found, frame[frame.sales > 100])


@pytest.mark.parametrize(("query", "found"), [(Q(), 3), (~Q(), 0)])
def test_a_filter_without_columns_holds_everywhere_or_nowhere(store: OmegaStore, query: Q, found: int) -> None:
    store.put(pd.DataFrame(index=range(3)), "f")
    assert_same(store.get("f", query), pd.DataFrame(index=range(found)))


def test_a_series_is_filtered_by_its_name(store: OmegaStore) -> None:
    store.put(FRAME["sales"], "s")
    assert store.get("s", sales__gt=5).tolist() == [8, 9]


def test_rows_are_filtered_by_named_levels_of_the_index(store: OmegaStore) -> None:
    store.put(FRAME.set_index(["city", "day"]), "f")
    assert store.get("f", city="a", day__gt="2020-01-02")["sales"].tolist() == [8, 2]


@pytest.mark.parametrize(
    ("query", "error", "message"),
    [
        ({"q": 1}, ColumnNotFoundError, "no column 'q' in 'f'"),
        ({"sales__foo": 1}, InvalidFilterError, "unknown operator 'foo' on column 'sales' of 'f'"),
        ({"sales": "x"}, InvalidFilterError, "sales"),
    ],
)
def test_filters_that_do_not_fit_are_refused(
    store: OmegaStore, query: dict[str, Any], error: type[Exception], message: str
) -> None:
    store.put(FRAME, "f")
    with pytest.raises(error, match=message):
        store.get("f", **query)


# -- appends -----------------------------------------------------------------------------------------------------------


@given(frames(max_rows=30, max_columns=3), st.lists(st.integers(1, 3), min_size=30, max_size=30), st.integers(0, 30))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
def test_appended_pieces_are_the_whole(frame: pd.DataFrame, sizes: list[int], compacted: int) -> None:
    frame.index = frame.index if not isinstance(frame.index, pd.MultiIndex) else pd.RangeIndex(len(frame))
    store, start = new_store(), 0
    for number, size in enumerate(sizes):
        store.put(frame.iloc[start : start + size], "f", append=True)
        if number == compacted:
            store.compact("f")
        start += size
    assert_same(store.get("f"), frame)


def test_append_to_nothing_is_a_put(store: OmegaStore) -> None:
    store.put(FRAME, "f", append=True)
    assert_same(store.get("f"), FRAME)


def test_a_default_index_is_counted_on(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    store.put(FRAME, "f", append=True)
    assert_same(store.get("f"), pd.concat([FRAME, FRAME], ignore_index=True))


def test_an_append_is_a_version_and_the_one_before_stays(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    meta = store.put(FRAME, "f", append=True)
    assert meta.version == 2
    assert_same(store.get("f@1"), FRAME)


def test_an_empty_frame_adds_nothing(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert segments(store.put(FRAME.iloc[:0], "f", append=True)) == [6]


def test_a_frame_without_anything_takes_the_form_of_the_first_append(store: OmegaStore) -> None:
    store.put(pd.DataFrame(), "f")
    store.put(FRAME, "f", append=True)
    assert_same(store.get("f"), FRAME)


def test_unordered_categories_are_joined(store: OmegaStore) -> None:
    one, two = pd.Series(["b", "a"], dtype="category"), pd.Series(["c", "a"], dtype="category")
    store.put(one.to_frame("x"), "f")
    store.put(two.to_frame("x"), "f", append=True)
    joined = pd.Categorical(["b", "a", "c", "a"], categories=["a", "b", "c"])
    assert_same(store.get("f"), pd.DataFrame({"x": joined}))


def test_categories_that_no_row_has_are_added_too(store: OmegaStore) -> None:
    store.put(pd.DataFrame({"x": pd.Categorical(["a"])}), "f")
    store.put(pd.DataFrame({"x": pd.Categorical([], categories=["z"])}), "f", append=True)
    assert store.get("f")["x"].cat.categories.tolist() == ["a", "z"]


def test_other_ordered_categories_are_refused(store: OmegaStore) -> None:
    store.put(pd.DataFrame({"x": pd.Categorical(["a"], categories=["a", "b"], ordered=True)}), "f")
    store.put(pd.DataFrame({"x": pd.Categorical(["b"], categories=["a", "b"], ordered=True)}), "f", append=True)
    with pytest.raises(SchemaMismatchError, match=r"categories of 'x' have the order \['a', 'b'\], not \['b', 'a'\]"):
        store.put(pd.DataFrame({"x": pd.Categorical(["b"], categories=["b", "a"], ordered=True)}), "f", append=True)


def test_other_ordered_categories_of_the_index_are_refused(store: OmegaStore) -> None:
    one, two = (pd.CategoricalIndex(["a"], categories=labels, ordered=True, name="k") for labels in (["a"], ["b", "a"]))
    store.put(pd.DataFrame({"x": [1]}, index=one), "f")
    with pytest.raises(SchemaMismatchError, match="categories of 'k'"):
        store.put(pd.DataFrame({"x": [1]}, index=two), "f", append=True)


def test_categories_that_are_equal_but_of_another_type_are_refused(store: OmegaStore) -> None:
    store.put(pd.DataFrame({"x": pd.Categorical([1, "a"])}), "f")
    with pytest.raises(SchemaMismatchError, match="of another type"):
        store.put(pd.DataFrame({"x": pd.Categorical([True, "a"])}), "f", append=True)


@pytest.mark.parametrize("many", [5, 3000])
def test_many_categories_are_kept_out_of_the_metadata(store: OmegaStore, many: int) -> None:
    frame = pd.DataFrame({"x": pd.Categorical([f"c{place}" for place in range(many)]), "n": range(many)})
    store.put(frame, "f")
    store.put(frame.iloc[:2], "f", append=True)
    more = pd.Categorical(["new"], categories=[*frame["x"].cat.categories, "new"])
    meta = store.put(pd.DataFrame({"x": more, "n": [1]}), "f", append=True)
    assert max(len(str(part.meta)) for part in meta.parts) < 1000
    whole = store.get("f")
    assert whole["x"].cat.categories.tolist() == more.categories.tolist()
    assert whole["x"].tolist() == [*frame["x"], "c0", "c1", "new"]
    assert_same(store.get("f[n]"), whole[["n"]])
    assert store.get("f[n]", x="new")["n"].tolist() == [1]
    store.compact("f")
    assert_same(store.get("f"), whole)


def test_many_categories_are_not_written_again_with_each_row_group(store: OmegaStore) -> None:
    names = pd.Series(np.random.default_rng(0).integers(0, 2**60, 4 * GROUP_ROWS)).astype("str")
    text = store.put(names, "text").size
    assert store.put(names.astype("category"), "category").size < 3 * text
    assert_same(store.get("category"), names.astype("category"))


def test_cells_of_object_columns_may_be_of_other_types_in_each_append(store: OmegaStore) -> None:
    cells: list[Any] = ["a", None, 1, np.nan, (1, 2), b"x", date(2020, 1, 1), pd.NaT, True, 2.5]
    for place in range(40):
        store.put(pd.DataFrame({"x": pd.Series([cells[place % 10]], dtype=object)}), "f", append=True)
    expected = pd.DataFrame({"x": pd.Series([cells[place % 10] for place in range(40)], dtype=object)})
    assert_same(store.get("f"), expected)
    store.compact("f")
    assert_same(store.get("f"), expected)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (FRAME.drop(columns="city"), "'f': columns differ: it lacks 'city'"),
        (FRAME.assign(sales=1.5), "'sales' is int64, not float64"),
        (FRAME.set_index("city"), "columns differ"),
        (FRAME["sales"], "Series"),
        (FRAME.set_axis(range(90, 96)), "index"),
    ],
)
def test_what_does_not_fit_is_refused_and_nothing_changes(store: OmegaStore, other: Any, message: str) -> None:
    store.put(FRAME, "f")
    with pytest.raises(SchemaMismatchError, match=message):
        store.put(other, "f", append=True)
    meta = store.metadata("f")
    assert meta is not None
    assert meta.version == 1


def test_small_segments_are_merged_on_the_way(store: OmegaStore) -> None:
    piece = pd.DataFrame({"x": range(10), "s": list("abcdefghij")})
    for _ in range(300):
        meta = store.put(piece, "f", append=True)
    assert segments(meta) == [2560] + [160] * 2 + [10] * 12
    assert_same(store.get("f"), pd.concat([piece] * 300, ignore_index=True))


def test_a_large_segment_is_not_rewritten_for_small_ones(store: OmegaStore) -> None:
    store.put(pd.DataFrame({"x": range(5000)}), "f")
    first = store.metadata("f", required=True).parts[0].ref
    for _ in range(3 * FAN):
        store.put(pd.DataFrame({"x": [1]}), "f", append=True)
    assert store.metadata("f", required=True).parts[0].ref == first


def test_many_appends_at_once_all_get_through(store: OmegaStore) -> None:
    def append(writer: int) -> None:
        for number in range(10):
            store.put(pd.DataFrame({"x": [writer * 10 + number]}), "f", append=True)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(append, range(4)))
    found = store.get("f")
    assert sorted(found["x"]) == list(range(40))
    assert found.index.equals(pd.RangeIndex(40))


# -- compaction --------------------------------------------------------------------------------------------------------


def test_compact_joins_all_segments_in_a_new_version(store: OmegaStore) -> None:
    for _ in range(5):
        store.put(FRAME, "f", append=True)
    meta = store.compact("f")
    assert (meta.version, segments(meta)) == (6, [30])
    assert_same(store.get("f"), pd.concat([FRAME] * 5, ignore_index=True))


def test_compact_leaves_a_frame_of_one_segment_as_it_is(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    assert store.compact("f").version == 1


def test_compact_leaves_large_segments_as_they_are(store: OmegaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_backends.frames.writer.LARGE_ROWS", 100)
    for rows in (1, 2, 100, 3, 200, 4, 5):
        store.put(pd.DataFrame({"x": np.arange(rows)}), "f", append=True)
    assert segments(store.compact("f")) == [3, 100, 3, 200, 9]


def test_compact_fills_row_groups(store: OmegaStore) -> None:
    frame = pd.DataFrame({"x": np.arange(5 * GROUP_ROWS), "s": "a"})
    cuts = [0, 10, GROUP_ROWS, 2 * GROUP_ROWS + 7, 5 * GROUP_ROWS]
    for start, stop in pairwise(cuts):
        store.put(frame.iloc[start:stop], "f", append=True)
    store.compact("f")
    assert_same(store.get("f"), frame)
    assert_same(store.get("f", x__gte=4 * GROUP_ROWS), frame.iloc[4 * GROUP_ROWS :])


def compact_while(store: OmegaStore, meanwhile: Callable[[], object]) -> None:
    """Compact, with something else happening between its reading and its commit."""
    view = store.get_backend("f")
    assert isinstance(view, ParquetBackend)
    make = view.data_store.make_metadata

    def make_metadata(*args: Any, **kwargs: Any) -> ObjectDraft:
        meanwhile()
        return make(*args, **kwargs)

    view.data_store.make_metadata = make_metadata  # type: ignore[method-assign]
    try:
        view.compact("f")
    finally:
        view.data_store.make_metadata = make  # type: ignore[method-assign]


def test_what_is_appended_while_compacting_stays(store: OmegaStore) -> None:
    for _ in range(3):
        store.put(FRAME, "f", append=True)
    other = OmegaStore(store.context, bucket=store.bucket)
    compact_while(store, lambda: other.put(FRAME, "f", append=True))
    assert_same(store.get("f"), pd.concat([FRAME] * 4, ignore_index=True))
    assert segments(store.metadata("f", required=True)) == [18, 6]


def test_a_frame_replaced_while_compacting_is_left_alone(store: OmegaStore) -> None:
    for _ in range(3):
        store.put(FRAME, "f", append=True)
    other = OmegaStore(store.context, bucket=store.bucket)
    with pytest.raises(ConflictError, match="replaced while"):
        compact_while(store, lambda: other.put(FRAME.head(1), "f"))
    assert_same(store.get("f"), FRAME.head(1))


# -- inside ------------------------------------------------------------------------------------------------------------


def test_the_summary_tells_rows_columns_and_segments(store: OmegaStore) -> None:
    store.put(FRAME, "f")
    store.put(FRAME, "f", append=True)
    found = store.summary("f")
    assert (found["rows"], found["segments"], found["type"]) == (12, 2, "DataFrame")
    assert found["columns"] == {"day": "datetime64[us]", "city": "str", "sales": "int64"}


def test_an_object_that_is_not_there_is_not_found(store: OmegaStore) -> None:
    backend = store.get_backend_bykind(ParquetBackend.KIND)
    with pytest.raises(ObjectNotFoundError, match="'f'"):
        backend.get("f")


def damage(store: OmegaStore, place: float) -> None:
    """Point the frame at a blob with one changed byte, as if the blob itself had been changed."""
    meta = store.metadata("f", required=True)
    (part,) = meta.parts
    with store.payloads.open(part) as file:
        content = bytearray(file.read())
    content[int(place * (len(content) - 1))] ^= 0x55
    changed = store.payloads.write(lambda sink: sink.write(bytes(content)))
    broken = replace(part, ref=changed.ref, size=max(part.size, 1 << 30))
    payload = Payload((broken,), meta.kind_meta)
    store.make_metadata("f", ParquetBackend.KIND).set_payload(payload).save()


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9, 0.99])
def test_a_damaged_segment_is_noticed(store: OmegaStore, place: float) -> None:
    store.put(pd.DataFrame({"x": np.arange(1000), "s": "abc"}), "f")
    damage(store, place)
    with pytest.raises(CorruptPayloadError, match="damaged"):
        store.get("f")


class Counted:
    """A file that counts the bytes that are read."""

    def __init__(self, file: BinaryIO, counts: list[int]) -> None:
        self._file = file
        self._counts = counts

    def read(self, size: int = -1, /) -> bytes:
        content = self._file.read(size)
        self._counts.append(len(content))
        return content

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@pytest.fixture
def big(store: OmegaStore, monkeypatch: pytest.MonkeyPatch) -> tuple[OmegaStore, list[int], int]:
    """A store with a frame of a million sorted rows, the counts of bytes read, and the size of the frame."""
    random = np.random.default_rng(0)
    rows = 1_000_000
    frame = pd.DataFrame({f"x{place}": random.random(rows) for place in range(8)})
    store.put(frame.assign(key=np.arange(rows), flag=random.random(rows) < 0.5), "f")
    counts: list[int] = []
    files = type(store.context.store.files)
    get = files.get
    monkeypatch.setattr(files, "get", lambda self, file_id: Counted(get(self, file_id), counts))
    return store, counts, store.metadata("f", required=True).size


def test_two_columns_of_ten_read_less_than_a_third(big: tuple[OmegaStore, list[int], int]) -> None:
    store, counts, size = big
    assert store.get("f[x1,key]").shape == (1_000_000, 2)
    assert sum(counts) < 0.3 * size


def test_a_hundredth_of_a_sorted_column_reads_less_than_a_tenth(big: tuple[OmegaStore, list[int], int]) -> None:
    store, counts, size = big
    assert len(store.get("f", key__between=(327_000, 336_999))) == 10_000
    assert sum(counts) < 0.1 * size
