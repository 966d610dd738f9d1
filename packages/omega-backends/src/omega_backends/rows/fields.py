"""Columns of a frame as fields of documents, and back: names that MongoDB takes, and types that documents hold.

Whole numbers become 64 bits, floats double, categories and decimals text, dates and times dates. A date of a document
has milliseconds: what a column has beyond is kept in a second field, ``_rest_<field>``, in the column's own unit; if a
time is in no year between 1 and 9999, the whole column is kept as whole numbers of its unit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from omega_backends.frames.arrays import encode
from omega_backends.frames.cells import cell_from_plain
from omega_backends.frames.dtypes import family
from omega_backends.frames.index import Field
from omega_backends.frames.objects import Encoding, type_of
from omega_backends.frames.schema import FrameSchema
from omega_backends.frames.segments import empty_values
from omega_domain.errors import UnsupportedObjectError

ID: Final = "_id"
TOKEN: Final = "_omega"  # noqa: S105 -- the name of a field

REST, TICKS = "rest", "ticks"
"""Forms of times: a date and what is beyond milliseconds; whole numbers of the column's unit."""

_DATE: Final = pa.timestamp("ms", tz="UTC")
_PER_MILLISECOND: Final = {"ms": 1, "us": 1_000, "ns": 1_000_000}
_FIRST: Final = -62_135_596_800_000  # year 1, in milliseconds
_LAST: Final = 253_402_300_799_999  # the end of year 9999
_LARGEST: Final = 2**63 - 1

Columns = dict[str, pa.Array]
Types = dict[str, pa.DataType]


@dataclass(frozen=True, slots=True)
class RowField:
    """A column that is kept as a field of documents.

    Attributes:
        column: name in the schema of the frame and dtype.
        name: name of the field.
    """

    column: Field
    name: str

    @property
    def rest(self) -> str:
        """Name of the field that holds what is beyond milliseconds."""
        return f"_rest_{self.name}"


def fields_of(schema: FrameSchema, names: Mapping[str, str] | None = None) -> list[RowField]:
    """Return the fields for all columns of a frame, those of its index first.

    Args:
        schema: of the frame.
        names: of the fields by those of the columns, as they were chosen before; chosen now for None.
    """
    found = names if names is not None else _choose_names(schema)
    return [RowField(column, found[column.name]) for column in schema.stored]


def to_fields(field: RowField, values: Sequence[pa.Array | pa.ChunkedArray]) -> tuple[list[Columns], str | None]:
    """Return the columns of documents for the values of a column, batch by batch, and their form.

    Raises:
        UnsupportedObjectError: documents can not hold a value.
    """
    type_ = values[0].type
    if pa.types.is_timestamp(type_):
        form = _form_of_times(values)
        return [_times_to_fields(field, batch, form) for batch in values], form
    convert = next((convert for test, convert in _TO_FIELDS if test(type_)), None)
    if convert is None:
        raise UnsupportedObjectError(
            f"values of Arrow's type {type_} can not be kept as fields of documents; put the frame without "
            "layout='documents', or convert the column by astype()"
        )
    return [{field.name: convert(batch)} for batch in values], None


def from_fields(
    field: RowField, columns: Mapping[str, pa.ChunkedArray], *, form: str | None, encoding: Encoding | None
) -> pa.ChunkedArray:
    """Return the column that :func:`to_fields` took apart, as it is written for Parquet."""
    type_ = stored_type(field.column, encoding)
    values = columns[field.name]
    if pa.types.is_timestamp(type_):
        return _times_from_fields(values, columns.get(field.rest), type_, form)
    if pa.types.is_date32(type_):
        return values.cast(pa.timestamp("ms")).cast(pa.date32())
    if pa.types.is_decimal(type_):
        return values.cast(type_)
    if pa.types.is_time64(type_):
        return values.cast(pa.int64()).cast(type_)
    return values if family(field.column.dtype) == "category" else values.cast(type_)


def types_of(field: RowField, *, form: str | None, encoding: Encoding | None) -> Types:
    """Return the types of the fields that hold a column."""
    type_ = stored_type(field.column, encoding)
    if pa.types.is_timestamp(type_):
        return {field.name: pa.int64() if form == TICKS else _DATE} | ({field.rest: pa.int64()} if form == REST else {})
    if family(field.column.dtype) == "category" or pa.types.is_decimal(type_):
        return {field.name: pa.string()}
    return {field.name: next(target for test, target in _TYPES if test(type_))}


def stored_type(column: Field, encoding: Encoding | None) -> pa.DataType:
    """Return the type of Arrow that the values of a column are written in."""
    if column.dtype == "object":
        return type_of(encoding["as"] if encoding else "json")
    if family(column.dtype) == "category":
        return pa.large_string()
    return encode(empty_values(column), column.dtype).type


def _choose_names(schema: FrameSchema) -> dict[str, str]:
    """Name fields by the labels of their columns as far as MongoDB takes them, else by their place."""
    names: dict[str, str] = {}
    taken = {ID, TOKEN}
    columns = [column.name for column in schema.fields]
    labels = list(schema.column_labels)
    for place, (column, label) in enumerate(zip(columns, labels, strict=True)):
        wanted = _as_field(label) if not schema.is_series or schema.labels is not None else "value"
        names[column] = _free(wanted or f"c{place}", taken)
    for place, (level, name) in enumerate(zip(schema.index.levels, schema.index.names, strict=False)):
        names[level.name] = _free(_as_field(cell_from_plain(name)) or f"index_{place}", taken)
    return names


def _as_field(label: Any) -> str | None:
    if type(label) is not str or not label or not label.isprintable() or label.startswith("_"):
        return None
    plain = label.replace("%", "%25").replace(".", "%2E")
    return f"%24{plain[1:]}" if plain.startswith("$") else plain


def _free(wanted: str, taken: set[str]) -> str:
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted}~{number}", number + 1
    taken.add(name)
    return name


def _form_of_times(values: Sequence[pa.Array | pa.ChunkedArray]) -> str | None:
    per = _PER_MILLISECOND[values[0].type.unit]
    form = None
    for batch in values:
        ticks = _ticks(batch)
        if not len(ticks):
            continue
        whole = np.floor_divide(ticks, per)
        if whole.min() < _FIRST or whole.max() > _LAST:
            return TICKS
        if (whole * per != ticks).any():
            form = REST
    return form


def _times_to_fields(field: RowField, values: pa.Array | pa.ChunkedArray, form: str | None) -> Columns:
    ticks = _whole(values).cast(pa.int64())
    if form == TICKS:
        return {field.name: ticks}
    per = _PER_MILLISECOND[values.type.unit]
    numbers = ticks.fill_null(0).to_numpy(zero_copy_only=False)
    nulls = ticks.is_null().to_numpy(zero_copy_only=False)
    whole = np.floor_divide(numbers, per)
    dates = pa.array(whole, mask=nulls).cast(_DATE)
    if form is None:
        return {field.name: dates}
    return {field.name: dates, field.rest: pa.array(numbers - whole * per, mask=nulls)}


def _times_from_fields(
    values: pa.ChunkedArray, rest: pa.ChunkedArray | None, type_: pa.DataType, form: str | None
) -> pa.ChunkedArray:
    if form == TICKS:
        return values.cast(pa.int64()).cast(type_)
    ticks = pc.multiply(values.cast(pa.int64()), _PER_MILLISECOND[type_.unit])
    return (ticks if rest is None else pc.add(ticks, rest)).cast(type_)


def _ticks(values: pa.Array | pa.ChunkedArray) -> Any:
    return _whole(values).drop_null().cast(pa.int64()).to_numpy(zero_copy_only=False)


def _whole(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    return values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values


def _unsigned(values: pa.Array) -> pa.Array:
    if len(values) and (pc.max(values).as_py() or 0) > _LARGEST:
        raise UnsupportedObjectError(
            f"a whole number above {_LARGEST} can not be kept in a document; put the frame without layout='documents'"
        )
    return values.cast(pa.int64())


def _date_to_fields(values: pa.Array) -> pa.Array:
    return values.cast(pa.timestamp("ms")).cast(_DATE)


def _to(type_: pa.DataType) -> Callable[[pa.Array], pa.Array]:
    return lambda values: values.cast(type_)


def _is_uint64(type_: pa.DataType) -> bool:
    return bool(type_ == pa.uint64())


def _is_binary(type_: pa.DataType) -> bool:
    return bool(pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_fixed_size_binary(type_))


def _is_text(type_: pa.DataType) -> bool:
    return bool(pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_dictionary(type_))


_TO_FIELDS: Final[Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], pa.Array]]]] = (
    (_is_uint64, _unsigned),
    (pa.types.is_integer, _to(pa.int64())),
    (pa.types.is_floating, _to(pa.float64())),
    (pa.types.is_boolean, _to(pa.bool_())),
    (_is_text, _to(pa.string())),
    (_is_binary, _to(pa.binary())),
    (pa.types.is_date32, _date_to_fields),
    (pa.types.is_time64, _to(pa.int64())),
    (pa.types.is_decimal, _to(pa.string())),
)
_TYPES: Final[Sequence[tuple[Callable[[pa.DataType], bool], pa.DataType]]] = (
    (pa.types.is_integer, pa.int64()),
    (pa.types.is_floating, pa.float64()),
    (pa.types.is_boolean, pa.bool_()),
    (_is_text, pa.string()),
    (_is_binary, pa.binary()),
    (pa.types.is_date32, _DATE),
    (pa.types.is_time64, pa.int64()),
)
