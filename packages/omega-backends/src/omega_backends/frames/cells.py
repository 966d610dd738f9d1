"""Single values of frames (labels, categories, cells of object columns) as JSON, type and value exactly kept.

JSON's own types stay as they are, except floats that JSON has no word for. Everything else becomes ``{type: content}``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd

from omega_backends.frames.zones import zone_from_plain, zone_to_plain
from omega_domain.errors import UnsupportedObjectError

_NUMPY_KINDS = "biufcmM"


def cell_to_plain(value: Any) -> Any:
    """Return a value in plain JSON types.

    Raises:
        UnsupportedObjectError: values of exactly this type can not be kept.
    """
    kind = type(value)
    if value is None or kind is str or kind is bool or kind is int:
        return value
    if kind is float:
        return value if math.isfinite(value) else {"float": repr(value)}
    if kind is list:
        return [cell_to_plain(item) for item in value]
    if kind in _WRITERS:
        name, write = _WRITERS[kind]
        return {name: write(value)}
    if isinstance(value, np.generic) and value.dtype.kind in _NUMPY_KINDS and value.dtype.itemsize <= _widest(value):
        return {"numpy": [value.dtype.str, _array_to_plain(np.asarray(value))]}
    raise UnsupportedObjectError(f"values of type {kind.__module__}.{kind.__qualname__} can not be kept")


def cell_from_plain(plain: Any) -> Any:
    """Rebuild a value from :func:`cell_to_plain`."""
    if isinstance(plain, list):
        return [cell_from_plain(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    ((name, content),) = plain.items()
    return _READERS[name](content)


def _widest(value: np.generic) -> int:
    """Bytes of the widest number that is the same on every machine."""
    return {"f": 8, "c": 16}.get(value.dtype.kind, value.dtype.itemsize)


def _array_to_plain(values: np.ndarray[Any, Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _array_from_plain(dtype: str, content: str) -> np.ndarray[Any, Any]:
    return np.frombuffer(base64.b64decode(content), dtype=dtype).copy()


def _ndarray_to_plain(value: np.ndarray[Any, Any]) -> list[Any]:
    if value.dtype.kind not in _NUMPY_KINDS or value.dtype.itemsize > _widest(value.dtype.type()):
        raise UnsupportedObjectError(f"arrays of {value.dtype} can not be kept in a cell")
    return [value.dtype.str, list(value.shape), _array_to_plain(value)]


def _datetime_to_plain(value: datetime) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), zone_to_plain(value.tzinfo), value.fold]


def _datetime_from_plain(content: list[Any]) -> datetime:
    text, zone, fold = content
    return datetime.fromisoformat(text).replace(tzinfo=zone_from_plain(zone), fold=fold)


def _time_to_plain(value: time) -> list[Any]:
    return [value.replace(tzinfo=None, fold=0).isoformat(), zone_to_plain(value.tzinfo), value.fold]


def _time_from_plain(content: list[Any]) -> time:
    text, zone, fold = content
    return time.fromisoformat(text).replace(tzinfo=zone_from_plain(zone), fold=fold)


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
    return pd.Interval(cell_from_plain(left), cell_from_plain(right), closed)


def _items_to_plain(value: Any) -> list[Any]:
    return [cell_to_plain(item) for item in value]


def _items_from_plain(content: list[Any]) -> list[Any]:
    return [cell_from_plain(item) for item in content]


_WRITERS: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    type(pd.NaT): ("NaT", lambda _: None),
    type(pd.NA): ("NA", lambda _: None),
    bytes: ("bytes", lambda value: base64.b64encode(value).decode()),
    complex: ("complex", lambda value: [repr(value.real), repr(value.imag)]),
    date: ("date", date.isoformat),
    datetime: ("datetime", _datetime_to_plain),
    time: ("time", _time_to_plain),
    timedelta: ("timedelta", lambda value: [value.days, value.seconds, value.microseconds]),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    tuple: ("tuple", _items_to_plain),
    set: ("set", _items_to_plain),
    frozenset: ("frozenset", _items_to_plain),
    dict: ("dict", lambda value: [[cell_to_plain(key), cell_to_plain(item)] for key, item in value.items()]),
    np.str_: ("str_", str),
    np.bytes_: ("bytes_", lambda value: base64.b64encode(value).decode()),
    np.ndarray: ("ndarray", _ndarray_to_plain),
    pd.Timestamp: ("Timestamp", _timestamp_to_plain),
    pd.Timedelta: ("Timedelta", lambda value: [int(value.to_timedelta64().astype(np.int64)), value.unit]),
    pd.Period: ("Period", lambda value: [value.ordinal, value.freqstr]),
    pd.Interval: ("Interval", lambda value: [cell_to_plain(value.left), cell_to_plain(value.right), value.closed]),
}
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "NaT": lambda _: pd.NaT,
    "NA": lambda _: pd.NA,
    "float": float,
    "bytes": base64.b64decode,
    "complex": lambda content: complex(float(content[0]), float(content[1])),
    "date": date.fromisoformat,
    "datetime": _datetime_from_plain,
    "time": _time_from_plain,
    "timedelta": lambda content: timedelta(*content),
    "decimal": Decimal,
    "uuid": UUID,
    "tuple": lambda content: tuple(_items_from_plain(content)),
    "set": lambda content: set(_items_from_plain(content)),
    "frozenset": lambda content: frozenset(_items_from_plain(content)),
    "dict": lambda content: {cell_from_plain(key): cell_from_plain(item) for key, item in content},
    "str_": np.str_,
    "bytes_": lambda content: np.bytes_(base64.b64decode(content)),
    "ndarray": lambda content: _array_from_plain(content[0], content[2]).reshape(content[1]),
    "numpy": lambda content: _array_from_plain(content[0], content[1])[0],
    "Timestamp": _timestamp_from_plain,
    "Timedelta": _timedelta_from_plain,
    "Period": _period_from_plain,
    "Interval": _interval_from_plain,
}
