"""Filters on frames whose rows are documents, as far as the database can answer them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC
from typing import Any, Final

import pandas as pd

from omega_backends.frames.dtypes import content, dtype_from_plain, family, numpy_dtype
from omega_backends.rows.fields import TICKS, RowField
from omega_backends.rows.parts import RowsFacts
from omega_domain.documents import condition_on, narrowed
from omega_domain.entities.operators import TEXT_OPERATORS, is_null
from omega_domain.entities.query import Condition, Q
from omega_domain.ports.store import Filter

_FLOORED: Final[Mapping[str, str]] = {"eq": "eq", "in": "in", "lt": "lte", "lte": "lte", "gt": "gte", "gte": "gte"}
_EXACT: Final = frozenset({"eq", "ne", "in", "nin"})


class RowFilter:
    """Translates a bound filter.

    Args:
        query: as :func:`~omega_backends.frames.filter.bind` returned it.
        fields: of the documents.
        every: what is known of the sets of rows.

    Attributes:
        filter: finds every row that matches, and perhaps others.
    """

    def __init__(self, query: Q, fields: Sequence[RowField], every: Sequence[RowsFacts]) -> None:
        self._fields = {field.column.name: field for field in fields}
        self._every = every
        self.filter: Filter = narrowed(query, self._translate)

    def _translate(self, condition: Condition) -> tuple[Filter, bool] | None:
        field = self._fields[str(condition.column)]
        kind = self._kind(field)
        if kind is None:
            return None
        op, value = condition.op, condition.value
        values = list(value) if op in {"in", "nin", "between"} else [value]
        if any(is_null(one) for one in values):
            return None
        if kind == "time" and op != "isnull":
            return self._translate_time(field, op, values)
        found = condition_on(field.name, op, value) if _compares_alike(kind, op, values) else None
        return (found, kind != "float") if found is not None else None

    def _translate_time(self, field: RowField, op: str, values: Sequence[Any]) -> tuple[Filter, bool] | None:
        """Ask for the milliseconds that a time falls in; what is beyond them is looked at afterwards."""
        dates = [_as_date(value) for value in values]
        if op == "between":
            found = condition_on(field.name, op, dates)
        elif op in _FLOORED:
            found = condition_on(field.name, _FLOORED[op], dates if op == "in" else dates[0])
        else:
            found = None
        return (found, False) if found is not None else None

    def _kind(self, field: RowField) -> str | None:
        """Return how the values of a field compare in the database; None if not as those of the column do."""
        spec = field.column.dtype
        if family(spec) == "masked":
            return _KINDS.get(dtype_from_plain(spec).numpy_dtype.kind)
        if family(spec) == "category":
            return "category" if family(content(spec)["of"]) == "string" else None
        if family(spec) == "zoned" or (family(spec) == "numpy" and spec != "object" and numpy_dtype(spec).kind == "M"):
            return None if any(known.forms.get(field.column.name) == TICKS for known in self._every) else "time"
        if spec == "object":
            names = {known.facts.encodings.get(field.column.name, {}).get("as") for known in self._every}
            return "text" if names <= {"str", "nothing"} else None
        if family(spec) == "string":
            return "text"
        return _KINDS.get(numpy_dtype(spec).kind) if family(spec) == "numpy" else None


def _compares_alike(kind: str, op: str, values: Sequence[Any]) -> bool:
    """Tell whether the database compares values of this kind as the column does."""
    if op == "isnull":
        return kind != "float"  # NaN is null in a frame, and none in a document
    if kind in {"text", "category"}:  # cells may be compared with anything
        return all(isinstance(one, str) for one in values) and (kind == "text" or op in _EXACT)
    return op not in TEXT_OPERATORS


def _as_date(value: pd.Timestamp) -> Any:
    time = value.tz_localize(UTC) if value.tzinfo is None else value.tz_convert(UTC)
    return time.floor("ms").to_pydatetime(warn=False)


_KINDS: Final[Mapping[str, str]] = {"i": "number", "u": "number", "b": "number", "f": "float"}
