"""From filters to what a collection is asked for: everything that matches, and as little else as possible.

Who asks filters again what was found, so a condition may find too much, never too little. Text is taken literally, and
nothing comes out but operators that every collection knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from omega_domain.entities.query import And, Condition, Node, Not, Q

Filter = Mapping[str, Any]
Translate = Callable[[Condition], "tuple[Filter, bool] | None"]
"""Returns the filter for a condition, and whether it finds exactly what matches; None if it can not be asked for."""

_CONDITIONS: Final[Mapping[str, Callable[[Any], Filter]]] = {
    "eq": lambda value: {"$eq": value},
    "ne": lambda value: {"$ne": value},
    "lt": lambda value: {"$lt": value},
    "lte": lambda value: {"$lte": value},
    "gt": lambda value: {"$gt": value},
    "gte": lambda value: {"$gte": value},
    "in": lambda value: {"$in": list(value)},
    "nin": lambda value: {"$nin": list(value)},
    "between": lambda value: {"$gte": value[0], "$lte": value[1]},
    "isnull": lambda value: {"$eq" if value else "$ne": None},
    "exists": lambda value: {"$exists": bool(value)},
}
_TEXT: Final[Mapping[str, str]] = {"contains": "{}", "startswith": "^{}"}
_MANY: Final = frozenset({"in", "nin", "between"})
_NOTHING: Final[Filter] = {"_id": {"$in": []}}


def narrowed(query: Q, translate: Translate) -> Filter:
    """Return a filter that finds all documents which match the query, and perhaps others; empty if nothing is known."""
    found = _narrow(query.root, translate)
    return found[0] if found is not None else {}


def condition_on(field: str, op: str, value: Any) -> Filter | None:
    """Return the filter for a condition on a field; None if it can not be asked for.

    Args:
        field: path of the field.
        op: operator of a filter, or ``exists``.
        value: as documents hold it; for ``in``, ``nin`` and ``between`` a sequence of such.
    """
    if "\0" in field or field.startswith("$") or not all(map(_is_storable, value if op in _MANY else [value])):
        return None
    if op in _TEXT:
        return None if "\0" in value else {field: {"$regex": _TEXT[op].format(re.escape(value))}}
    make = _CONDITIONS.get(op)
    return None if make is None else {field: make(value)}


def both(filters: Sequence[Filter]) -> dict[str, Any]:
    """Return one filter for all of these; conditions on the same field stand side by side, as an index needs them."""
    merged: dict[str, Any] = {}
    rest: list[Filter] = []
    for wanted in filters:
        if any(not _fits(merged.get(field), condition) for field, condition in wanted.items()):
            rest.append(wanted)
            continue
        for field, condition in wanted.items():
            merged[field] = {**merged[field], **condition} if field in merged else condition
    return {"$and": [*([merged] if merged else []), *rest]} if rest else merged


def _is_storable(value: Any) -> bool:
    """Tell whether documents can hold a value: text with half of a surrogate pair has no form in UTF-8."""
    return not isinstance(value, str) or not any("\ud800" <= sign <= "\udfff" for sign in value)


def _fits(present: Any, added: Any) -> bool:
    """Tell whether conditions on the same field can stand side by side: each operator once."""
    if present is None:
        return True
    return isinstance(present, Mapping) and isinstance(added, Mapping) and not (set(present) & set(added))


def _narrow(node: Node, translate: Translate) -> tuple[Filter, bool] | None:
    match node:
        case Condition():
            return translate(node)
        case Not(term):
            found = _narrow(term, translate)
            return ({"$nor": [found[0]]}, True) if found is not None and found[1] else None
        case And(terms):
            return _narrow_all(terms, translate)
    return _narrow_any(node.terms, translate)


def _narrow_all(terms: tuple[Node, ...], translate: Translate) -> tuple[Filter, bool] | None:
    every = [_narrow(term, translate) for term in terms]
    known = [found for found in every if found is not None]
    if not known:
        return None
    is_exact = len(known) == len(every) and all(exact for _, exact in known)
    return both([wanted for wanted, _ in known]), is_exact


def _narrow_any(terms: tuple[Node, ...], translate: Translate) -> tuple[Filter, bool] | None:
    known = [found for term in terms if (found := _narrow(term, translate)) is not None]
    if len(known) < len(terms):
        return None
    return ({"$or": [wanted for wanted, _ in known]} if known else _NOTHING), all(exact for _, exact in known)
