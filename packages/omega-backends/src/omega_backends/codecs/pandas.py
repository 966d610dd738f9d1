"""Leaves of the codec for pandas: frames, series and indexes as a stream of Arrow, scalars as plain JSON."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pyarrow as pa

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.reader import categories_of
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segment_facts import SegmentFacts
from omega_backends.frames.segments import EncodedFrame, Piece, assemble
from omega_domain.documents.codec import Leaf
from omega_domain.errors import CodecError, UnsupportedObjectError

_SCALARS = (pd.Timestamp, pd.Timedelta, pd.Period, pd.Interval, type(pd.NaT), type(pd.NA))
_INDEXES = (
    *(pd.Index, pd.RangeIndex, pd.MultiIndex, pd.DatetimeIndex, pd.TimedeltaIndex, pd.PeriodIndex),
    *(pd.CategoricalIndex, pd.IntervalIndex),
)


def leaves() -> list[Leaf]:
    """Return the leaves for pandas."""
    kinds = (pd.DataFrame, pd.Series)
    frames = [Leaf(tag=f"pandas.{kind.__name__}", type=kind, encode=_encode, decode=_decode) for kind in kinds]
    indexes = [Leaf(tag="pandas.Index", type=kind, encode=_encode_index, decode=_decode_index) for kind in _INDEXES]
    scalars = [Leaf(tag="pandas.scalar", type=kind, encode=cell_to_plain, decode=cell_from_plain) for kind in _SCALARS]
    return [*frames, *indexes, *scalars]


def _encode(frame: Frame) -> dict[str, Any]:
    try:
        schema = FrameSchema.of(frame)
        encoded = EncodedFrame.of(frame, schema)
        table = next(encoded.tables(max(schema.rows, 1)))
    except UnsupportedObjectError as error:
        raise CodecError(f"a frame can not travel: {error}") from error
    facts = SegmentFacts(
        rows=schema.rows, encodings=encoded.encodings, categories=encoded.categories, freqs=encoded.freqs
    )
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as stream:
        stream.write_table(table)
    return {"schema": schema.to_plain(), "facts": facts.to_plain(schema.stored), "table": buffer.getvalue()}


def _decode(plain: dict[str, Any]) -> Frame:
    schema = FrameSchema.from_plain(plain["schema"])
    facts = SegmentFacts.from_plain(plain["facts"], schema.stored)
    with pa.ipc.open_stream(plain["table"]) as stream:
        table = stream.read_all()
    columns = {name: _as_in_parquet(column) for name, column in zip(table.column_names, table.columns, strict=True)}
    piece = Piece(columns, range(schema.rows), facts.encodings)
    return assemble(schema, [piece], range(len(schema.fields)), categories_of(schema, [facts]))


def _as_in_parquet(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Parquet's dictionaries have indices of 32 bits."""
    if pa.types.is_dictionary(column.type):
        return column.cast(pa.dictionary(pa.int32(), column.type.value_type))
    return column


def _encode_index(index: pd.Index[Any]) -> dict[str, Any]:
    return _encode(pd.DataFrame(index=index))


def _decode_index(plain: dict[str, Any]) -> pd.Index[Any]:
    return _decode(plain).index
