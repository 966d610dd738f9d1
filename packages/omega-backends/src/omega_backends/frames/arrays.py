"""Columns of pandas as arrays of Arrow that Parquet can hold, and back, exactly.

What other programs see in the Parquet files: numbers, text, dates and times as such; NaN and NaT as null; durations and
periods as whole numbers; categories as text (other than text as JSON); intervals and complex numbers as structs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.cells import cell_to_plain
from omega_backends.frames.dtypes import Dtype, DtypeSpec, content, dtype_from_plain, family
from omega_domain.errors import UnsupportedObjectError

Numbers = np.ndarray[Any, Any]

_FEW = 1_000
_to_text: Final = json.JSONEncoder(sort_keys=True).encode
_NAT = np.iinfo(np.int64).min
_ARROW_TYPES = (
    *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
    *(pa.float16(), pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.time32("ms"), pa.time64("us")),
    *(pa.time64("ns"), pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
)


def encode(values: Any, spec: DtypeSpec) -> pa.Array | pa.ChunkedArray:
    """Return the values of a column (of any dtype but object) as Arrow has to write them.

    Raises:
        UnsupportedObjectError: a value can not be written.
    """
    try:
        return _ENCODERS[family(spec)](values, spec)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeEncodeError) as error:
        raise UnsupportedObjectError(f"a value can not be kept: {error}") from error


def decode(column: pa.ChunkedArray, spec: DtypeSpec, *, categories: pd.Index[Any] | None = None) -> Any:
    """Return the array for a frame from what :func:`encode` wrote; it is writable and shared with nobody.

    Args:
        column: the column as read from Parquet.
        spec: its dtype.
        categories: of a categorical column, all of them in their order.
    """
    if categories is not None:
        return _decode_category(column, categories, ordered=content(spec)["ordered"])
    return _DECODERS[family(spec)](column, spec)


def category_texts(categories: pd.Index[Any]) -> list[str]:
    """Return the text by which each category is written."""
    if isinstance(categories.dtype, pd.StringDtype):
        return list(categories)
    if categories.dtype.kind in "iu":
        return list(map(str, categories.tolist()))
    return [_to_text(cell_to_plain(label)) for label in categories.astype(object)]


def _encode_numpy(values: Any, spec: DtypeSpec) -> pa.Array:
    dtype = np.dtype(str(spec))
    plain = np.asarray(values, dtype=dtype.newbyteorder("="))
    if dtype.kind == "M":
        return _without_seconds(pa.array(plain))
    if dtype.kind == "m":
        return pa.array(plain.view(np.int64), mask=_mask(np.isnat(plain)))
    if dtype.kind == "c":
        parts = np.ascontiguousarray(plain).view(f"f{dtype.itemsize // 2}")
        return pa.StructArray.from_arrays([pa.array(parts[::2]), pa.array(parts[1::2])], names=["real", "imag"])
    return pa.array(plain, from_pandas=dtype.kind == "f")


def _decode_numpy(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    dtype = np.dtype(str(spec))
    if dtype.kind == "c":
        return _decode_complex(column, dtype)
    if dtype.kind in "mM":
        return _decode_times(column, dtype)
    values = _numbers(column, dtype.newbyteorder("="), null=np.nan if dtype.kind == "f" else None)
    return values if dtype.isnative else values.astype(dtype)


def _decode_complex(column: pa.ChunkedArray, dtype: np.dtype[Any]) -> Numbers:
    part = np.dtype(f"f{dtype.itemsize // 2}")
    values = np.empty(len(column), dtype.newbyteorder("="))
    values.real, values.imag = (_numbers(half, part, null=np.nan) for half in _fields(column, 2))
    return values.astype(dtype, copy=False)


def _decode_times(column: pa.ChunkedArray, dtype: np.dtype[Any]) -> Numbers:
    unit = np.datetime_data(dtype)[0]
    if dtype.kind == "M" and unit == "s":
        column = column.cast(pa.timestamp("s", tz=column.type.tz))
    native: Numbers = _numbers(column, np.dtype(np.int64), null=_NAT).view(f"{dtype.kind}8[{unit}]")
    return native.astype(dtype, copy=False)


def _encode_zoned(values: Any, spec: DtypeSpec) -> pa.Array:
    unit, _ = content(spec)
    naive = np.asarray(values, dtype=f"M8[{unit}]")
    return _without_seconds(pa.array(naive, type=pa.timestamp(unit, tz="UTC")))


def _decode_zoned(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    dtype = dtype_from_plain(spec)
    naive = _decode_times(column, np.dtype(f"M8[{dtype.unit}]"))
    array: Any = pd.array(naive, copy=False)
    return array.tz_localize("UTC").tz_convert(dtype.tz)


def _encode_masked(values: Any, _: DtypeSpec) -> pa.Array:
    return pa.array(values)


def _encode_string(values: Any, _: DtypeSpec) -> pa.Array | pa.ChunkedArray:
    return pa.array(values, type=pa.large_string())


def _encode_category(values: Any, _: DtypeSpec) -> pa.Array:
    """Write a dictionary of few categories; one of many would be written again with each row group."""
    codes = np.asarray(values.codes)
    places = pa.array(codes, mask=_mask(codes < 0))
    texts = pa.array(category_texts(values.categories), type=pa.large_string())
    return pa.DictionaryArray.from_arrays(places, texts) if len(texts) <= _FEW else texts.take(places)


def _decode_category(column: pa.ChunkedArray, categories: pd.Index[Any], *, ordered: bool) -> Any:
    places = pd.Index(category_texts(categories), dtype=object)
    codes = np.empty(len(column), dtype=np.int32)
    at = 0
    for plain in column.chunks:
        chunk = plain if pa.types.is_dictionary(plain.type) else plain.dictionary_encode()
        found = places.get_indexer(pd.Index(chunk.dictionary.to_pylist(), dtype=object)).astype(np.int32)
        indices = _numbers(pa.chunked_array([chunk.indices]), np.dtype(np.int32), null=len(found))
        codes[at : at + len(chunk)] = np.append(found, np.int32(-1))[indices]
        at += len(chunk)
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(categories, ordered), validate=False)


def _encode_period(values: Any, _: DtypeSpec) -> pa.Array:
    return pa.array(values.asi8, mask=_mask(np.asarray(values.isna())))


def _decode_period(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    ordinals = _numbers(column, np.dtype(np.int64), null=_NAT)
    return pd.arrays.PeriodArray(ordinals, dtype=dtype_from_plain(spec))


def _encode_interval(values: Any, spec: DtypeSpec) -> pa.Array:
    subtype, _ = content(spec)
    bounds = [encode(bound.array, subtype) for bound in (values.left, values.right)]
    return pa.StructArray.from_arrays(bounds, names=["left", "right"])


def _decode_interval(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    subtype, closed = content(spec)
    left, right = (decode(bound, subtype) for bound in _fields(column, 2))
    return pd.arrays.IntervalArray.from_arrays(left, right, closed, dtype=dtype_from_plain(spec))


def _encode_sparse(values: Any, spec: DtypeSpec) -> pa.Array | pa.ChunkedArray:
    subtype, _ = content(spec)
    return encode(values.to_dense(), subtype)


def _decode_sparse(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    subtype, _ = content(spec)
    return pd.arrays.SparseArray(decode(column, subtype), dtype=dtype_from_plain(spec))


def _encode_arrow(values: Any, spec: DtypeSpec) -> pa.Array | pa.ChunkedArray:
    type_ = dtype_from_plain(spec).pyarrow_dtype
    if not _is_parquet(type_):
        raise UnsupportedObjectError(f"Arrow's type {type_} can not be kept in Parquet; cast the column to another one")
    column = pa.array(values)
    return column.cast(pa.int64()) if pa.types.is_duration(type_) else _without_seconds(column)


def _is_parquet(type_: pa.DataType) -> bool:
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return type_.value_type in _ARROW_TYPES
    if pa.types.is_struct(type_):
        return all(field.type in _ARROW_TYPES for field in type_.fields) and type_.num_fields > 0
    checks = (pa.types.is_timestamp, pa.types.is_duration, pa.types.is_decimal128, pa.types.is_fixed_size_binary)
    return type_ in _ARROW_TYPES or any(check(type_) for check in checks)


def _decode_arrow(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    dtype = dtype_from_plain(spec)
    return dtype.__from_arrow__(column.cast(dtype.pyarrow_dtype))


def _decode_extension(column: pa.ChunkedArray, spec: DtypeSpec) -> Any:
    dtype: Dtype = dtype_from_plain(spec)
    return dtype.__from_arrow__(column)


def _without_seconds(column: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    """Write seconds as milliseconds: Parquet has no coarser unit."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "s":
        return column.cast(pa.timestamp("ms", tz=column.type.tz))
    return column


def _mask(nulls: Numbers) -> Numbers | None:
    return nulls if nulls.any() else None


def _fields(column: pa.ChunkedArray, count: int) -> list[pa.ChunkedArray]:
    return [
        pa.chunked_array([chunk.field(place) for chunk in column.chunks], type=column.type.field(place).type)
        for place in range(count)
    ]


def _numbers(column: pa.ChunkedArray, dtype: np.dtype[Any], *, null: Any) -> Numbers:
    """Return numbers of a fixed width, writable; without copying where the column is whole and has no nulls."""
    if column.num_chunks == 1 and column.null_count == 0 and dtype.kind != "b" and len(column):
        values = _view(column.chunk(0), dtype)
        if values.flags.writeable:
            return values
    values = np.empty(len(column), dtype)
    at = 0
    for chunk in column.chunks:
        part = values[at : at + len(chunk)]
        at += len(chunk)
        part[:] = _view(chunk, dtype)
        if chunk.null_count:
            part[chunk.is_null().to_numpy(zero_copy_only=False)] = null
    return values


def _view(chunk: pa.Array, dtype: np.dtype[Any]) -> Numbers:
    if dtype.kind == "b":
        return np.asarray(chunk.to_numpy(zero_copy_only=False))
    buffer = chunk.buffers()[1]
    if buffer is None:
        return np.zeros(len(chunk), dtype)
    return np.frombuffer(buffer, dtype, count=len(chunk), offset=chunk.offset * dtype.itemsize)


_ENCODERS: Mapping[str, Callable[[Any, DtypeSpec], pa.Array | pa.ChunkedArray]] = {
    "numpy": _encode_numpy,
    "masked": _encode_masked,
    "string": _encode_string,
    "zoned": _encode_zoned,
    "category": _encode_category,
    "period": _encode_period,
    "interval": _encode_interval,
    "sparse": _encode_sparse,
    "arrow": _encode_arrow,
}
_DECODERS: Mapping[str, Callable[[pa.ChunkedArray, DtypeSpec], Any]] = {
    "numpy": _decode_numpy,
    "masked": _decode_extension,
    "string": _decode_extension,
    "zoned": _decode_zoned,
    "period": _decode_period,
    "interval": _decode_interval,
    "sparse": _decode_sparse,
    "arrow": _decode_arrow,
}
