"""The values of documents: what may be in them, when two are the same, and how they are ordered.

Order and equality are those of https://www.mongodb.com/docs/manual/reference/bson-type-comparison-order/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from omega_domain.errors import InvalidFilterError, UnsupportedObjectError

Document = dict[str, Any]
Key = tuple[Any, ...]
_Path = tuple[str, ...]

MAX_DEPTH: Final = 100
MISSING: Final = object()
#: Types whose values are kept as they are, whatever they are; so is text of ASCII. Most values are such, and are seen
#: to be so in place: a path for messages and a call for each would take most of the time.
PLAIN: Final = frozenset({type(None), bool, float})


def clean(document: Mapping[str, Any]) -> Document:
    """Return a copy of the document as a store keeps it: times in UTC with milliseconds, tuples as lists.

    Raises:
        UnsupportedObjectError: a value can not be kept; the message names its path.
    """
    if not isinstance(cast("object", document), Mapping):
        raise UnsupportedObjectError(f"a document is a dict, not {type(document).__name__}")
    copy = _clean_mapping(document, ())
    if isinstance(copy.get("_id"), list):
        raise UnsupportedObjectError("the '_id' of a document can not be a list: use a string")
    return copy


def identical(first: object, second: object) -> bool:
    """Whether two cleaned values are the same in value, type and order of keys."""
    if type(first) is not type(second):
        return False
    if isinstance(first, dict) and isinstance(second, dict):
        return list(first) == list(second) and all(identical(first[key], second[key]) for key in first)
    if isinstance(first, list) and isinstance(second, list):
        return len(first) == len(second) and all(map(identical, first, second))
    return repr(first) == repr(second) if isinstance(first, float) else first == second


def fits_int64(value: int) -> bool:
    """Whether a document can hold this whole number."""
    return -(2**63) <= value < 2**63


def order(value: object) -> Key:
    """Return a hashable key that sorts and compares values as MongoDB does, across types.

    Numbers compare by value whatever their type, ``True`` is not 1, NaN is the least number and equals itself.

    Raises:
        InvalidFilterError: the value is none that a document can hold.
    """
    make: Callable[[object], Key] = _pick(_ORDERS, value)
    return make(value)


def _order_number(value: float) -> Key:
    return (2, 0, 0) if value != value else (2, 1, value)  # noqa: PLR0124 -- true for NaN only


def _order_mapping(value: Mapping[str, Any]) -> Key:
    items = [(str(key), order(item)) for key, item in value.items()]
    return (4, tuple((key[0], name, key) for name, key in items))


def _order_time(value: datetime) -> Key:
    if value.tzinfo is None:
        raise InvalidFilterError(f"times in documents have a time zone, this one has none: {value!r}")
    return (9, _utc(value))


_ORDERS: Final[Mapping[type, Callable[[Any], Key]]] = {
    type(None): lambda _: (1,),
    bool: lambda value: (8, value),
    int: _order_number,
    float: _order_number,
    str: lambda value: (3, str(value)),
    bytes: lambda value: (6, len(value), value),
    dict: _order_mapping,
    list: lambda value: (5, tuple(order(item) for item in value)),
    datetime: _order_time,
    tuple: lambda value: (5, tuple(order(item) for item in value)),
    Mapping: _order_mapping,
    type(MISSING): lambda value: (1,) if value is MISSING else _refuse_order(value),
}


def _refuse_order(value: object) -> Key:
    raise InvalidFilterError(f"a document can not be compared with {type(value).__name__}: {value!r}")


def _clean(value: Any, path: _Path) -> Any:
    return _pick(_CLEANERS, value)(value, path)


def _clean_mapping(value: Mapping[str, Any], path: _Path) -> Document:
    _check_depth(path)
    return {
        name if type(name) is str and name.isascii() and "\0" not in name else _clean_name(name, path): (
            item if type(item) in PLAIN or (type(item) is str and item.isascii()) else _clean(item, (*path, name))
        )
        for name, item in value.items()
    }


def _clean_list(value: list[Any] | tuple[Any, ...], path: _Path) -> list[Any]:
    _check_depth(path)
    return [
        item if type(item) in PLAIN or (type(item) is str and item.isascii()) else _clean(item, (*path, str(index)))
        for index, item in enumerate(value)
    ]


def _clean_name(name: object, path: _Path) -> str:
    if not isinstance(name, str) or "\0" in name:
        raise UnsupportedObjectError(f"a document names its fields by text without NUL, not {name!r}{_at(path)}")
    return _clean_text(name, path)


def _clean_text(value: str, path: _Path) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise UnsupportedObjectError(f"not valid Unicode{_at(path)}: {value!r:.80}") from error
    return str(value)


def _clean_int(value: int, path: _Path) -> int:
    if not fits_int64(value):
        raise UnsupportedObjectError(f"a whole number in a document has 64 bits, not more{_at(path)}: {value}")
    return int(value)


def _clean_time(value: datetime, path: _Path) -> datetime:
    if value.tzinfo is None:
        raise UnsupportedObjectError(f"a time in a document has a time zone{_at(path)}: {value!r} has none")
    return _utc(value)


def _refuse(value: object, path: _Path) -> Any:
    raise UnsupportedObjectError(f"a document can not hold {type(value).__name__}{_at(path)}: {value!r:.80}")


_CLEANERS: Final[Mapping[type, Callable[[Any, _Path], Any]]] = {
    type(None): lambda value, _: value,
    bool: lambda value, _: value,
    int: _clean_int,
    float: lambda value, _: float(value),
    str: _clean_text,
    bytes: lambda value, _: bytes(value),
    dict: _clean_mapping,
    list: _clean_list,
    datetime: _clean_time,
    tuple: _clean_list,
    Mapping: _clean_mapping,
    object: _refuse,
}


def _pick(functions: Mapping[type, Any], value: object) -> Any:
    """Return what is meant for the type of the value, or else for the first type that the value is an instance of."""
    exact = functions.get(type(value))
    return exact or next(function for known, function in functions.items() if isinstance(value, known))


def _check_depth(path: _Path) -> None:
    if len(path) >= MAX_DEPTH:
        raise UnsupportedObjectError(f"a document can not be nested deeper than {MAX_DEPTH} levels")


def _utc(value: datetime) -> datetime:
    if value.tzinfo is UTC and not value.microsecond % 1000 and not value.fold and type(value) is datetime:
        return value
    utc = value.astimezone(UTC)
    return utc.replace(microsecond=utc.microsecond // 1000 * 1000, fold=0)


def _at(path: _Path) -> str:
    return f" at {'.'.join(path)!r}" if path else ""
