"""What of a filter SQLite can answer: a condition that holds for every match, and for few others.

What it finds is checked again with :func:`omega_domain.documents.matches`, so a condition may be too wide, never too
narrow. A list in a document matches if one of its elements does, therefore every condition lets lists through.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from omega_domain.documents import clean, order
from omega_domain.documents.typed_json import FLOAT, TIME, dumps
from omega_domain.documents.values import fits_int64

TOKEN: Final = "_omega"  # noqa: S105 -- names the writer of a document
OTHER_TOKEN: Final = "\0"  # noqa: S105 -- stands for a token that is not text

HERE: Final = "collection = {number}"

_FIELD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_EXACT: Final = 2**53
_TINY: Final = 1e-290
_SLACK: Final = 1e-12  # SQLite may read a float from text with an error in its last digits

_Condition = tuple[str, tuple[Any, ...]]
_Branches = list[_Condition]


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A condition in SQL with its parameters.

    Attributes:
        sql: the condition, with ``{number}`` for that of the collection; empty if nothing is known.
        parameters: what its question marks stand for.
        ordered: whether an index yields what it finds in order of insertion.
        by_token: whether it relies on tokens being text.
    """

    sql: str = ""
    parameters: tuple[Any, ...] = ()
    ordered: bool = True
    by_token: bool = False


def narrow(filter: Mapping[str, Any] | None) -> Narrowing:
    """Return what SQLite can know of a filter that was checked before."""
    conditions = [found for key, value in (filter or {}).items() if (found := _narrow_item(key, value)) is not None]
    if not conditions:
        return Narrowing()
    return Narrowing(
        sql=" AND ".join(f"({condition.sql})" for condition in conditions),
        parameters=tuple(value for condition in conditions for value in condition.parameters),
        ordered=any(condition.ordered for condition in conditions),
        by_token=any(condition.by_token for condition in conditions),
    )


def column_of(field: str) -> str | None:
    """Return the SQL of a top-level field's value; None if the field can not be named in SQL."""
    return f"json_extract(body, '$.{field}')" if _FIELD.fullmatch(field) else None


def id_text(value: object) -> str:
    """Return the text under which an ``_id`` is kept: the same for what MongoDB takes as equal, else another."""
    return f"s{value}" if isinstance(value, str) else f"o{_canonical(order(value))!r}"


def token_text(document: Mapping[str, Any]) -> str | None:
    """Return what the column ``token`` keeps of a document."""
    token = document.get(TOKEN)
    return token if token is None or isinstance(token, str) else OTHER_TOKEN


def _narrow_item(key: str, condition: Any) -> Narrowing | None:
    if key in {"$and", "$or"}:
        return _narrow_branches(key, [narrow(part) for part in condition])
    if key == "_id":
        return _narrow_id(condition)
    if key == TOKEN and isinstance(condition, str) and condition != OTHER_TOKEN:
        return Narrowing("token = ?", (condition,), by_token=True)
    column = column_of(key)
    found = None if column is None else _narrow_field(column, condition)
    return None if found is None else Narrowing(*found, ordered=False)


def _narrow_branches(key: str, parts: list[Narrowing]) -> Narrowing | None:
    known = [part for part in parts if part.sql]
    if not known or (key == "$or" and len(known) < len(parts)):
        return None
    return Narrowing(
        sql=(" AND " if key == "$and" else " OR ").join(f"({part.sql})" for part in known),
        parameters=tuple(value for part in known for value in part.parameters),
        ordered=False,
        by_token=any(part.by_token for part in known),
    )


def _narrow_id(condition: Any) -> Narrowing | None:
    if isinstance(condition, re.Pattern):
        return None
    operators = _operators(condition)
    if "$eq" in operators:
        return Narrowing("id = ?", (id_text(operators["$eq"]),))
    if "$in" not in operators or any(isinstance(value, re.Pattern) for value in operators["$in"]):
        return None
    ids = json.dumps([id_text(value) for value in operators["$in"]])
    return Narrowing("id IN (SELECT value FROM json_each(?))", (ids,), ordered=False)


def _narrow_field(column: str, condition: Any) -> _Condition | None:
    """Return a condition of several branches, each of which an index can answer."""
    if isinstance(condition, re.Pattern):
        return None
    found = [
        known
        for name, operand in _operators(condition).items()
        if name in _OPERATORS and (known := _OPERATORS[name](column, operand)) is not None
    ]
    if not found:
        return None
    asked = (" AND ".join(sql for (sql, _), *_ in found), tuple(value for (_, values), *_ in found for value in values))
    lists = (f"{column} >= ? AND {column} < ?", ("[", "\\"))
    branches = [asked, *(other for _, *others in found for other in others), lists]
    # an index made for one collection is used by a branch that names the collection
    sql = " OR ".join(f"({HERE} AND {sql})" for sql, _ in branches)
    return sql, tuple(value for _, values in branches for value in values)


def _operators(condition: Any) -> Mapping[str, Any]:
    if isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition):
        return condition
    return {"$eq": condition}


def _equal(column: str, operand: Any) -> _Branches | None:
    if operand is None:
        return [(f"{column} IS NULL", ())]
    exact = _exact(operand)
    if exact is not None:
        return [(f"{column} = ?", (exact,))]
    if _is_number(operand) and _TINY < abs(operand) < math.inf:
        return [(f"{column} BETWEEN ? AND ?", (_below(operand), _above(operand)))]
    return None


def _at_least(column: str, operand: Any) -> _Branches | None:
    if _is_text(operand):
        return [(f"{column} >= ?", (operand,))]
    if _is_time(operand):
        return [(f"{column} >= ? AND {column} < ?", (_leaf(operand), _end(TIME)))]
    if _is_number(operand) and not math.isnan(operand):
        return [(f"{column} >= ? AND {column} < ''", (_below(operand),)), _infinite(column)]
    return None


def _at_most(column: str, operand: Any) -> _Branches | None:
    if _is_text(operand):
        return [(f"{column} <= ? AND {column} >= ''", (operand,))]
    if _is_time(operand):
        return [(f"{column} <= ? AND {column} >= ?", (_leaf(operand), _start(TIME)))]
    if _is_number(operand) and not math.isnan(operand):
        return [(f"{column} <= ?", (_above(operand),)), _infinite(column)]
    return None


def _one_of(column: str, operand: Any) -> _Branches | None:
    values = [None if value is None else _exact(value) for value in operand]
    if any(kept is None and given is not None for kept, given in zip(values, operand, strict=True)):
        return None
    found = (f"{column} IN (SELECT value FROM json_each(?))", (json.dumps(values),))  # noqa: S608 -- the column was checked
    return [found, (f"{column} IS NULL", ())] if None in values else [found]


def _infinite(column: str) -> _Condition:
    """Let infinities through, which are kept as text."""
    return f"{column} >= ? AND {column} < ?", (_start(FLOAT), _end(FLOAT))


_OPERATORS: Final[Mapping[str, Callable[[str, Any], _Branches | None]]] = {
    "$eq": _equal,
    "$gt": _at_least,
    "$gte": _at_least,
    "$lt": _at_most,
    "$lte": _at_most,
    "$in": _one_of,
}


def _exact(operand: Any) -> str | int | None:
    """Return what SQLite takes from a document for this value, if it does so without an error."""
    if isinstance(operand, bool):
        return int(operand)
    if _is_text(operand):
        return str(operand)
    if _is_number(operand):
        return int(operand) if abs(operand) < _EXACT and operand == int(operand) else None
    return _leaf(operand) if isinstance(operand, bytes) or _is_time(operand) else None


def _is_text(operand: object) -> bool:
    """Whether this is text that SQLite's JSON functions do not cut short."""
    return isinstance(operand, str) and "\0" not in operand


def _is_number(operand: object) -> bool:
    """Whether this is a number that fits a float; no document holds a greater one."""
    return isinstance(operand, float) or (
        isinstance(operand, int) and not isinstance(operand, bool) and fits_int64(operand)
    )


def _is_time(operand: object) -> bool:
    return isinstance(operand, datetime)


def _leaf(operand: object) -> str:
    return dumps(clean({"": operand})[""])


def _start(leaf: str) -> str:
    return f'{{"{leaf}'


def _end(leaf: str) -> str:
    return _start(leaf[:-1] + chr(ord(leaf[-1]) + 1))


def _below(operand: float) -> float:
    return operand - max(abs(operand), 1.0) * _SLACK if math.isfinite(operand) else operand


def _above(operand: float) -> float:
    return operand + max(abs(operand), 1.0) * _SLACK if math.isfinite(operand) else operand


def _canonical(key: Any) -> Any:
    """Make equal numbers look the same."""
    if isinstance(key, tuple):
        return tuple(_canonical(item) for item in key)
    return int(key) if isinstance(key, float) and key.is_integer() else key
