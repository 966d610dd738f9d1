"""Filters on log records, as far as the store can answer them; what it finds is looked at again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from omega_domain.documents import condition_on, narrowed
from omega_domain.entities.operators import TEXT_OPERATORS
from omega_domain.entities.query import And, Condition, Node, Not, Or, Q, all_of
from omega_domain.errors import InvalidFilterError, UnsupportedOptionError
from omega_domain.logbook.records import FIELDS, level_of
from omega_domain.ports.store import Document, Filter

_MANY: Final = frozenset({"in", "nin", "between"})
#: What to ask for about times, of which the store keeps milliseconds; nothing is known of what is not here.
_FLOORED: Final[Mapping[str, str]] = {
    "eq": "eq",
    "in": "in",
    "lt": "lte",
    "lte": "lte",
    "gt": "gte",
    "gte": "gte",
    "between": "between",
}


class LogFilter:
    """A filter on the fields of records.

    Args:
        conditions: filters, all of which must hold.
        named: the same by keyword, such as ``level="ERROR"``, ``message__contains="disk"``.

    Attributes:
        filter: finds every record that matches, and perhaps others.

    Raises:
        ColumnNotFoundError: a record has no such field.
        InvalidFilterError: an operator does not take its value.
    """

    def __init__(self, *conditions: Q, **named: Any) -> None:
        query = all_of([*conditions, Q.from_kwargs(named, columns=FIELDS)])
        query.check_columns(FIELDS)
        self._query = Q.of(_bind(query.root))
        self.filter: Filter = narrowed(self._query, _translate)

    def matches(self, document: Document) -> bool:
        """Tell whether the filter holds for a record as the store keeps it."""
        return self._query.matches(document)


def moment(value: object) -> datetime:
    """Return a time with its zone, which is UTC if there is none; from text, too.

    Raises:
        InvalidFilterError: it is no time.
    """
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidFilterError(f"{value!r} is no time; write it like '2030-01-31 12:00'") from error
    if not isinstance(value, datetime):
        raise InvalidFilterError(f"{value!r} is no time; give a datetime, or text like '2030-01-31 12:00'")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def floored(time: datetime) -> datetime:
    """Return a time as the store keeps it, to the millisecond."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def _bind(node: Node) -> Node:
    match node:
        case Condition():
            return _bind_condition(node)
        case Not(term):
            return Not(_bind(term))
        case And(terms):
            return And(tuple(map(_bind, terms)))
    return Or(tuple(map(_bind, node.terms)))


def _bind_condition(condition: Condition) -> Condition:
    """Compare levels by their rank, whatever they are called, and times with times."""
    if condition.column == "time" and condition.op in TEXT_OPERATORS:
        raise InvalidFilterError(f"{condition.op!r} needs text, and 'time' is a time; use gte, lt, between, …")
    if condition.op in TEXT_OPERATORS or condition.op == "isnull":
        return condition
    if condition.column == "level":
        return replace(condition, column="levelno", value=_each(condition, _rank))
    return replace(condition, value=_each(condition, moment)) if condition.column == "time" else condition


def _each(condition: Condition, convert: Callable[[object], Any]) -> Any:
    """Return the value of a condition, or each of its values, converted."""
    if condition.op in _MANY:
        return tuple(convert(value) for value in condition.value)
    return convert(condition.value)


def _rank(value: object) -> int:
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return level_of(value)
        except UnsupportedOptionError as error:
            raise InvalidFilterError(str(error)) from error
    raise InvalidFilterError(f"{value!r} is no level of logging; levels have names, such as 'ERROR'")


def _translate(condition: Condition) -> tuple[Filter, bool] | None:
    field, op, value = str(condition.column), condition.op, condition.value
    if field != "time":
        found = condition_on(field, op, value)
        return None if found is None else (found, True)
    if op not in _FLOORED:
        return None
    times = [floored(one) for one in (value if op in _MANY else [value])]
    found = condition_on(field, _FLOORED[op], times if op in _MANY else times[0])
    return None if found is None else (found, False)
