"""Object columns: cells of one Python type as a column of that type, all else cell by cell as JSON; exactly kept.

The encoding of an object column is chosen for each segment, and written beside it: ``{"as": "str", "null": "None"}``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import date, time
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frame_cells import cell_from_plain, cell_to_plain
from omega_domain.errors import UnsupportedObjectError

Encoding = Mapping[str, str]
Objects = np.ndarray[Any, np.dtype[np.object_]]

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
    null = _only_null(types, cells)
    if null is not None and len(types := types - {type(_NULLS[null])}) <= 1:
        name = _COLUMNS.get(next(iter(types), bool))
        column = _typed(cells, name, _NULLS[null]) if name else None
        if column is not None:
            return column, {"as": str(name), "null": null}
    return pa.array([_to_json(cell) for cell in cells], type=pa.large_string()), {"as": "json"}


def decode_objects(column: pa.ChunkedArray, encoding: Encoding) -> Objects:
    """Return the cells from what :func:`encode_objects` wrote."""
    values = np.empty(len(column), dtype=object)
    cells = column.to_pylist()
    if encoding["as"] == "json":
        cells = [cell_from_plain(json.loads(cell)) for cell in cells]
    elif encoding["null"] != "None":
        null = _NULLS[encoding["null"]]
        cells = [null if cell is None else cell for cell in cells]
    values[:] = cells
    return values


def _only_null(types: set[type], cells: list[Any]) -> str | None:
    """Return which null stands for all nulls of the column; None if there are several, or floats that are no null."""
    found = types & _NULL_TYPES.keys()
    if not found:
        return "None"
    if len(found) > 1 or (float in found and any(cell == cell for cell in cells if type(cell) is float)):  # noqa: PLR0124
        return None
    return _NULL_TYPES[found.pop()]


def _typed(cells: list[Any], name: str, null: Any) -> pa.Array | None:
    """Return a column of one type, or None if a cell would not survive it."""
    if null is not None:
        cells = [None if type(cell) is type(null) else cell for cell in cells]
    try:
        return _BUILDERS[name](cells)
    except (pa.ArrowInvalid, OverflowError, UnicodeEncodeError):
        return None


def _build_decimals(cells: list[Any]) -> pa.Array | None:
    """Decimals of one exponent; ``1.0`` and ``1.00``, ``-0``, NaN and infinity need JSON."""
    numbers = [cell for cell in cells if cell is not None]
    exponents = {number.as_tuple().exponent for number in numbers}
    exponent = exponents.pop()
    if exponents or not isinstance(exponent, int) or not -_MAX_DIGITS <= exponent <= 0:
        return None
    if any(number.is_zero() and number.is_signed() for number in numbers):
        return None
    return pa.array(cells, type=pa.decimal128(_MAX_DIGITS, -exponent))


def _build_times(cells: list[Any]) -> pa.Array | None:
    if any(cell is not None and (cell.tzinfo is not None or cell.fold) for cell in cells):
        return None
    return pa.array(cells, type=pa.time64("us"))


def _to_json(cell: Any) -> str:
    try:
        text = json.dumps(cell_to_plain(cell), separators=(",", ":"), allow_nan=False)
    except (RecursionError, ValueError) as error:
        raise UnsupportedObjectError(f"the value {str(cell)[:80]} can not be kept: {error}") from error
    return text


_COLUMNS: Mapping[type, str] = {
    str: "str",
    bool: "bool",
    int: "int",
    bytes: "bytes",
    date: "date",
    time: "time",
    Decimal: "decimal",
}
_BUILDERS: Mapping[str, Callable[[list[Any]], pa.Array | None]] = {
    "str": lambda cells: pa.array(cells, type=pa.large_string()),
    "bool": lambda cells: pa.array(cells, type=pa.bool_()),
    "int": lambda cells: pa.array(cells, type=pa.int64()),
    "bytes": lambda cells: pa.array(cells, type=pa.large_binary()),
    "date": lambda cells: pa.array(cells, type=pa.date32()),
    "time": _build_times,
    "decimal": _build_decimals,
}
