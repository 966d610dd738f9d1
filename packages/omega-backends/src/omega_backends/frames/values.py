"""Values of filters made fit for the dtype of the column they are compared with."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.dtypes import DtypeSpec, content, dtype_from_plain, dtype_to_plain, family, numpy_dtype
from omega_domain.entities.operators import is_null


def fit_value(value: Any, spec: DtypeSpec) -> Any:
    """Return the value as the column's dtype has it; None for a null.

    Raises:
        TypeError: a value of this type can not be compared with the column.
        ValueError: the text does not read as such a value.
    """
    if is_null(value):
        return None
    if isinstance(value, np.generic) and value.dtype.kind in "biuf":
        value = value.item()
    return _FITS[family(spec)](value, spec)


def _fit_numpy(value: Any, spec: DtypeSpec) -> Any:
    dtype = numpy_dtype(spec)
    if dtype.kind == "f":
        return _fit_float(value, dtype)
    return _KINDS[dtype.kind](value)


def _fit_integer(value: Any) -> int | float:
    """Whole numbers become integers; others stay as they are, since ``x > 2.5`` means something on integers."""
    if isinstance(value, str):
        value = _number(value)
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float | Decimal):
        whole = math.isfinite(value) and value == int(value)
        return int(value) if whole else float(value)
    raise TypeError


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _fit_float(value: Any, dtype: np.dtype[Any]) -> float:
    if not isinstance(value, bool | int | float | Decimal | str):
        raise TypeError
    with np.errstate(over="ignore"):
        return float(dtype.newbyteorder("=").type(float(value)))


def _fit_bool(value: Any) -> bool:
    if isinstance(value, str):
        value = {"true": True, "false": False, "1": True, "0": False}.get(value.strip().lower(), value)
    if isinstance(value, bool | int | float) and value in {0, 1}:
        return bool(value)
    raise TypeError


def _fit_time(value: Any) -> pd.Timestamp | None:
    time = _timestamp(value)
    if time is not None and time.tzinfo is not None:
        raise ValueError("the column has no time zone, the value has one; remove it by tz_convert(None)")
    return time


def _timestamp(value: Any) -> pd.Timestamp | None:
    if not isinstance(value, str | date | datetime | np.datetime64):
        raise TypeError
    time = pd.Timestamp(value)
    return None if is_null(time) else time


def _fit_zoned(value: Any, spec: DtypeSpec) -> pd.Timestamp | None:
    """A time without a zone is one of the column's zone, as pandas takes text."""
    zone = dtype_from_plain(spec).tz
    time = _timestamp(value)
    if time is None:
        return None
    return time.tz_localize(zone) if time.tzinfo is None else time.tz_convert(zone)


def _fit_delta(value: Any) -> pd.Timedelta | None:
    if not isinstance(value, str | timedelta | np.timedelta64):
        raise TypeError
    delta = pd.Timedelta(value)
    return None if is_null(delta) else delta


def _fit_complex(value: Any) -> complex:
    if not isinstance(value, complex | np.complexfloating | bool | int | float | str):
        raise TypeError
    return complex(value)


def _fit_masked(value: Any, spec: DtypeSpec) -> Any:
    return _fit_numpy(value, dtype_from_plain(spec).numpy_dtype.name)


def _fit_text(value: Any, _: DtypeSpec) -> str:
    if not isinstance(value, str):
        raise TypeError
    return str(value)


def _fit_period(value: Any, spec: DtypeSpec) -> pd.Period | None:
    freq = dtype_from_plain(spec).freq
    if isinstance(value, pd.Period) and value.freq != freq:
        raise ValueError(f"a period of {value.freqstr} is not one of {freq.freqstr}")
    if not isinstance(value, str | date | datetime | pd.Period):
        raise TypeError
    period = pd.Period(value, freq=freq)
    return None if is_null(period) else period


def _fit_interval(value: Any, _: DtypeSpec) -> Any:
    if not isinstance(value, pd.Interval):
        raise TypeError
    return value


def _fit_category(value: Any, spec: DtypeSpec) -> Any:
    return fit_value(value, content(spec)["of"])


def _fit_sparse(value: Any, spec: DtypeSpec) -> Any:
    return fit_value(value, content(spec)[0])


def _fit_arrow(value: Any, spec: DtypeSpec) -> Any:
    type_ = dtype_from_plain(spec).pyarrow_dtype
    plain = arrow_equivalent(type_)
    return value if plain is None else fit_value(value, plain)


def arrow_equivalent(type_: pa.DataType) -> DtypeSpec | None:
    """Return the dtype whose values this type of Arrow is compared with; None if with those of Python."""
    if pa.types.is_timestamp(type_):
        if type_.tz is None:
            return f"datetime64[{type_.unit}]"
        return dtype_to_plain(pd.DatetimeTZDtype(type_.unit, type_.tz))
    if pa.types.is_duration(type_):
        return f"timedelta64[{type_.unit}]"
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return {"string": ["pyarrow", "NA"]}
    if pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_):
        return str(np.dtype(type_.to_pandas_dtype()).name)
    return None


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "b": _fit_bool,
    "i": _fit_integer,
    "u": _fit_integer,
    "c": _fit_complex,
    "M": _fit_time,
    "m": _fit_delta,
    "O": lambda value: value,
}
_FITS: Mapping[str, Callable[[Any, DtypeSpec], Any]] = {
    "numpy": _fit_numpy,
    "masked": _fit_masked,
    "string": _fit_text,
    "zoned": _fit_zoned,
    "category": _fit_category,
    "period": _fit_period,
    "interval": _fit_interval,
    "sparse": _fit_sparse,
    "arrow": _fit_arrow,
}
