"""Object columns: cells of one Python type as a column of that type, all else cell by cell as JSON; exactly kept.

The encoding of an object column is chosen for each segment, and written beside it: ``{"as": "str", "null": "None"}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_domain.errors import UnsupportedObjectError

Encoding = Mapping[str, str]
Objects = np.ndarray[Any, np.dtype[np.object_]]

_JSON: Encoding = {"as": "json"}
_to_text: Final = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_EMPTY = "nothing"
_MAX_DIGITS = 38
_NULLS: Mapping[str, Any] = {"None": None, "nan": np.nan, "NaT": pd.NaT, "NA": pd.NA}
_NULL_TYPES: Mapping[type, str] = {type(null): name for name, null in _NULLS.items()}


def encode_objects(values: Any) -> tuple[pa.Array, Encoding]:
    """Return the cells as an array of Arrow, and how they were encoded.

    Raises:
        UnsupportedObjectError: a cell is of a type that can not be kept; the message says which.
    """
    cells = np.asarray(values, dtype=object).tolist()
    types = set(map(type, cells))
    nulls = types & _NULL_TYPES.keys()
    if len(nulls) <= 1 and len(types - nulls) <= 1 and not _holds_numbers(nulls, cells):
        column, name = _typed(cells, types - nulls, nulls)
        if column is not None:
            return column, {"as": name, **_null_entry(_NULL_TYPES[type_] for type_ in nulls)}
    return pa.array([_to_json(cell) for cell in cells], type=pa.large_string()), _JSON


def decode_objects(column: pa.ChunkedArray, encoding: Encoding) -> Objects:
    """Return the cells from what :func:`encode_objects` wrote."""
    values = np.empty(len(column), dtype=object)
    cells = column.to_pylist()
    if encoding == _JSON:
        cells = cell_from_plain(json.loads(f"[{','.join(cells)}]"))
    elif encoding.get("null", "None") != "None":
        null = _NULLS[encoding["null"]]
        cells = [null if cell is None else cell for cell in cells]
    values[:] = cells
    return values


def common_encoding(encodings: Iterable[Encoding]) -> Encoding:
    """Return an encoding that holds the cells of segments with these encodings."""
    every = list(encodings)
    types = {encoding["as"] for encoding in every} - {_EMPTY}
    nulls = {encoding["null"] for encoding in every if "null" in encoding}
    if len(types) > 1 or len(nulls) > 1 or "json" in types:
        return _JSON
    return {"as": types.pop() if types else _EMPTY, **_null_entry(nulls)}


def recode_objects(column: pa.ChunkedArray, before: Encoding, after: Encoding) -> pa.Array | pa.ChunkedArray:
    """Return a column, as read, in another encoding, one that :func:`common_encoding` found for it."""
    if before["as"] == after["as"]:
        return column
    if after == _JSON:
        cells = decode_objects(column, before).tolist()
        return pa.array([_to_json(cell) for cell in cells], type=pa.string())
    return pa.nulls(len(column), type=_AS_READ.get(after["as"]) or type_of(after["as"]))


def _null_entry(names: Iterable[str]) -> Encoding:
    """Return the entry for the one null of a column; none if there is none."""
    return dict(("null", name) for name in names)  # noqa: C402 -- one name at most


def _holds_numbers(nulls: set[type], cells: list[Any]) -> bool:
    """Tell whether there are floats that are no null; NaN alone is one."""
    return float in nulls and any(cell == cell for cell in cells if type(cell) is float)  # noqa: PLR0124


def _typed(cells: list[Any], types: set[type], nulls: set[type]) -> tuple[pa.Array | None, str]:
    """Return a column of one type and the name of its encoding; no column if a cell would not survive it."""
    if nulls:
        (null,) = nulls
        cells = [None if type(cell) is null else cell for cell in cells]
    if not types:
        return pa.nulls(len(cells), type=type_of(_EMPTY)), _EMPTY
    (type_,) = types
    name = _NAMES[type_](cells) if type_ in _NAMES else None
    if name is None:
        return None, ""
    try:
        return pa.array(cells, type=type_of(name)), name
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return None, ""


def type_of(name: str) -> pa.DataType:
    """Return the type of Arrow that cells are written in, by the name of their encoding."""
    if name.startswith("decimal."):
        return pa.decimal128(_MAX_DIGITS, int(name.removeprefix("decimal.")))
    return _TYPES.get(name, pa.large_string())


def _decimal_name(cells: list[Any]) -> str | None:
    """Name the scale that all share; ``1.0`` beside ``1.00``, ``-0``, ``1E+3``, NaN and infinity need JSON."""
    numbers = [cell for cell in cells if cell is not None]
    exponents = {number.as_tuple().exponent for number in numbers}
    exponent = exponents.pop()
    if exponents or not isinstance(exponent, int) or not -_MAX_DIGITS <= exponent <= 0:
        return None
    has_negative_zero = any(number.is_zero() and number.is_signed() for number in numbers)
    return None if has_negative_zero else f"decimal.{-exponent}"


def _time_name(cells: list[Any]) -> str | None:
    return "time" if all(cell is None or (cell.tzinfo is None and not cell.fold) for cell in cells) else None


def _to_json(cell: Any) -> str:
    try:
        return _to_text(cell_to_plain(cell))
    except (RecursionError, ValueError) as error:
        raise UnsupportedObjectError(f"a value of type {type(cell).__name__} can not be kept: {error}") from error


_NAMES: Mapping[type, Callable[[list[Any]], str | None]] = {
    str: lambda _: "str",
    bool: lambda _: "bool",
    int: lambda _: "int",
    bytes: lambda _: "bytes",
    date: lambda _: "date",
    time: _time_name,
    Decimal: _decimal_name,
}
_TYPES: Mapping[str, pa.DataType] = {
    _EMPTY: pa.bool_(),
    "str": pa.large_string(),
    "bool": pa.bool_(),
    "int": pa.int64(),
    "bytes": pa.large_binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
}
_AS_READ: Mapping[str, pa.DataType] = {"str": pa.string(), "bytes": pa.binary()}
