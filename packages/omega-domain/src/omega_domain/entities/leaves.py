"""Leaves: how a Python value that JSON has no word for is written in JSON's types, and read back.

:data:`LEAVES` has one entry a type. A dialect of JSON (filters, documents, tasks, cells of frames) names the types that
it knows, marks their content in its own style, and replaces an entry only where its stored form is another.
"""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from operator import methodcaller
from typing import Any, Final
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """How one type of value is written in JSON.

    Attributes:
        tag: name of the type in JSON; ``library.Type`` for the types of a library.
        type: the exact Python type.
        encode: value -> something of plain JSON types or of other leaves.
        decode: the reverse.
        holds_values: whether ``encode`` returns a list of values, each of which may need a leaf. The codec of tasks
            looks for leaves in all that ``encode`` returns.
    """

    tag: str
    type: type
    encode: Callable[[Any], Any]
    decode: Callable[[Any], Any]
    holds_values: bool = False


_TABLE = (
    Leaf(tag="int", type=int, encode=str, decode=int),  # those that a dialect finds too large for JSON
    Leaf(tag="float", type=float, encode=repr, decode=float),  # NaN and the infinities
    Leaf(tag="bytes", type=bytes, encode=lambda v: b64encode(v).decode(), decode=b64decode),
    Leaf(tag="datetime", type=datetime, encode=methodcaller("isoformat"), decode=datetime.fromisoformat),
    Leaf(tag="date", type=date, encode=date.isoformat, decode=date.fromisoformat),
    Leaf(tag="time", type=time, encode=time.isoformat, decode=time.fromisoformat),
    Leaf(
        tag="timedelta",
        type=timedelta,
        encode=lambda v: [v.days, v.seconds, v.microseconds],
        decode=lambda v: timedelta(*v),
    ),
    Leaf(tag="decimal", type=Decimal, encode=str, decode=Decimal),
    Leaf(tag="uuid", type=UUID, encode=str, decode=UUID),
    Leaf(tag="complex", type=complex, encode=lambda v: [v.real, v.imag], decode=lambda v: complex(v[0], v[1])),
    Leaf(tag="tuple", type=tuple, encode=list, decode=tuple, holds_values=True),
    Leaf(tag="set", type=set, encode=list, decode=set, holds_values=True),
    Leaf(tag="frozenset", type=frozenset, encode=list, decode=frozenset, holds_values=True),
    Leaf(tag="dict", type=dict, encode=lambda v: list(map(list, v.items())), decode=dict, holds_values=True),
)
LEAVES: Final[Mapping[type, Leaf]] = {leaf.type: leaf for leaf in _TABLE}

#: the types of JSON that hold no others
SIMPLE: Final = frozenset({str, int, float, bool, type(None)})
_INT64: Final = range(-(2**63), 2**63)


def leaves_of(*types: type) -> tuple[Leaf, ...]:
    """Return the leaves of these types."""
    return tuple(LEAVES[one] for one in types)


def is_plain(values: list[Any]) -> bool:
    """Tell whether each value is text, a whole number of 64 bits, a finite float, a bool or None.

    No value is visited by Python code. False may also be said of floats so large that their sum is infinite.
    """
    kinds = set(map(type, values))
    if not kinds <= SIMPLE:
        return False
    if float in kinds and not math.isfinite(sum(_of_type(float, values, kinds))):  # one NaN or infinity stays in a sum
        return False
    return int not in kinds or _are_int64(_of_type(int, values, kinds))


def written_as_is(values: list[Any]) -> list[Any] | None:
    """Return a copy of a list, or of a list of lists, that is plain; None if a value may need a leaf."""
    return _copied(values, is_plain)


def read_as_is(values: list[Any]) -> list[Any] | None:
    """Return a copy of a list, or of a list of lists, as JSON holds it, in which no leaf can be; None if one may be."""
    return _copied(values, _is_simple)


def _are_int64(numbers: list[int]) -> bool:
    return min(numbers) in _INT64 and max(numbers) in _INT64


def _of_type(kind: type, values: list[Any], kinds: set[type]) -> list[Any]:
    return values if len(kinds) == 1 else [value for value in values if type(value) is kind]


def _is_simple(values: list[Any]) -> bool:
    return set(map(type, values)) <= SIMPLE


def _copied(values: list[Any], fits: Callable[[list[Any]], bool]) -> list[Any] | None:
    """Copy one level or two. Deeper lists are met again row by row, so that no value is checked more than twice."""
    if not values or type(values[0]) is not list:
        return values[:] if fits(values) else None
    is_nested = set(map(type, values)) == {list} and fits(list(chain.from_iterable(values)))
    return [row[:] for row in values] if is_nested else None
