"""Filters: a tree of conditions on columns, written as ``Q(x__gt=5, y="a") & ~Q(z__isnull=True)``.

The tree is pure data. It can be evaluated on plain dicts here; stores and backends translate it into queries of their
own.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omega_domain.entities import filter_json
from omega_domain.entities.operators import OPERATORS, checked_value, holds
from omega_domain.errors import ColumnNotFoundError, InvalidFilterError

_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one column: ``column op value``.

    Raises:
        InvalidFilterError: the operator is unknown, does not take the value, or the column begins with ``$``.
    """

    column: Hashable
    op: str
    value: Any

    def __post_init__(self) -> None:
        if isinstance(self.column, str) and self.column.startswith("$"):
            raise InvalidFilterError(
                f"{self.column!r} can not be filtered by: names that begin with '$' are no columns"
            )
        object.__setattr__(self, "value", checked_value(self.column, self.op, self.value))


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms; true without any."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the terms; false without any."""

    terms: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Plain negation of the term: what the term does not match, nulls included."""

    term: Node


Node = Condition | And | Or | Not


@dataclass(frozen=True, slots=True, init=False, repr=False)
class Q:
    """A filter, built from conditions and combined by ``&``, ``|`` and ``~``. Immutable.

    Keywords are ``column__operator=value``, ``column=value`` means equal. What is behind the last ``__`` is taken for
    an operator only if it is one. Positional arguments are filters or triples ``("my col", "gt", 5)`` for names that
    are no Python identifiers. All of them must hold.

    Raises:
        InvalidFilterError: an operator does not take its value, or a column begins with ``$``.
    """

    root: Node

    def __init__(self, *conditions: Q | tuple[Hashable, str, Any], **kwargs: Any) -> None:
        terms = [_parse_positional(condition) for condition in conditions]
        terms += [_parse_keyword(key, value, None) for key, value in kwargs.items()]
        object.__setattr__(self, "root", terms[0] if len(terms) == 1 else And(tuple(terms)))

    @classmethod
    def of(cls, root: Node) -> Q:
        """Return the filter with this tree."""
        query = cls()
        object.__setattr__(query, "root", root)
        return query

    @classmethod
    def from_kwargs(cls, kwargs: Mapping[str, Any], *, columns: Collection[Hashable] | None = None) -> Q:
        """Build a filter from keywords; if the columns are known, each keyword must name one of them.

        Raises:
            InvalidFilterError: an operator is unknown or does not take its value.
            ColumnNotFoundError: there is no such column.
        """
        query = all_of(cls.of(_parse_keyword(key, value, columns)) for key, value in kwargs.items())
        if columns is not None:
            query.check_columns(columns)
        return query

    @classmethod
    def from_plain(cls, tree: Any) -> Q:
        """Rebuild from :meth:`to_plain`.

        Raises:
            InvalidFilterError: this is not what :meth:`to_plain` writes.
        """
        try:
            return cls.of(_node_from_plain(tree))
        except RecursionError as error:
            raise InvalidFilterError(
                "the filter is nested too deeply; combine its terms in one 'and' or 'or'"
            ) from error

    def to_plain(self) -> dict[str, Any]:
        """Return the tree in plain JSON types."""
        return _node_to_plain(self.root)

    def columns(self) -> set[Hashable]:
        """Return the columns that the filter reads."""
        return {condition.column for condition in _conditions(self.root)}

    def check_columns(self, columns: Collection[Hashable], *, of: str | None = None) -> None:
        """Do nothing if all columns of the filter exist.

        Args:
            columns: those that exist.
            of: name of the object that has them, for the message.

        Raises:
            ColumnNotFoundError: one does not; the message names the nearest.
            InvalidFilterError: one is an existing column with an unknown operator behind it.
        """
        for condition in _conditions(self.root):
            if condition.column not in columns:
                raise _unknown(condition, columns, of)

    def matches(self, row: Mapping[Any, Any]) -> bool:
        """Tell whether the filter holds for this dict; a missing key is a null."""
        return _matches(self.root, row)

    def __and__(self, other: Q) -> Q:
        if not isinstance(other, Q):
            return NotImplemented
        return Q.of(And(_terms(And, self.root) + _terms(And, other.root)))

    def __or__(self, other: Q) -> Q:
        if not isinstance(other, Q):
            return NotImplemented
        return Q.of(Or(_terms(Or, self.root) + _terms(Or, other.root)))

    def __invert__(self) -> Q:
        return Q.of(self.root.term if isinstance(self.root, Not) else Not(self.root))

    def __bool__(self) -> bool:
        """Refuse, because ``and``, ``or`` and ``not`` would drop conditions silently."""
        raise TypeError("filters are combined by & | ~, not by 'and', 'or', 'not'")

    def __repr__(self) -> str:
        return _show(self.root)


def all_of(queries: Iterable[Q]) -> Q:
    """Return the filter that holds where all of these hold; everywhere if there are none."""
    terms = tuple(term for query in queries for term in _terms(And, query.root))
    return Q.of(terms[0] if len(terms) == 1 else And(terms))


def column_not_found(column: Hashable, columns: Iterable[Hashable], *, of: str | None = None) -> ColumnNotFoundError:
    """Return the error for an unknown column of an object.

    The message names the object, if it is given, and the nearest columns, and lists those that exist.
    """
    names = [str(name) for name in columns]
    nearest = difflib.get_close_matches(str(column), names, n=3)
    hint = f"did you mean {' or '.join(map(repr, nearest))}? " if nearest else ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    where = "" if of is None else f" in {of!r}"
    there = f"{', '.join(names[:_SHOWN]) or 'none'}{more}"
    return ColumnNotFoundError(f"no column {column!r}{where}; {hint}there are: {there}")


def _parse_positional(condition: Any) -> Node:
    if isinstance(condition, Q):
        return condition.root
    if isinstance(condition, tuple) and len(condition) == len(Condition.__slots__):
        return Condition(*condition)
    raise InvalidFilterError(f"a condition is a triple (column, operator, value) or a Q, not {condition!r}")


def _parse_keyword(key: str, value: Any, columns: Collection[Hashable] | None) -> Condition:
    column, separator, op = key.rpartition("__")
    if not (separator and column) or op not in OPERATORS:
        return Condition(key, "eq", value)
    if columns is not None and key in columns and column not in columns:
        return Condition(key, "eq", value)
    return Condition(column, op, value)


def _unknown(
    condition: Condition, columns: Collection[Hashable], of: str | None
) -> ColumnNotFoundError | InvalidFilterError:
    column, _, op = str(condition.column).rpartition("__")
    if column in columns:
        where = "" if of is None else f" of {of!r}"
        there = ", ".join(OPERATORS)
        return InvalidFilterError(f"unknown operator {op!r} on column {column!r}{where}; there are: {there}")
    return column_not_found(condition.column, columns, of=of)


def _conditions(node: Node) -> Iterable[Condition]:
    match node:
        case Condition():
            yield node
        case Not(term):
            yield from _conditions(term)
        case _:
            for term in node.terms:
                yield from _conditions(term)


def _terms(kind: type[And | Or], node: Node) -> tuple[Node, ...]:
    """Flatten, so that a long chain of conditions is a wide tree and not a deep one."""
    return node.terms if isinstance(node, kind) else (node,)


def _matches(node: Node, row: Mapping[Any, Any]) -> bool:
    match node:
        case Condition(column, op, value):
            return holds(op, row.get(column), value)
        case Not(term):
            return not _matches(term, row)
        case And(terms):
            return all(_matches(term, row) for term in terms)
    return any(_matches(term, row) for term in node.terms)


def _node_to_plain(node: Node) -> dict[str, Any]:
    match node:
        case Condition(column, op, value):
            return {"column": filter_json.to_plain(column), "op": op, "value": filter_json.to_plain(value)}
        case Not(term):
            return {"not": _node_to_plain(term)}
        case And(terms):
            return {"and": [_node_to_plain(term) for term in terms]}
    return {"or": [_node_to_plain(term) for term in node.terms]}


def _node_from_plain(tree: Any) -> Node:
    match tree:
        case {"column": column, "op": str(op), "value": value}:
            return Condition(filter_json.from_plain(column), op, filter_json.from_plain(value))
        case {"not": term}:
            return Not(_node_from_plain(term))
        case {"and": [*terms]}:
            return And(tuple(_node_from_plain(term) for term in terms))
        case {"or": [*terms]}:
            return Or(tuple(_node_from_plain(term) for term in terms))
    raise InvalidFilterError(f"this is not a filter: {tree!r}")


def _show(node: Node) -> str:
    match node:
        case Condition(column, op, value):
            keyword = str(column) if op == "eq" else f"{column}__{op}"
            by_keyword = keyword.isidentifier() and _parse_keyword(keyword, value, None) == node
            return f"Q({keyword}={value!r})" if by_keyword else f"Q(({column!r}, {op!r}, {value!r}))"
        case Not(term):
            return f"~{_show_nested(term)}"
        case And(terms):
            return " & ".join(_show_nested(term) for term in terms) or "Q()"
    return " | ".join(_show_nested(term) for term in node.terms) or "~Q()"


def _show_nested(node: Node) -> str:
    text = _show(node)
    return f"({text})" if isinstance(node, And | Or) and node.terms else text
