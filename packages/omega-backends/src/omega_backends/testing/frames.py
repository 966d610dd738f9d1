"""Frames for hypothesis: every dtype, index and kind of column label that ``pandas.parquet`` promises to keep."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from omega_backends.frames.index import levels_of
from omega_domain.entities.operators import TEXT_OPERATORS
from omega_domain.entities.query import Q

MAX_ROWS = 12

_UNITS = ("s", "ms", "us", "ns")
_ZONES = (UTC, ZoneInfo("Europe/Zurich"), ZoneInfo("America/New_York"), timezone(timedelta(hours=5, minutes=30)))
_STRINGS = tuple(pd.StringDtype(storage, na) for storage in ("python", "pyarrow") for na in (pd.NA, np.nan))
_TIMES = {"s": 10**10, "ms": 10**13, "us": 10**16, "ns": 9 * 10**18}
_ARROW: Sequence[tuple[pa.DataType, st.SearchStrategy[Any]]] = (
    (pa.int16(), st.integers(-100, 100)),
    (pa.float64(), st.floats(allow_nan=False)),
    (pa.string(), st.text(max_size=4)),
    (pa.bool_(), st.booleans()),
    (pa.timestamp("us"), st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1))),  # noqa: DTZ001 -- naive on purpose
    (pa.timestamp("s", "UTC"), st.integers(-(10**9), 10**9).map(lambda n: datetime.fromtimestamp(n, UTC))),
    (pa.duration("ms"), st.integers(-1000, 1000).map(lambda n: timedelta(milliseconds=n))),
    (pa.date32(), st.dates()),
    (pa.list_(pa.int8()), st.lists(st.integers(-100, 100), max_size=3)),
    (pa.struct([("a", pa.int8())]), st.fixed_dictionaries({"a": st.integers(-100, 100)})),
)


def frames(max_rows: int = MAX_ROWS, max_columns: int = 4) -> st.SearchStrategy[pd.DataFrame]:
    """Return DataFrames of all dtypes, indexes and labels, empty ones included."""
    return st.tuples(st.integers(0, max_rows), st.integers(0, max_columns)).flatmap(lambda shape: _frames(*shape))


def series(max_rows: int = MAX_ROWS) -> st.SearchStrategy[pd.Series[Any]]:
    """Return Series of all dtypes, indexes and names."""
    return st.integers(0, max_rows).flatmap(
        lambda rows: st.builds(_series, columns(rows), indexes(rows), _labels(), st.just(rows))
    )


def columns(rows: int) -> st.SearchStrategy[Any]:
    """Return the values of one column, of any dtype."""
    kinds = (
        *(_integers(rows), _floats(rows), _bools(rows), _complex(rows), _times(rows), _zoned(rows), _deltas(rows)),
        *(_masked(rows), _strings(rows), _categories(rows), _periods(rows), _intervals(rows), _sparse(rows)),
        *(_arrow(rows), objects(rows)),
    )
    return st.one_of(kinds)


def objects(rows: int) -> st.SearchStrategy[Any]:
    """Return object columns: of one Python type with one null, and of anything."""
    nulls = st.sampled_from([None, np.nan, pd.NA, pd.NaT])
    one_type = st.tuples(st.sampled_from(_PURE), nulls).flatmap(lambda pair: _lists(rows, pair[0] | st.just(pair[1])))
    mixed = _lists(rows, st.one_of(nulls, *_PURE, *_MIXED))
    return st.one_of(one_type, mixed).map(_as_objects)


def indexes(rows: int) -> st.SearchStrategy[pd.Index[Any]]:
    """Return indexes of rows: default, other ranges, of values, of times with a frequency, of several levels."""
    name = st.none() | _labels()
    ranges = st.builds(
        lambda start, step, name: pd.RangeIndex(start, start + rows * step, step, name=name),
        *(st.integers(-5, 5), st.sampled_from([-2, 1, 3]), name),
    )
    regular = st.builds(
        lambda freq, zone, name: pd.date_range("2020-01-30", periods=rows, freq=freq, tz=zone, name=name),
        *(st.sampled_from(["D", "MS", "2h", "B", "W-SUN"]), st.sampled_from([None, *_ZONES]), name),
    )
    steady = st.builds(lambda name: pd.timedelta_range("1h", periods=rows, freq="30min", name=name), name)
    flat = st.builds(_index, _hashables(rows), name)
    multi = st.builds(
        lambda one, two, names: pd.MultiIndex.from_arrays([_index(one, None), _index(two, None)], names=names),
        *(_hashables(rows), _hashables(rows), st.lists(name, min_size=2, max_size=2)),
    )
    return st.one_of(st.just(pd.RangeIndex(rows)), ranges, regular, steady, flat, multi)


def column_labels(count: int) -> st.SearchStrategy[pd.Index[Any]]:
    """Return labels of columns: text, numbers, times, pairs, anything; also twice the same."""
    text = _lists(count, st.text(max_size=5) | st.sampled_from(["a.b", "$a", "", "__index_0__", "a"]))
    pairs = _lists(count, st.tuples(st.sampled_from("ab"), st.integers(0, 2)))
    return st.one_of(
        st.just(pd.RangeIndex(count)),
        text.map(lambda names: pd.Index(names, dtype="str", name="labels")),
        text.map(lambda names: pd.Index(names, dtype=object)),
        _lists(count, st.integers(-3, 3)).map(lambda names: pd.Index(names, dtype="int64")),
        st.just(pd.date_range("2020", periods=count, freq="D")),
        pairs.map(lambda names: pd.MultiIndex.from_tuples(names or [("", 0)], names=["x", None])[: len(names)]),
        _lists(count, _labels()).map(lambda names: _index(_as_objects(names), None)),
    )


def filters(frame: pd.DataFrame) -> st.SearchStrategy[Q]:
    """Return filters on the columns of a frame, with values that are in it or near; not all of them fit the dtypes."""
    places = [place for place, label in enumerate(frame.columns) if not str(label).startswith("$")]
    if not places:
        return st.just(Q())
    condition = st.sampled_from(places).flatmap(lambda place: _conditions(frame.columns[place], frame.iloc[:, place]))
    return st.recursive(
        condition,
        lambda inner: st.one_of(
            st.builds(operator.and_, inner, inner),
            st.builds(operator.or_, inner, inner),
            st.builds(operator.invert, inner),
        ),
        max_leaves=4,
    )


def assert_same(left: Any, right: Any) -> None:
    """Check that two frames or two series are the same: dtypes, types of single cells, frequency, attrs and flags."""
    check = pd.testing.assert_series_equal if isinstance(left, pd.Series) else pd.testing.assert_frame_equal
    check(left, right)
    assert left.attrs == right.attrs
    assert left.flags == right.flags
    assert type(left.index) is type(right.index)
    for mine, theirs in zip(_arrays(left), _arrays(right), strict=True):
        assert mine.dtype == theirs.dtype
        if mine.dtype == object:
            assert [_exact(cell) for cell in mine] == [_exact(cell) for cell in theirs]


def _conditions(label: Any, column: pd.Series[Any]) -> st.SearchStrategy[Q]:
    cells = [cell for cell in column.tolist() if not isinstance(cell, dict | list | tuple | frozenset)]
    value = st.sampled_from([*cells, None, *(cell for cell in (0, 1.5, "a") if cells and type(cell) is type(cells[0]))])
    one = st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"])
    several = st.tuples(st.just(label), st.sampled_from(["in", "nin"]), st.lists(value, max_size=3))
    between = st.tuples(st.just(label), st.just("between"), st.tuples(value, value))
    isnull = st.tuples(st.just(label), st.just("isnull"), st.booleans())
    text = st.tuples(st.just(label), st.sampled_from(sorted(TEXT_OPERATORS)), st.sampled_from(["", "a", "0"]))
    return st.one_of(st.tuples(st.just(label), one, value), several, between, isnull, text).map(Q)


def _arrays(frame: Any) -> list[Any]:
    levels = levels_of(frame.index)
    own = [frame] if isinstance(frame, pd.Series) else [frame.iloc[:, place] for place in range(frame.shape[1])]
    return levels + own


def _exact(cell: Any) -> tuple[type, str]:
    return type(cell), repr(cell)


def _frames(rows: int, count: int) -> st.SearchStrategy[pd.DataFrame]:
    return st.builds(
        _frame,
        _lists(count, columns(rows)),
        indexes(rows),
        column_labels(count),
        st.sampled_from([{}, {"unit": (1, "m")}]),
    )


def _frame(values: list[Any], index: pd.Index[Any], labels: pd.Index[Any], attrs: dict[str, Any]) -> pd.DataFrame:
    made = {place: pd.Series(array, index=index, dtype=array.dtype) for place, array in enumerate(values)}
    frame = pd.DataFrame(made, index=index)
    frame.columns = labels
    frame.attrs.update(attrs)
    return frame


def _series(values: Any, index: pd.Index[Any], name: Any, _: int) -> pd.Series[Any]:
    made: pd.Series[Any] = pd.Series(values, index=index, name=name, dtype=values.dtype)
    return made


def _index(values: Any, name: Any) -> pd.Index[Any]:
    made: pd.Index[Any] = pd.Index(values, dtype=values.dtype, name=name, tupleize_cols=False)
    return made


def _lists(length: int, cells: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(cells, min_size=length, max_size=length)


def _as_objects(cells: list[Any]) -> Any:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return values


def _labels() -> st.SearchStrategy[Any]:
    pairs = st.tuples(st.text(max_size=2), st.integers(0, 3))
    return st.one_of(st.text(max_size=4), st.integers(-3, 3), pairs, st.none(), st.just(pd.Timestamp("2020", tz="UTC")))


def _hashables(rows: int) -> st.SearchStrategy[Any]:
    words = _lists(rows, st.none() | st.text(max_size=3)).map(_as_objects)
    native = _integers(rows).filter(lambda values: values.dtype.isnative)  # pandas counts no others
    return st.one_of(
        *(native, _bools(rows), _times(rows), _zoned(rows), _deltas(rows), _masked(rows), _strings(rows)),
        *(_categories(rows), _periods(rows), words),
    )


def _numbers(rows: int, names: Sequence[str], cells: Callable[[str], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.sampled_from(names).flatmap(
        lambda name: _lists(rows, cells(name)).map(lambda values: np.array(values, dtype=name))
    )


def _integers(rows: int) -> st.SearchStrategy[Any]:
    names = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", ">i4"]
    return _numbers(rows, names, lambda name: st.integers(int(np.iinfo(name).min), int(np.iinfo(name).max)))


def _floats(rows: int) -> st.SearchStrategy[Any]:
    widths = {"float16": 16, "float32": 32, "float64": 64, ">f8": 64}
    return _numbers(rows, list(widths), lambda name: st.floats(width=widths[name]))  # type: ignore[arg-type]


def _bools(rows: int) -> st.SearchStrategy[Any]:
    return _numbers(rows, ["bool"], lambda _: st.booleans())


def _complex(rows: int) -> st.SearchStrategy[Any]:
    return _numbers(rows, ["complex64", "complex128"], lambda _: st.complex_numbers(width=64))


def _ticks(rows: int, unit: str) -> st.SearchStrategy[Any]:
    cells = st.integers(-_TIMES[unit], _TIMES[unit]) | st.just(np.iinfo(np.int64).min)
    return _lists(rows, cells).map(lambda values: np.array(values, dtype=np.int64))


def _times(rows: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(_UNITS).flatmap(
        lambda unit: _ticks(rows, unit).map(lambda values: pd.array(values.view(f"M8[{unit}]")))
    )


def _zoned(rows: int) -> st.SearchStrategy[Any]:
    zones = st.sampled_from(_ZONES)
    return st.builds(lambda values, zone: values.tz_localize("UTC").tz_convert(zone), _times(rows), zones)


def _deltas(rows: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(_UNITS).flatmap(
        lambda unit: _ticks(rows, unit).map(lambda values: pd.array(values.view(f"m8[{unit}]")))
    )


def _masked(rows: int) -> st.SearchStrategy[Any]:
    numbers = st.none() | st.integers(0, 100)
    names = ["Int8", "Int64", "UInt16", "UInt64", "Float32", "Float64"]
    masked = st.builds(lambda values, name: pd.array(values, dtype=name), _lists(rows, numbers), st.sampled_from(names))
    flags = _lists(rows, st.none() | st.booleans()).map(lambda values: pd.array(values, dtype="boolean"))
    return masked | flags


def _strings(rows: int) -> st.SearchStrategy[Any]:
    cells = _lists(rows, st.none() | st.text(max_size=4))
    return st.builds(lambda values, dtype: pd.array(values, dtype=dtype), cells, st.sampled_from(_STRINGS))


def _categories(rows: int) -> st.SearchStrategy[Any]:
    labels = st.one_of(
        st.lists(st.text(max_size=3), unique=True, max_size=4).map(lambda names: pd.Index(names, dtype="str")),
        st.lists(st.text(max_size=3), unique=True, max_size=4).map(lambda names: pd.Index(names, dtype=object)),
        st.lists(st.integers(-5, 5), unique=True, max_size=4).map(lambda names: pd.Index(names, dtype="int64")),
        st.lists(st.floats(allow_nan=False), unique=True, max_size=4).map(
            lambda names: pd.Index(names, dtype="float64")
        ),
        st.integers(0, 4).map(lambda count: pd.date_range("2020", periods=count, freq="D")),
        st.integers(0, 4).map(lambda count: pd.interval_range(0, count)),
        st.lists(st.sampled_from([1, "1", (1, 2), 1.5]), unique=True, max_size=3).map(
            lambda names: _index(_as_objects(names), None)
        ),
    )
    return labels.flatmap(lambda names: _categorical(rows, names))


def _categorical(rows: int, labels: pd.Index[Any]) -> st.SearchStrategy[Any]:
    codes = _lists(rows, st.integers(-1, len(labels) - 1))
    return st.builds(
        lambda codes, ordered: pd.Categorical.from_codes(codes, categories=labels, ordered=ordered),
        codes,
        st.booleans(),
    )


def _periods(rows: int) -> st.SearchStrategy[Any]:
    cells = _lists(rows, st.integers(-1000, 1000) | st.just(np.iinfo(np.int64).min))
    return st.builds(
        lambda values, freq: pd.arrays.PeriodArray(np.array(values, dtype=np.int64), dtype=pd.PeriodDtype(freq)),
        *(cells, st.sampled_from(["M", "D", "2h", "W-SUN", "Q-DEC"])),
    )


def _intervals(rows: int) -> st.SearchStrategy[Any]:
    cells = _lists(rows, st.none() | st.tuples(st.floats(-5, 5), st.floats(0, 5)).map(lambda one: (one[0], sum(one))))
    closed = st.sampled_from(["left", "right", "both", "neither"])
    return st.builds(
        lambda values, side: pd.arrays.IntervalArray.from_tuples(
            [one or np.nan for one in values],  # type: ignore[misc]
            closed=side,
            dtype=pd.IntervalDtype("float64", side),
        ),
        *(cells, closed),
    )


def _sparse(rows: int) -> st.SearchStrategy[Any]:
    zeros = _lists(rows, st.sampled_from([0, 0, 0, 1, 2]))
    return st.builds(
        lambda values, dtype: pd.arrays.SparseArray(np.array(values, dtype=dtype.subtype), dtype=dtype),
        *(zeros, st.sampled_from([pd.SparseDtype("int64", 0), pd.SparseDtype("float32", np.nan)])),
    )


def _arrow(rows: int) -> st.SearchStrategy[Any]:
    return st.sampled_from(_ARROW).flatmap(
        lambda pair: _lists(rows, st.none() | pair[1]).map(
            lambda values: pd.array(pa.array(values, pair[0]), dtype=pd.ArrowDtype(pair[0]))
        )
    )


_PURE: Sequence[st.SearchStrategy[Any]] = (
    st.text(max_size=4),
    st.integers(-(2**63), 2**63 - 1),
    st.booleans(),
    st.binary(max_size=4),
    st.dates(),
    st.times(),
    st.decimals(places=2, allow_nan=False, allow_infinity=False),
)
_MIXED: Sequence[st.SearchStrategy[Any]] = (
    st.floats(allow_nan=False),
    st.integers(),
    st.decimals().filter(lambda number: not number.is_snan()),  # which pandas can not even show
    st.datetimes(timezones=st.none() | st.sampled_from(_ZONES)),
    st.timedeltas(),
    st.uuids(),
    st.complex_numbers(allow_nan=False),
    st.tuples(st.integers(), st.text(max_size=2)),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.characters(categories=["Cs"]),
    st.just(np.float32(0.1)),
    st.just(pd.Timestamp("2020-01-01 00:00:00.123456789", tz="Europe/Zurich")),
    st.just(pd.Period("2020-01", "M")),
    st.just(pd.Interval(0, 1.5)),
)
