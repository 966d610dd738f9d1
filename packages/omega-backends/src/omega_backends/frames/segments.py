"""Frames to segments and back: the tables that hold a frame's values, and frames from what was read of segments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.arrays import decode, encode
from omega_backends.frames.cells import cell_from_plain
from omega_backends.frames.dtypes import content, dtype_from_plain, family
from omega_backends.frames.index import Field, Rows, freq_of, levels_of
from omega_backends.frames.labels import cells_to_plain
from omega_backends.frames.objects import Encoding, decode_objects, encode_objects
from omega_backends.frames.schema import Frame, FrameSchema
from omega_domain.errors import UnsupportedObjectError

#: Frames with more columns are consolidated, because pandas warns of and slows down with many single blocks.
WIDE = 64

#: Categories of each categorical column, in order.
Categories: TypeAlias = "Mapping[str, pd.Index[Any]]"


@dataclass(slots=True)
class EncodedFrame:
    """A frame ready to be written.

    Attributes:
        schema: what the frame is.
        encodings: how the cells of object columns are written.
        categories: labels of the categories of categorical columns, as plain JSON.
        freqs: frequency of those categories that are times and have one.
    """

    schema: FrameSchema
    encodings: dict[str, Encoding] = field(default_factory=dict)
    categories: dict[str, list[Any]] = field(default_factory=dict)
    freqs: dict[str, str] = field(default_factory=dict)
    _values: list[tuple[Field, str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, frame: Frame, schema: FrameSchema) -> EncodedFrame:
        """Prepare a frame; it is not changed.

        Raises:
            UnsupportedObjectError: a value can not be kept; the message names the column.
        """
        encoded = cls(schema)
        for column, (what, values) in zip(schema.stored, _values(frame, schema), strict=True):
            encoded._add(column, what, values)
        return encoded

    def tables(self, rows_each: int) -> Iterator[pa.Table]:
        """Iterate over tables of so many rows, made one at a time; one empty table if there are no rows.

        Raises:
            UnsupportedObjectError: a value can not be kept; the message names the column.
        """
        for start in range(0, max(self.schema.rows, 1), rows_each):
            stop = min(start + rows_each, self.schema.rows)
            arrays = {column.name: _encode(column, what, values[start:stop]) for column, what, values in self._values}
            yield pa.table(arrays)

    def _add(self, column: Field, what: str, values: Any) -> None:
        """Encode whole what is decided by all of its cells or categories; the rest waits until it is written."""
        if column.dtype == "object":
            values, self.encodings[column.name] = _named(what, lambda: encode_objects(values))
        elif isinstance(column.dtype, dict) and family(column.dtype) == "category":
            self.categories[column.name] = _named(what, lambda: cells_to_plain(values.categories))
            freq = _named(what, lambda: freq_of(values.categories))
            self.freqs |= {column.name: freq} if freq is not None else {}
            values = _named(what, lambda: encode(values, column.dtype))
        self._values.append((column, what, values))


@dataclass(slots=True)
class Piece:
    """What was read of one segment.

    Attributes:
        columns: the columns by their names in Parquet.
        rows: which rows of the whole these are.
        encodings: how the cells of object columns are written.
    """

    columns: dict[str, pa.ChunkedArray]
    rows: Rows
    encodings: Mapping[str, Encoding]


def assemble(schema: FrameSchema, pieces: Sequence[Piece], places: Sequence[int], categories: Categories) -> Frame:
    """Return the frame of these pieces, in their order. The pieces are used up, column by column, to save memory.

    Args:
        schema: of the whole.
        pieces: what was read.
        places: places of the columns to return.
        categories: of categorical columns.
    """
    rows = _joined_rows([piece.rows for piece in pieces])
    levels = [_take(level, pieces, categories) for level in schema.index.levels]
    index = schema.index.build(levels, rows)
    arrays: dict[int, Any] = {}
    for place, column in enumerate(places):
        array = _take(schema.fields[column], pieces, categories)
        arrays[place] = pd.Series(array, index=index, dtype=object, copy=False) if array.dtype == object else array
    if schema.is_series:
        return _finished(_series(arrays[0], index, schema), schema)
    frame = pd.DataFrame(arrays, index=index, copy=len(arrays) > WIDE)
    labels = schema.column_labels
    frame.columns = labels if list(places) == list(range(len(schema.fields))) else labels.take(list(places))
    return _finished(frame, schema)


def series_of(column: Field, piece: Piece, categories: Categories) -> pd.Series[Any]:
    """Return one column of a piece, which is left as it is."""
    array = _take(column, [replace(piece, columns=dict(piece.columns))], categories)
    return pd.Series(array, dtype=object if array.dtype == object else None, copy=False)


def _values(frame: Frame, schema: FrameSchema) -> Iterator[tuple[str, Any]]:
    """Iterate over the values of the columns that are written, each with what it is called in messages."""
    for name, level in zip(frame.index.names, [] if schema.index.is_range else levels_of(frame.index), strict=False):
        yield f"index level {name!r}", level.array
    if isinstance(frame, pd.Series):
        yield f"the series {frame.name!r}", frame.array
        return
    for place, label in enumerate(frame.columns):
        yield f"column {label!r}", frame.iloc[:, place].array


def _encode(column: Field, what: str, values: Any) -> pa.Array | pa.ChunkedArray:
    return values if isinstance(values, pa.Array) else _named(what, lambda: encode(values, column.dtype))


def _named(what: str, encode_: Any) -> Any:
    try:
        return encode_()
    except UnsupportedObjectError as error:
        raise UnsupportedObjectError(f"{what}: {error}") from error


def _take(column: Field, pieces: Sequence[Piece], categories: Categories) -> Any:
    name = column.name
    if not pieces:
        return _empty(column, categories)
    taken = [(piece.columns.pop(name), piece.encodings) for piece in pieces]
    if column.dtype == "object":
        return np.concatenate([decode_objects(array, encodings[name]) for array, encodings in taken])
    whole = pa.chunked_array([chunk for array, _ in taken for chunk in array.chunks], type=taken[0][0].type)
    taken.clear()
    return decode(whole, column.dtype, categories=categories.get(name))


def _empty(column: Field, categories: Categories) -> Any:
    if column.name in categories:
        dtype = pd.CategoricalDtype(categories[column.name], content(column.dtype)["ordered"])
        return pd.Categorical([], dtype=dtype)
    return empty_values(column)


def empty_values(column: Field) -> Any:
    """Return an array of the column's dtype, which is none of categories, without any value."""
    dtype = dtype_from_plain(column.dtype)
    if isinstance(dtype, np.dtype):
        return np.empty(0, dtype=dtype)
    return dtype.construct_array_type()._from_sequence([], dtype=dtype)  # noqa: SLF001 -- the documented way for extension arrays


def _joined_rows(rows: Sequence[Rows]) -> Rows:
    runs = [run for run in rows if isinstance(run, range)]
    if len(runs) == len(rows) and all(one.stop == two.start for one, two in pairwise(runs)):
        return range(runs[0].start, runs[-1].stop) if runs else range(0)
    return np.concatenate([np.asarray(run, dtype=np.int64) for run in rows])


def _series(values: Any, index: pd.Index[Any], schema: FrameSchema) -> pd.Series[Any]:
    dtype = dtype_from_plain(schema.fields[0].dtype) if schema.fields[0].dtype == "object" else None
    return pd.Series(values, index=index, name=cell_from_plain(schema.labels), dtype=dtype, copy=False)


def _finished(frame: Any, schema: FrameSchema) -> Frame:
    if schema.attrs is not None:
        frame.attrs = cell_from_plain(schema.attrs)
    if schema.unique_labels:
        frame.flags.allows_duplicate_labels = False
    return frame  # type: ignore[no-any-return]
