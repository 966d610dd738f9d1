"""The schema of a stored DataFrame or Series as plain JSON: columns in order, their dtypes, the index, and the rest."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.dtypes import describe, dtype_to_plain, same_dtype
from omega_backends.frames.index import Field, RowIndex
from omega_backends.frames.labels import find, labels_from_plain, labels_to_plain
from omega_domain.entities.query import column_not_found
from omega_domain.errors import SchemaMismatchError, StoreFormatError, UnsupportedObjectError

FORMAT = 1

Frame: TypeAlias = "pd.DataFrame | pd.Series[Any]"


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameSchema:
    """What a frame is, without its values.

    Attributes:
        is_series: whether it is a Series, kept as its only column.
        labels: the index of the columns, or the name of the series, in plain JSON types.
        fields: the columns as they are written.
        index: the index of the rows.
        rows: how many rows.
        attrs: ``frame.attrs`` in plain JSON types; None if empty.
        unique_labels: whether pandas is to refuse duplicate labels.
    """

    is_series: bool
    labels: Any
    fields: tuple[Field, ...]
    index: RowIndex
    rows: int
    attrs: Any = None
    unique_labels: bool = False

    @classmethod
    def of(cls, frame: Frame) -> FrameSchema:
        """Describe a frame.

        Raises:
            UnsupportedObjectError: something of it can not be kept; the message names the column.
        """
        is_series = isinstance(frame, pd.Series)
        labels = _series_labels(frame.name) if isinstance(frame, pd.Series) else frame.columns
        dtypes = [frame.dtype] if isinstance(frame, pd.Series) else list(frame.dtypes)
        names = _names_in_parquet(labels)
        return cls(
            is_series=is_series,
            labels=_kept("name", lambda: cell_to_plain(frame.name) if is_series else labels_to_plain(labels)),
            fields=tuple(
                Field(name, _kept(f"column {label!r}", lambda dtype=dtype: dtype_to_plain(dtype)))
                for name, label, dtype in zip(names, labels, dtypes, strict=True)
            ),
            index=_kept("index", lambda: RowIndex.of(frame.index)),
            rows=len(frame),
            attrs=_kept("attrs", lambda: cell_to_plain(dict(frame.attrs))) if frame.attrs else None,
            unique_labels=not frame.flags.allows_duplicate_labels,
        )

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> FrameSchema:
        """Rebuild from :meth:`to_plain`.

        Raises:
            StoreFormatError: a newer omega-ml wrote it.
        """
        if plain.get("format", 0) > FORMAT:
            raise StoreFormatError(
                f"this frame was written in format {plain['format']}, this omega-ml reads up to {FORMAT}; upgrade it"
            )
        return cls(
            is_series=plain["type"] == "series",
            labels=plain["labels"],
            fields=tuple(Field(*field) for field in plain["fields"]),
            index=RowIndex.from_plain(plain["index"]),
            rows=plain["rows"],
            attrs=plain.get("attrs"),
            unique_labels=plain.get("unique_labels", False),
        )

    def to_plain(self) -> dict[str, Any]:
        """Return this in plain JSON types."""
        plain: dict[str, Any] = {
            "format": FORMAT,
            "type": "series" if self.is_series else "frame",
            "labels": self.labels,
            "fields": [[field.name, field.dtype] for field in self.fields],
            "index": self.index.to_plain(),
            "rows": self.rows,
        }
        if self.attrs is not None:
            plain["attrs"] = self.attrs
        return plain | ({"unique_labels": True} if self.unique_labels else {})

    @property
    def column_labels(self) -> pd.Index[Any]:
        """The index of the columns; of a series, its name."""
        return _series_labels(cell_from_plain(self.labels)) if self.is_series else labels_from_plain(self.labels)

    @property
    def stored(self) -> tuple[Field, ...]:
        """All columns that are written, those of the index first."""
        return self.index.levels + self.fields

    def select(
        self, columns: Sequence[Hashable] | None, *, excluding: bool = False, of: str | None = None
    ) -> list[int]:
        """Return the places of the named columns in the order of their names; all for None.

        Args:
            columns: labels, or how they read; one may stand alone.
            excluding: all but these, in the order of the frame.
            of: name of the object, for the message.

        Raises:
            ColumnNotFoundError: there is no such column.
        """
        every = list(range(len(self.fields)))
        if columns is None:
            return every
        labels = self.column_labels
        columns = [columns] if isinstance(columns, str) else columns
        places = list(dict.fromkeys(place for column in columns for place in _found(column, labels, of)))
        return [place for place in every if place not in set(places)] if excluding else places

    @property
    def is_blank(self) -> bool:
        """Whether this is a frame without columns and rows, to which anything may be appended."""
        return not (self.rows or self.fields or self.is_series)

    def followed_by(self, other: FrameSchema, what: str) -> FrameSchema:
        """Return the schema of this frame with the rows of another behind it.

        Raises:
            SchemaMismatchError: it has other columns, dtypes or another index; the message names them.
        """
        if self.is_blank:
            return other
        problem = self._mismatch(other)
        index = self.index.followed_by(other.index, rows=self.rows, more=other.rows)
        if problem is None and index is None:
            problem = (
                f"the index goes on from {self.rows} rows of a {self.index.describe()}, not as {other.index.describe()}"
            )
            problem += "; use reset_index() or give it the same index"
        if problem is not None or index is None:
            raise SchemaMismatchError(f"can not append to {what!r}: {problem}")
        return replace(self, index=index, rows=self.rows + other.rows)

    def _mismatch(self, other: FrameSchema) -> str | None:
        if self.is_series != other.is_series:
            kinds = ("a DataFrame", "a Series")
            return f"it is {kinds[self.is_series]}, what is appended is {kinds[other.is_series]}"
        if self.labels != other.labels and not _are_same(self.column_labels, other.column_labels):
            return _different_labels(self.column_labels, other.column_labels)
        labels = list(self.column_labels)
        changed = [
            f"{label!r} is {describe(mine.dtype)}, not {describe(theirs.dtype)}"
            for label, mine, theirs in zip(labels, self.fields, other.fields, strict=True)
            if not same_dtype(mine.dtype, theirs.dtype)
        ]
        return f"dtypes differ: {', '.join(changed)}; convert by astype()" if changed else None


def _names_in_parquet(labels: pd.Index[Any]) -> list[str]:
    """Name columns by their labels if other programs can tell them apart by these, else by their place."""
    names = list(labels)
    if all(type(name) is str and _is_name(name) for name in names) and len(set(names)) == len(names):
        return names
    return [f"c{place}" for place in range(len(names))]


def _is_name(label: str) -> bool:
    return bool(label) and label.isprintable() and not label.startswith("__index_")


def _series_labels(name: Hashable) -> pd.Index[Any]:
    label = np.empty(1, dtype=object)
    label[0] = 0 if name is None else name
    return pd.Index(label, dtype=object, tupleize_cols=False)


def _found(column: Hashable, labels: pd.Index[Any], of: str | None) -> list[int]:
    places = find(column, labels)
    if not places:
        raise column_not_found(column, labels, of=of)
    return places


def _are_same(mine: pd.Index[Any], theirs: pd.Index[Any]) -> bool:
    return mine.equals(theirs) and mine.dtype == theirs.dtype and list(mine.names) == list(theirs.names)


def _different_labels(mine: pd.Index[Any], theirs: pd.Index[Any]) -> str:
    missing = [label for label in mine if label not in theirs]
    unknown = [label for label in theirs if label not in mine]
    if missing or unknown:
        parts = [f"it lacks {', '.join(map(repr, missing))}"] * bool(missing)
        parts += [f"it has also {', '.join(map(repr, unknown))}"] * bool(unknown)
        return f"columns differ: {' and '.join(parts)}; there are: {', '.join(map(str, mine))}"
    return f"columns differ in order, name or type: {theirs!r} is not {mine!r}; select them as frame[columns]"


def _kept(what: str, describe_: Any) -> Any:
    try:
        return describe_()
    except UnsupportedObjectError as error:
        raise UnsupportedObjectError(f"{what} of the frame: {error}") from error
