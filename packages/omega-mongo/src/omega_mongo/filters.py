"""Filters, rewritten so that nothing in them reaches the server as an operator but what the core has checked.

Equality becomes an explicit ``$eq``, so that no value is ever taken for an operator; an operator that the core does not
know is refused before.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from bson.decimal128 import Decimal128

from omega_domain.documents import compile_filter
from omega_domain.errors import InvalidFilterError

Filter = Mapping[str, Any]

_MOST_DIGITS: Final = 34
_NOTHING: Final[Filter] = {"_id": {"$in": []}}


def rewritten(filter: Filter | None) -> dict[str, Any]:
    """Return a filter for the server that finds what this one asks for.

    Raises:
        InvalidFilterError: an operator is unknown or its operand is of the wrong form.
    """
    compile_filter(filter)
    return _filter(filter or {})


def _filter(filter: Filter) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    rest: list[Filter] = []
    for key, condition in filter.items():
        item = _item(key, condition)
        if item.keys() & merged.keys():
            rest.append(item)
        merged.update({} if item in rest else item)
    return {"$and": [merged, *rest]} if rest else merged


def _item(key: str, condition: Any) -> Filter:
    if key.startswith("$"):  # the core has seen that it is $and, $or or $nor
        return {key: [_filter(part) for part in condition]}
    if "\0" in key:  # a field that no document can have
        return {} if compile_filter({"x": condition})({}) else _NOTHING
    return {_text(key): _condition(condition)}


def _condition(condition: Any) -> Any:
    if isinstance(condition, re.Pattern):
        return condition
    if not _has_operators(condition):
        return {"$eq": _value(condition)}
    return {name: _OPERANDS.get(name, _value)(operand) for name, operand in condition.items()}


def _has_operators(condition: object) -> bool:
    return isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition)


def _negated(operand: Any) -> Any:
    return operand if isinstance(operand, re.Pattern) else _condition(operand)


def _list(operand: Any) -> list[Any]:
    return [one if isinstance(one, re.Pattern) else _value(one) for one in operand]


def _value(value: Any) -> Any:
    """Return a value as BSON holds it; numbers beyond 64 bits as decimals, which compare as they should."""
    if isinstance(value, bool | datetime):
        return value
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return Decimal128(str(value)) if len(str(abs(value))) <= _MOST_DIGITS else float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilterError(f"not valid Unicode in a filter: {value!r:.80}") from error
    return value


_OPERANDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$in": _list,
    "$nin": _list,
    "$not": _negated,
    "$exists": bool,
    "$regex": lambda operand: operand,
    "$options": lambda operand: operand,
}
