"""Values of filters as plain JSON: a value of a JSON type stays as it is, any other becomes ``{type: text}``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

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
    for type_, name, write in _WRITERS:
        if isinstance(value, type_):
            return write(value) if name is None else {name: write(value)}
    raise InvalidFilterError(f"{value!r} of type {type(value).__name__} can not be written in a filter; use text")


def from_plain(plain: Any) -> Any:
    """Rebuild a value from :func:`to_plain`.

    Raises:
        InvalidFilterError: this is not what :func:`to_plain` writes.
    """
    if not isinstance(plain, Mapping | list):
        return plain
    try:
        ((name, text),) = plain.items()  # type: ignore[union-attr]
        return _READERS[name](text)
    except (AttributeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        raise InvalidFilterError(f"{plain!r} is not a value of a filter") from error


def _float_to_plain(value: float) -> Any:
    return float(value) if math.isfinite(value) else {"float": str(float(value))}


def _time_to_plain(value: datetime) -> Any:
    text = value.isoformat()
    return text if getattr(value, "nanosecond", 0) else {"datetime": text}


def _delta_to_plain(value: timedelta) -> Any:
    if getattr(value, "nanoseconds", 0):
        return str(value)
    return {"timedelta": [value.days, value.seconds, value.microseconds]}


_WRITERS: tuple[tuple[type, str | None, Callable[[Any], Any]], ...] = (
    (float, None, _float_to_plain),
    (datetime, None, _time_to_plain),
    (date, "date", date.isoformat),
    (time, "time", time.isoformat),
    (timedelta, None, _delta_to_plain),
    (bytes, "bytes", bytes.hex),
    (Decimal, "decimal", str),
    (bool, None, bool),
    (int, None, int),
    (str, None, str),
)
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "float": float,
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda numbers: timedelta(*numbers),
    "bytes": bytes.fromhex,
    "decimal": Decimal,
    "tuple": lambda values: tuple(from_plain(one) for one in values),
}
