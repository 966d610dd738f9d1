"""Pruning: telling from statistics alone that no row of a segment or row group can match a filter.

Statistics hold values as Parquet does: times as numbers of their unit, categories by their text, NaN as null.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd

from omega_backends.frames.arrays import category_texts
from omega_backends.frames.dtypes import DtypeSpec, content, dtype_from_plain, family
from omega_backends.frames.index import Field
from omega_backends.frames.parquet import ColumnStatistics
from omega_backends.frames.segments import Categories
from omega_domain.entities.operators import is_null
from omega_domain.entities.query import And, Condition, Node, Not, Q

Statistics = Mapping[str, ColumnStatistics]

UNKNOWN = ColumnStatistics(None)

_MAX_TEXT = 64
_NANOSECONDS = {"s": 1_000_000_000, "ms": 1_000_000, "us": 1_000, "ns": 1}
_OPPOSITE = {"eq": "ne", "ne": "eq", "in": "nin", "nin": "in"}
_COMPLEMENT = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}


def usable(found: ColumnStatistics, spec: DtypeSpec) -> ColumnStatistics:
    """Return what of the statistics of a column can be relied on, in plain JSON types."""
    kind = _kind(spec)
    if kind is None:
        return UNKNOWN
    nulls = None if kind == "f" and not isinstance(spec, str) else found.nulls  # NaN beside nulls is not counted
    low, high = _plain(found.low, kind), _plain(found.high, kind)
    return ColumnStatistics(nulls, low, high)


def merged(every: list[ColumnStatistics]) -> ColumnStatistics:
    """Return the statistics of several row groups together."""
    nulls = [one.nulls for one in every]
    lows, highs = [one.low for one in every], [one.high for one in every]
    return ColumnStatistics(
        None if None in nulls else sum(count or 0 for count in nulls),
        None if None in lows else min(lows, default=None),
        None if None in highs else max(highs, default=None),
    )


class Pruner:
    """Judges segments and row groups by their statistics.

    Args:
        query: a filter as :func:`omega_backends.frames.filter.bind` returned it.
        fields: the columns as they are written.
        categories: of categorical columns.
    """

    def __init__(self, query: Q, fields: tuple[Field, ...], categories: Categories) -> None:
        self.query = query
        self._dtypes = {field.name: field.dtype for field in fields}
        self._categories = categories

    def may_match(self, statistics: Statistics, rows: int) -> bool:
        """Tell whether a row may match; False only if none can."""
        return rows > 0 and self._may(self.query.root, statistics, rows)

    def _may(self, node: Node, statistics: Statistics, rows: int) -> bool:
        if isinstance(node, Condition):
            return self._may_hold(node, statistics, rows)
        if isinstance(node, Not):
            return self._may_fail(node.term, statistics, rows)
        judge = all if isinstance(node, And) else any
        return judge(self._may(term, statistics, rows) for term in node.terms)

    def _may_fail(self, node: Node, statistics: Statistics, rows: int) -> bool:
        if isinstance(node, Condition):
            return self._condition_may_fail(node, statistics, rows)
        if isinstance(node, Not):
            return self._may(node.term, statistics, rows)
        judge = any if isinstance(node, And) else all
        return judge(self._may_fail(term, statistics, rows) for term in node.terms)

    def _may_hold(self, condition: Condition, statistics: Statistics, rows: int) -> bool:
        found = statistics.get(str(condition.column), UNKNOWN)
        op, value = condition.op, condition.value
        if op == "isnull":
            return found.nulls != (0 if value else rows)
        if op in {"ne", "nin"}:
            return self._may_differ(condition, found)
        if found.nulls == rows:
            return op == "in" and any(is_null(one) for one in value)
        if op == "in":
            return any(self._may_equal(condition, one, found) for one in value)
        try:
            return self._within(condition, found)
        except TypeError:  # a value of another kind than the statistics
            return True

    def _condition_may_fail(self, condition: Condition, statistics: Statistics, rows: int) -> bool:
        op, value = condition.op, condition.value
        column = condition.column
        if op == "isnull":
            return self._may_hold(Condition(column, op, not value), statistics, rows)
        if op in _OPPOSITE:
            return self._may_hold(Condition(column, _OPPOSITE[op], value), statistics, rows)
        if statistics.get(str(column), UNKNOWN).nulls != 0:
            return True
        if op in _COMPLEMENT and not is_null(value):
            return self._may_hold(Condition(column, _COMPLEMENT[op], value), statistics, rows)
        return True

    def _may_equal(self, condition: Condition, value: Any, found: ColumnStatistics) -> bool:
        if is_null(value):
            return found.nulls != 0
        try:
            return self._within(Condition(condition.column, "eq", value), found)
        except TypeError:
            return True

    def _may_differ(self, condition: Condition, found: ColumnStatistics) -> bool:
        """Whether a row may be none of the values: not if all rows are one and the same of them."""
        values = condition.value if condition.op == "nin" else (condition.value,)
        if found.nulls != 0 or found.low is None or found.low != found.high:
            return True
        keys = [self._key(condition.column, value) for value in values if not is_null(value)]
        return all(key is None or key != found.low for key in keys)

    def _within(self, condition: Condition, found: ColumnStatistics) -> bool:
        op = condition.op
        if op == "startswith":
            return _may_start(condition.value, found) if self._kind(condition.column) == "text" else True
        if op not in {"eq", "lt", "lte", "gt", "gte", "between"}:
            return True
        bounds = condition.value if op == "between" else (condition.value, condition.value)
        if any(is_null(bound) for bound in bounds):
            return False
        if self._kind(condition.column) == "category":
            return op != "eq" or self._may_be_category(condition, found)  # categories are ordered by place, not by text
        low, high = (self._key(condition.column, bound) for bound in bounds)
        return _may_reach(op, low, high, found)

    def _may_be_category(self, condition: Condition, found: ColumnStatistics) -> bool:
        text = self._key(condition.column, condition.value)
        return text is not None and _may_reach("eq", text, text, found)

    def _kind(self, column: Any) -> str | None:
        return _kind(self._dtypes[str(column)])

    def _key(self, column: Any, value: Any) -> Any:
        """Return the value as the statistics hold it; None if that is not known, or no category."""
        spec, kind = self._dtypes[str(column)], self._kind(column)
        if kind in {"M", "m"}:
            return _time_key(value, _unit(spec))
        if kind == "category":
            return _category_key(value, self._categories[str(column)])
        if kind == "period":
            return value.ordinal
        return value if kind is not None else None


def _may_reach(op: str, low: Any, high: Any, found: ColumnStatistics) -> bool:
    """Whether values between ``found.low`` and ``found.high`` can be in the relation to the bounds."""
    is_above = found.high is None or low is None or (found.high > low if op == "gt" else found.high >= low)
    is_below = found.low is None or high is None or (found.low < high if op == "lt" else found.low <= high)
    return (is_above or op in {"lt", "lte"}) and (is_below or op in {"gt", "gte"})


def _may_start(prefix: str, found: ColumnStatistics) -> bool:
    is_above = found.high is None or found.high[: len(prefix)] >= prefix
    return is_above and (found.low is None or found.low[: len(prefix)] <= prefix)


def _kind(spec: DtypeSpec) -> str | None:
    """Return what the statistics of a column of this dtype are; None if they are not to be used."""
    if isinstance(spec, str):
        kind = np.dtype(spec).kind
        return kind if kind in "biufMm" else None
    name = family(spec)
    if name == "masked":
        return str(dtype_from_plain(spec).kind)
    return {"string": "text", "zoned": "M", "category": "category", "period": "period"}.get(name)


def _plain(bound: Any, kind: str) -> Any:
    """Return a bound in plain JSON types; None where there is none or it is no help."""
    if isinstance(bound, bytes):
        if kind not in {"text", "category"} or len(bound) > _MAX_TEXT:
            return None
        return bound.decode()
    if isinstance(bound, float) and not math.isfinite(bound):
        return None
    return bound


def _unit(spec: DtypeSpec) -> str:
    """Return the unit of a column of times as it is written; points in time have no seconds in Parquet."""
    unit = np.datetime_data(spec)[0] if isinstance(spec, str) else str(content(spec)[0])
    return "ms" if unit == "s" and not (isinstance(spec, str) and spec.startswith(("timedelta", "<m", ">m"))) else unit


def _time_key(value: Any, unit: str) -> Fraction:
    if isinstance(value, pd.Timestamp):
        native = (value.tz_convert(None) if value.tzinfo is not None else value).to_datetime64()
    else:
        native = value.to_timedelta64()
    return Fraction(int(native.astype(np.int64)) * _NANOSECONDS[value.unit], _NANOSECONDS[unit])


def _category_key(value: Any, categories: pd.Index[Any]) -> str | None:
    place = categories.get_indexer_for(pd.Index([value], dtype=categories.dtype))[0]
    return category_texts(categories[[place]])[0] if place >= 0 else None
