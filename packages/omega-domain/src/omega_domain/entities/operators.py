"""Operators of filters: the value that each takes, and whether it holds for one cell, in plain Python.

Nulls are as in pandas: ``None``, ``NaN``, ``NaT`` and ``NA`` are null; comparing with a null is False, ``ne`` is its
negation; ``in`` finds nulls if a null is among its values.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from omega_domain.errors import InvalidFilterError

OPERATORS = (
    "eq",
    "ne",
    "lt",
    "lte",
    "gt",
    "gte",
    "in",
    "nin",
    "between",
    "contains",
    "startswith",
    "endswith",
    "regex",
    "isnull",
)
TEXT_OPERATORS = frozenset({"contains", "startswith", "endswith", "regex"})
ORDER_OPERATORS = frozenset({"lt", "lte", "gt", "gte", "between"})

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda cell, value: value in cell,
    "startswith": str.startswith,
    "endswith": str.endswith,
    "regex": lambda cell, value: re.search(value, cell) is not None,
}


def checked_value(column: Hashable, op: str, value: Any) -> Any:
    """Return the value as the operator keeps it: a tuple for ``in``, ``nin`` and ``between``.

    Raises:
        InvalidFilterError: there is no such operator, or it does not take this value.
    """
    if op not in OPERATORS:
        raise InvalidFilterError(f"unknown operator {op!r} on column {column!r}; there are: {', '.join(OPERATORS)}")
    if op in {"in", "nin"}:
        return _checked_values(column, op, value)
    if op == "between":
        return _checked_bounds(column, value)
    if op == "isnull":
        return _checked_flag(column, value)
    if op in TEXT_OPERATORS:
        return _checked_text(column, op, value)
    return _checked_scalar(column, op, value)


def holds(op: str, cell: Any, value: Any) -> bool:
    """Tell whether the condition is true of this cell; a cell that can not be compared with the value is no match."""
    if op == "isnull":
        return is_null(cell) is value
    if op in {"ne", "nin"}:
        return not holds("eq" if op == "ne" else "in", cell, value)
    if op == "in":
        return any(_equal_or_both_null(cell, one) for one in value)
    if op == "between":
        return _compare("gte", cell, value[0]) and _compare("lte", cell, value[1])
    if op in _TEXT:
        return isinstance(cell, str) and _TEXT[op](cell, value)
    return _compare(op, cell, value)


def is_null(value: Any) -> bool:
    """Tell whether pandas would call this value missing, without knowing pandas."""
    if value is None or type(value).__name__ == "NAType":
        return True
    try:
        return bool(value != value)  # noqa: PLR0124 -- true of NaN and NaT only
    except (TypeError, ValueError, ArithmeticError):
        return False


def _equal_or_both_null(cell: Any, value: Any) -> bool:
    return _compare("eq", cell, value) or (is_null(cell) and is_null(value))


def _compare(op: str, cell: Any, value: Any) -> bool:
    if cell is None or value is None:
        return False
    try:
        return bool(_COMPARE[op](cell, value))
    except (TypeError, ValueError, ArithmeticError):
        return False


def _checked_scalar(column: Hashable, op: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        raise InvalidFilterError(
            f"the value of {op!r} on column {column!r} is a dict; write operators behind the column's name: x__gt=5"
        )
    if isinstance(value, list | tuple | set | frozenset):
        raise InvalidFilterError(
            f"{op!r} on column {column!r} takes one value, not a {type(value).__name__}; use 'in' or 'between'"
        )
    return value


def _checked_values(column: Hashable, op: str, value: Any) -> tuple[Any, ...]:
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise InvalidFilterError(f"{op!r} on column {column!r} takes a list of values, not {value!r}")
    return tuple(_checked_scalar(column, op, one) for one in value)


def _checked_bounds(column: Hashable, value: Any) -> tuple[Any, Any]:
    bounds = _checked_values(column, "between", value)
    if len(bounds) != 2:  # noqa: PLR2004 -- lower and upper
        raise InvalidFilterError(f"'between' on column {column!r} takes a lower and an upper bound, not {value!r}")
    return bounds[0], bounds[1]


def _checked_flag(column: Hashable, value: Any) -> bool:
    if not isinstance(value, int) or value not in {0, 1}:
        raise InvalidFilterError(f"'isnull' on column {column!r} takes True or False, not {value!r}")
    return bool(value)


def _checked_text(column: Hashable, op: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidFilterError(f"{op!r} on column {column!r} takes a string, not {value!r}")
    if op == "regex":
        try:
            re.compile(value)
        except (re.error, RecursionError, OverflowError) as error:
            raise InvalidFilterError(f"{value!r} on column {column!r} is no regular expression: {error}") from error
    return value
