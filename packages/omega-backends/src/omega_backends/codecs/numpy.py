"""Leaves of the codec for numpy: arrays as ``.npy``, scalars as arrays without dimensions."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from omega_domain.documents.codec import Leaf
from omega_domain.errors import CodecError

_SCALARS = {*np.sctypeDict.values(), np.datetime64, np.timedelta64} - {np.object_, np.void}


def leaves() -> list[Leaf]:
    """Return the leaves for numpy."""
    scalars = [Leaf(tag="numpy.scalar", type=kind, encode=_encode_scalar, decode=_decode_scalar) for kind in _SCALARS]
    return [Leaf(tag="numpy.ndarray", type=np.ndarray, encode=_encode_array, decode=_decode_array), *scalars]


def _encode_array(array: np.ndarray[Any, Any]) -> Any:
    if array.dtype.kind == "O":
        return {"shape": list(array.shape), "items": array.ravel().tolist()}
    if array.dtype.hasobject:
        raise CodecError(f"an array of {array.dtype} holds Python objects in fields, which have no form in JSON")
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _decode_array(plain: Any) -> np.ndarray[Any, Any]:
    if isinstance(plain, bytes):
        array: np.ndarray[Any, Any] = np.load(io.BytesIO(plain), allow_pickle=False)
        return array
    flat = np.empty(len(plain["items"]), dtype=object)
    flat[:] = plain["items"]
    return flat.reshape(plain["shape"])


def _encode_scalar(value: np.generic) -> Any:
    return _encode_array(np.asarray(value))


def _decode_scalar(plain: Any) -> Any:
    return _decode_array(plain)[()]
