"""Filters on frames: made fit for the columns of a stored frame, and evaluated as pandas would."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd

from omega_backends.frames.cells import cell_from_plain
from omega_backends.frames.dtypes import DtypeSpec, content, describe, dtype_from_plain, family, numpy_dtype
from omega_backends.frames.index import Field
from omega_backends.frames.labels import find
from omega_backends.frames.schema import FrameSchema
from omega_backends.frames.values import arrow_equivalent, fit_value
from omega_domain.entities.operators import ORDER_OPERATORS, TEXT_OPERATORS, holds, is_null
from omega_domain.entities.query import And, Condition, Node, Not, Or, Q
from omega_domain.errors import InvalidFilterError

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Column = Any  # a pandas.Series of any dtype

_COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
_FROM_TEXT: Mapping[type, Callable[[str], Any]] = {
    date: date.fromisoformat,
    datetime: datetime.fromisoformat,
    time: time.fromisoformat,
    Decimal: Decimal,
}


def bind(query: Q, schema: FrameSchema, *, of: str | None = None) -> Q:
    """Return the filter with columns named as in Parquet and values fit for their dtypes.

    Columns of the frame come first, then named levels of its index.

    Args:
        query: the filter.
        schema: the frame's.
        of: name of the object, for messages.

    Raises:
        ColumnNotFoundError: there is no such column.
        InvalidFilterError: an operator or value does not fit the column.
    """
    return Q.of(_bind(query.root, schema, of))


def evaluate(query: Q, columns: Mapping[str, Column], length: int) -> Mask:
    """Return for each row whether the bound filter holds.

    Args:
        query: as :func:`bind` returned it.
        columns: the columns it reads, as series of this length, by their names in Parquet.
        length: how many rows.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # numbers beyond a cell's type are just not equal to it
        return _evaluate(query.root, columns, length)


def _bind(node: Node, schema: FrameSchema, of: str | None) -> Node:
    match node:
        case Condition():
            return _bind_condition(node, schema, of)
        case Not(term):
            return Not(_bind(term, schema, of))
        case And(terms):
            return And(tuple(_bind(term, schema, of) for term in terms))
    return Or(tuple(_bind(term, schema, of) for term in node.terms))


def _bind_condition(condition: Condition, schema: FrameSchema, of: str | None) -> Condition:
    field = _field(condition, schema, of)
    _check_operator(condition, field.dtype)
    if condition.op in TEXT_OPERATORS or condition.op == "isnull":
        return replace(condition, column=field.name)
    values = condition.value if condition.op in {"in", "nin", "between"} else [condition.value]
    fit = [_fit(condition, one, field.dtype) for one in values]
    return Condition(field.name, condition.op, fit if condition.op in {"in", "nin", "between"} else fit[0])


def _field(condition: Condition, schema: FrameSchema, of: str | None) -> Field:
    labels = schema.column_labels
    places = find(condition.column, labels)
    if len(places) > 1:
        raise InvalidFilterError(
            f"{len(places)} columns are called {condition.column!r}; name one of them: "
            f"{', '.join(repr(labels[place]) for place in places)}"
        )
    if places:
        return schema.fields[places[0]]
    names = [cell_from_plain(name) for name in schema.index.names]
    for name, level in zip(names, schema.index.levels, strict=False):
        if name is not None and name == condition.column:
            return level
    Q((condition.column, condition.op, condition.value)).check_columns([*labels, *filter(None, names)], of=of)
    raise InvalidFilterError(
        f"{condition.column!r} is the name of a RangeIndex, which is not kept row by row; use rows=(start, end)"
    )


def _check_operator(condition: Condition, spec: DtypeSpec) -> None:
    op, kind = condition.op, describe(spec)
    if op in TEXT_OPERATORS and not _is_text(spec):
        raise InvalidFilterError(
            f"{op!r} needs text, and column {condition.column!r} is {kind}; use eq, lt, between, …"
        )
    if op in ORDER_OPERATORS and not _is_ordered(spec):
        raise InvalidFilterError(
            f"{op!r} needs an order, and column {condition.column!r} is {kind} without one; use eq or in"
        )


def _is_text(spec: DtypeSpec) -> bool:
    if family(spec) == "category":
        return _is_text(content(spec)["of"])
    if family(spec) == "arrow":
        plain = arrow_equivalent(dtype_from_plain(spec).pyarrow_dtype)
        return plain is not None and family(plain) == "string"
    return spec == "object" or family(spec) == "string"


def _holds_cells(spec: DtypeSpec) -> bool:
    return _holds_cells(content(spec)["of"]) if family(spec) == "category" else spec == "object"


def _is_ordered(spec: DtypeSpec) -> bool:
    if family(spec) == "category":
        return bool(content(spec)["ordered"])
    return family(spec) != "interval" and not (isinstance(spec, str) and numpy_dtype(spec).kind == "c")


def _fit(condition: Condition, value: Any, spec: DtypeSpec) -> Any:
    try:
        fit = fit_value(value, spec)
        if isinstance(fit, str) and not _holds_cells(spec):
            fit.encode()  # a column of text is UTF-8, which half of a surrogate pair is not
    except (TypeError, ValueError, OverflowError, ArithmeticError) as error:
        why = f": {error}" if str(error) else ""
        raise InvalidFilterError(
            f"column {condition.column!r} is {describe(spec)} and can not be compared with {value!r} "
            f"of type {type(value).__name__}{why}"
        ) from error
    return fit


def _evaluate(node: Node, columns: Mapping[str, Column], length: int) -> Mask:
    match node:
        case Condition(column, op, value):
            return _test(columns[str(column)], op, value)
        case Not(term):
            return ~_evaluate(term, columns, length)
        case And(terms):
            return reduce(np.logical_and, (_evaluate(term, columns, length) for term in terms), np.ones(length, bool))
    return reduce(np.logical_or, (_evaluate(term, columns, length) for term in node.terms), np.zeros(length, bool))


def _test(column: Column, op: str, value: Any) -> Mask:
    if isinstance(column.dtype, pd.SparseDtype):
        column = column.sparse.to_dense()
    if op in {"ne", "nin"}:
        return ~_test(column, "eq" if op == "ne" else "in", value)
    if op == "isnull":
        nulls = _flags(column.isna())
        return nulls if value else ~nulls
    if column.dtype == object:
        return _test_cells(column, op, value)
    return _TESTS.get(op, _test_order)(column, op, value)


def _test_order(column: Column, op: str, value: Any) -> Mask:
    return _compare(column, op, value)


def _test_between(column: Column, _: str, value: tuple[Any, Any]) -> Mask:
    return _compare(column, "gte", value[0]) & _compare(column, "lte", value[1])


def _compare(column: Column, op: str, value: Any) -> Mask:
    if is_null(value):
        return np.zeros(len(column), dtype=bool)
    if isinstance(column.dtype, pd.CategoricalDtype) and op != "eq" and value not in column.cat.categories:
        raise InvalidFilterError(
            f"{value!r} is none of the categories: {', '.join(map(str, column.cat.categories[:20]))}"
        )
    return _flags(_COMPARE[op](column, value))


def _test_in(column: Column, _: str, values: tuple[Any, ...]) -> Mask:
    present = [one for one in values if not is_null(one)]
    found = _flags(column.isna()) if len(present) < len(values) else np.zeros(len(column), dtype=bool)
    if _takes_isin(column.dtype, present):
        return found | _flags(column.isin(present))
    return reduce(np.logical_or, (_compare(column, "eq", one) for one in present), found)


def _takes_isin(dtype: Any, values: list[Any]) -> bool:
    """Whether isin means equal to one of them; not so where pandas converts the values first, such as to one unit."""
    if isinstance(dtype, pd.StringDtype):
        return True
    kind = getattr(dtype, "kind", "")
    limits = np.iinfo(dtype) if isinstance(dtype, np.dtype) and kind in "iu" else None
    return limits is not None and all(isinstance(one, int) and limits.min <= one <= limits.max for one in values)


def _test_text(column: Column, op: str, value: str) -> Mask:
    """Test each distinct text once."""
    codes, distinct = pd.factorize(column)
    found = np.array([*(holds(op, text, value) for text in distinct), False], dtype=bool)
    return np.asarray(found[codes])


def _test_cells(column: Column, op: str, value: Any) -> Mask:
    cells = column.tolist()
    if op not in TEXT_OPERATORS:
        value = _as_cells(value, cells)
    return np.fromiter((holds(op, cell, value) for cell in cells), dtype=bool, count=len(cells))


def _as_cells(value: Any, cells: list[Any]) -> Any:
    """Read text as what the cells are, where all of them are dates, times or decimals."""
    types = {type(cell) for cell in cells if not is_null(cell)}
    read = _FROM_TEXT.get(next(iter(types))) if len(types) == 1 else None
    if read is None:
        return value
    if isinstance(value, tuple):
        return tuple(_as_cells(one, cells) for one in value)
    try:
        return read(value) if isinstance(value, str) else value
    except (ValueError, ArithmeticError) as error:
        raise InvalidFilterError(f"{value!r} does not read as a {next(iter(types)).__name__}") from error


def _flags(result: Any) -> Mask:
    """Return a result of pandas as plain booleans; what is neither true nor false is false."""
    if isinstance(result.dtype, np.dtype):
        return np.asarray(result, dtype=bool)
    return np.asarray(result.array.to_numpy(dtype=bool, na_value=False))


_TESTS: Mapping[str, Callable[[Column, str, Any], Mask]] = {
    "in": _test_in,
    "between": _test_between,
    **dict.fromkeys(TEXT_OPERATORS, _test_text),
}
