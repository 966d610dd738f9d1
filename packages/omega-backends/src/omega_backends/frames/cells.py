"""Single values of frames (labels, categories, cells of object columns) as JSON, type and value exactly kept.

JSON's own types stay as they are, except floats that JSON has no word for. Everything else becomes ``{type: content}``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import numpy as np
import pandas as pd

from omega_backends.frames.zones import zone_from_plain, zone_to_plain
from omega_domain.entities.leaves import LEAVES, Leaf, leaves_of, read_as_is, written_as_is
from omega_domain.errors import UnsupportedObjectError

_NUMPY_KINDS = "biufcmM"


def cell_to_plain(value: Any) -> Any:
    """Return a value in plain JSON types.

    Raises:
        UnsupportedObjectError: values of exactly this type can not be kept.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int or (kind is float and math.isfinite(value)):
        return value
    if kind is list:
        return written_as_is(value) or [cell_to_plain(item) for item in value]
    leaf = _BY_TYPE.get(kind) or (_NUMPY if isinstance(value, np.generic) and _is_kept(value.dtype) else None)
    if leaf is None:
        raise UnsupportedObjectError(f"values of type {kind.__module__}.{kind.__qualname__} can not be kept")
    content = leaf.encode(value)
    return {leaf.tag: cell_to_plain(content) if leaf.holds_values else content}


def cell_from_plain(plain: Any) -> Any:
    """Rebuild a value from :func:`cell_to_plain`."""
    if isinstance(plain, list):
        return read_as_is(plain) or [cell_from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    ((tag, content),) = plain.items()
    leaf = _BY_TAG[tag]
    return leaf.decode(map(cell_from_plain, content) if leaf.holds_values else content)


def _is_kept(dtype: np.dtype[Any]) -> bool:
    """Tell whether numbers of this dtype are the same on every machine; the widest are not."""
    return dtype.kind in _NUMPY_KINDS and dtype.itemsize <= {"f": 8, "c": 16}.get(dtype.kind, dtype.itemsize)


def _array_to_plain(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _array_from_plain(dtype: str, content: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(content), dtype=dtype).copy()


def _ndarray_to_plain(value: np.ndarray[Any, Any]) -> list[Any]:
    if not _is_kept(value.dtype):
        raise UnsupportedObjectError(f"arrays of {value.dtype} can not be kept in a cell")
    return [value.dtype.str, list(value.shape), _array_to_plain(value)]


def _in_zone_to_plain(value: datetime | time) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), zone_to_plain(value.tzinfo), value.fold]


def _in_zone(type_: type[datetime | time]) -> Callable[[list[Any]], datetime | time]:
    def read(content: list[Any]) -> datetime | time:
        text, zone, fold = content
        return type_.fromisoformat(text).replace(tzinfo=zone_from_plain(zone), fold=fold)

    return read


def _timestamp_to_plain(value: pd.Timestamp) -> list[Any]:
    utc = value.tz_convert(None) if value.tzinfo is not None else value
    return [int(utc.to_datetime64().astype(np.int64)), value.unit, zone_to_plain(value.tzinfo)]


def _timestamp_from_plain(content: list[Any]) -> pd.Timestamp:
    number, unit, zone = content
    naive = pd.Timestamp(np.datetime64(number, unit))
    return naive if zone is None else naive.tz_localize("UTC").tz_convert(zone_from_plain(zone))


def _timedelta_from_plain(content: list[Any]) -> pd.Timedelta:
    number, unit = content
    return pd.Timedelta(np.timedelta64(number, unit))


def _period_from_plain(content: list[Any]) -> pd.Period:
    ordinal, freq = content
    return pd.Period(ordinal=ordinal, freq=freq)


def _interval_from_plain(content: list[Any]) -> Any:
    left, right, closed = content
    return pd.Interval(left, right, closed)


_NUMPY: Final = Leaf(
    tag="numpy",
    type=np.generic,
    encode=lambda value: [value.dtype.str, _array_to_plain(np.asarray(value))],
    decode=lambda content: _array_from_plain(content[0], content[1])[0],
)
_LEAVES: Final = (
    *leaves_of(float, bytes, date, timedelta, Decimal, UUID, tuple, set, frozenset, dict),
    replace(
        LEAVES[complex],
        encode=lambda value: [repr(value.real), repr(value.imag)],
        decode=lambda content: complex(float(content[0]), float(content[1])),
    ),
    replace(LEAVES[datetime], encode=_in_zone_to_plain, decode=_in_zone(datetime)),
    replace(LEAVES[time], encode=_in_zone_to_plain, decode=_in_zone(time)),
    replace(LEAVES[bytes], tag="bytes_", type=np.bytes_, decode=lambda text: np.bytes_(base64.b64decode(text))),
    Leaf(tag="str_", type=np.str_, encode=str, decode=np.str_),
    Leaf(
        tag="ndarray",
        type=np.ndarray,
        encode=_ndarray_to_plain,
        decode=lambda content: _array_from_plain(content[0], content[2]).reshape(content[1]),
    ),
    Leaf(tag="NaT", type=type(pd.NaT), encode=lambda _: None, decode=lambda _: pd.NaT),
    Leaf(tag="NA", type=type(pd.NA), encode=lambda _: None, decode=lambda _: pd.NA),
    Leaf(tag="Timestamp", type=pd.Timestamp, encode=_timestamp_to_plain, decode=_timestamp_from_plain),
    Leaf(
        tag="Timedelta",
        type=pd.Timedelta,
        encode=lambda value: [int(value.to_timedelta64().astype(np.int64)), value.unit],
        decode=_timedelta_from_plain,
    ),
    Leaf(
        tag="Period",
        type=pd.Period,
        encode=lambda value: [value.ordinal, value.freqstr],
        decode=_period_from_plain,
    ),
    Leaf(
        tag="Interval",
        type=pd.Interval,
        encode=lambda value: [value.left, value.right, value.closed],
        decode=_interval_from_plain,
        holds_values=True,
    ),
)
_BY_TYPE: Final = {leaf.type: leaf for leaf in _LEAVES}
_BY_TAG: Final = {leaf.tag: leaf for leaf in (*_LEAVES, _NUMPY)}
