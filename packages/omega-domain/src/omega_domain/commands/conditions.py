"""Conditions: filters as they are written in one line, ``distance__gt=500``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from omega_domain.entities.query import Q, all_of
from omega_domain.errors import InvalidFilterError

_LISTS: Final = ("__in", "__nin", "__between")


def filter_of(conditions: Iterable[str], *, typed: bool) -> Q | None:
    """Return a filter from ``column__operator=value`` items, all of which must hold; None without any.

    Args:
        conditions: the items; ``in``, ``nin`` and ``between`` take values between commas, ``isnull`` true or false.
        typed: whether the filtered object has columns with types, to which the text of a value is converted.

    Raises:
        InvalidFilterError: an item is not of this form, or an operator does not take its value.
    """
    filters = [_condition(item, typed=typed) for item in conditions]
    return all_of(filters) if filters else None


def value_of(text: str) -> Any:
    """Return what the text means as JSON, or the text itself."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _condition(item: str, *, typed: bool) -> Q:
    key, equals, text = item.partition("=")
    if not equals or not key:
        raise InvalidFilterError(f"{item!r} is no condition: write column__operator=value, such as distance__gt=500")
    read = str if typed and not key.endswith("__isnull") else value_of
    return Q(**{key: [read(piece) for piece in text.split(",")] if key.endswith(_LISTS) else read(text)})
