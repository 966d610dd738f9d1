"""Values of filters as plain JSON: a value of a JSON type stays as it is, any other becomes ``{type: text}``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from omega_domain.entities.leaves import LEAVES, leaves_of
from omega_domain.errors import InvalidFilterError


def to_plain(value: Any) -> Any:
    """Return the value in plain JSON types.

    Numbers of numpy become Python's; times finer than a microsecond become text, which columns of times understand.

    Raises:
        InvalidFilterError: values of this type can not be written.
    """
    if value is None or type(value) in {bool, int, str}:
        return value
    if isinstance(value, tuple):
        return {"tuple": [to_plain(one) for one in value]}
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return to_plain(str(value) if value.dtype.kind in "mM" else value.item())
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": LEAVES[float].encode(float(value))}
    return _leaf_to_plain(value)


def from_plain(plain: Any) -> Any:
    """Rebuild a value from :func:`to_plain`.

    Raises:
        InvalidFilterError: this is not what :func:`to_plain` writes.
    """
    if not isinstance(plain, Mapping | list):
        return plain
    try:
        ((tag, content),) = plain.items()  # type: ignore[union-attr] # what is no dict raises below
        leaf = _BY_TAG[tag]
        return leaf.decode(map(from_plain, content) if leaf.holds_values else content)
    except (AttributeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InvalidFilterError(f"{plain!r} is not a value of a filter") from error


def _leaf_to_plain(value: Any) -> Any:
    if isinstance(value, datetime) and getattr(value, "nanosecond", False):
        return value.isoformat()
    if isinstance(value, timedelta) and getattr(value, "nanoseconds", False):
        return str(value)
    for leaf in _LEAVES:
        if isinstance(value, leaf.type):
            return {leaf.tag: leaf.encode(value)}
    for plain in (int, str):
        if isinstance(value, plain):
            return plain(value)
    raise InvalidFilterError(f"{value!r} of type {type(value).__name__} can not be written in a filter; use text")


#: A datetime is a date, too, and comes first.
_LEAVES: Final = (
    *leaves_of(datetime, date, time, timedelta, Decimal),
    replace(LEAVES[bytes], encode=bytes.hex, decode=bytes.fromhex),
)
_BY_TAG: Final = {leaf.tag: leaf for leaf in (*_LEAVES, *leaves_of(float, tuple))}
