"""Dtypes of pandas as plain JSON, and back, exactly.

A dtype of numpy is its name (``"int64"``, ``"datetime64[us]"``, ``">f8"``); every other one a dict whose one key is its
family: ``masked``, ``string``, ``zoned``, ``category``, ``period``, ``interval``, ``sparse`` or ``arrow``.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.zones import zone_from_plain, zone_to_plain
from omega_domain.errors import UnsupportedObjectError

DtypeSpec = str | dict[str, Any]
Dtype = Any

_NUMPY_KINDS = "biufcmMO"
_MASKED = {
    str(dtype): dtype
    for dtype in (
        *(pd.Int8Dtype(), pd.Int16Dtype(), pd.Int32Dtype(), pd.Int64Dtype()),
        *(pd.UInt8Dtype(), pd.UInt16Dtype(), pd.UInt32Dtype(), pd.UInt64Dtype()),
        *(pd.Float32Dtype(), pd.Float64Dtype(), pd.BooleanDtype()),
    )
}


def dtype_to_plain(dtype: Dtype) -> DtypeSpec:
    """Return a dtype in plain JSON types.

    Raises:
        UnsupportedObjectError: columns of this dtype can not be kept.
    """
    if isinstance(dtype, np.dtype):
        return _numpy_to_plain(dtype)
    if str(dtype) in _MASKED and dtype == _MASKED[str(dtype)]:
        return {"masked": str(dtype)}
    if type(dtype) not in _WRITERS:
        raise UnsupportedObjectError(
            f"the dtype {dtype} can not be kept; convert by astype() to one of pandas or numpy"
        )
    name, write = _WRITERS[type(dtype)]
    return {name: write(dtype)}


def dtype_from_plain(spec: DtypeSpec) -> Dtype:
    """Rebuild a dtype from :func:`dtype_to_plain`; a categorical one without its categories."""
    if isinstance(spec, str):
        return np.dtype(spec)
    return _READERS[family(spec)](content(spec))


def family(spec: DtypeSpec) -> str:
    """Return the family of a dtype: ``numpy`` or the one key of its dict."""
    return "numpy" if isinstance(spec, str) else next(iter(spec))


def content(spec: DtypeSpec) -> Any:
    """Return what the one key of the dict stands for."""
    return spec if isinstance(spec, str) else next(iter(spec.values()))


def numpy_dtype(spec: DtypeSpec) -> np.dtype[Any]:
    """Return a dtype that is known to be one of numpy."""
    return np.dtype(str(spec))


def same_dtype(one: DtypeSpec, two: DtypeSpec) -> bool:
    """Tell whether two dtypes are equal; those of categories whatever the categories are."""
    if one == two or "category" in {family(one), family(two)}:
        return one == two
    return bool(dtype_from_plain(one) == dtype_from_plain(two))


def describe(spec: DtypeSpec) -> str:
    """Return the dtype as pandas calls it, for messages."""
    return "category" if family(spec) == "category" else str(dtype_from_plain(spec))


def _numpy_to_plain(dtype: np.dtype[Any]) -> str:
    widest = {"f": 8, "c": 16}.get(dtype.kind, dtype.itemsize)
    if dtype.kind not in _NUMPY_KINDS or dtype.itemsize > widest:
        raise UnsupportedObjectError(f"the dtype {dtype} can not be kept; convert by astype() to a narrower one")
    return dtype.name if dtype.isnative else dtype.str


def _zoned_from_plain(plain: list[Any]) -> Dtype:
    unit, zone = plain
    return pd.DatetimeTZDtype(unit, zone_from_plain(zone))


def _string_to_plain(dtype: pd.StringDtype) -> list[str]:
    return [dtype.storage, "NA" if dtype.na_value is pd.NA else "nan"]


def _string_from_plain(plain: list[str]) -> Dtype:
    storage, null = plain
    return pd.StringDtype(storage, na_value=pd.NA if null == "NA" else np.nan)


def _category_to_plain(dtype: pd.CategoricalDtype) -> dict[str, Any]:
    return {"of": dtype_to_plain(dtype.categories.dtype), "ordered": bool(dtype.ordered)}


def _arrow_to_plain(dtype: pd.ArrowDtype) -> str | list[str]:
    """Write the alias where there is one, and a serialized schema for nested types and those with parameters."""
    type_ = dtype.pyarrow_dtype
    try:
        pa.type_for_alias(str(type_))
    except ValueError:
        return ["schema", base64.b64encode(pa.schema([pa.field("", type_)]).serialize().to_pybytes()).decode()]
    return str(type_)


def _arrow_from_plain(plain: str | list[str]) -> Dtype:
    if isinstance(plain, str):
        return pd.ArrowDtype(pa.type_for_alias(plain))
    return pd.ArrowDtype(pa.ipc.read_schema(pa.py_buffer(base64.b64decode(plain[1]))).field(0).type)


def _sparse_from_plain(plain: list[Any]) -> Dtype:
    subtype, fill = plain
    return pd.SparseDtype(dtype_from_plain(subtype), cell_from_plain(fill))


_WRITERS: Mapping[type, tuple[str, Callable[[Any], Any]]] = {
    pd.StringDtype: ("string", _string_to_plain),
    pd.DatetimeTZDtype: ("zoned", lambda dtype: [dtype.unit, zone_to_plain(dtype.tz)]),
    pd.CategoricalDtype: ("category", _category_to_plain),
    pd.PeriodDtype: ("period", lambda dtype: dtype.name.removeprefix("period[").removesuffix("]")),
    pd.IntervalDtype: ("interval", lambda dtype: [dtype_to_plain(dtype.subtype), dtype.closed]),
    pd.SparseDtype: ("sparse", lambda dtype: [dtype_to_plain(dtype.subtype), cell_to_plain(dtype.fill_value)]),
    pd.ArrowDtype: ("arrow", _arrow_to_plain),
}
_READERS: Mapping[str, Callable[[Any], Dtype]] = {
    "masked": lambda plain: _MASKED[plain],
    "string": _string_from_plain,
    "zoned": _zoned_from_plain,
    "category": lambda plain: pd.CategoricalDtype(ordered=plain["ordered"]),
    "period": pd.PeriodDtype,
    "interval": lambda plain: pd.IntervalDtype(dtype_from_plain(plain[0]), plain[1]),
    "sparse": _sparse_from_plain,
    "arrow": _arrow_from_plain,
}
