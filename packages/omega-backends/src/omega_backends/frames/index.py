"""The index of rows: what is kept of it as plain JSON, what goes into columns, and how it is put together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.dtypes import DtypeSpec, dtype_to_plain
from omega_domain.errors import UnsupportedObjectError

#: Numbers of rows in a whole: a run of them, or those that a filter found.
Rows = range | np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, slots=True)
class Field:
    """A column as it is written: its name in Parquet and its dtype in pandas."""

    name: str
    dtype: DtypeSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class RowIndex:
    """The index of a frame, without its values.

    Attributes:
        names: names of the levels, as cells of plain JSON.
        levels: the columns that hold the values; none for a RangeIndex.
        start: first number of a RangeIndex.
        step: step of a RangeIndex.
        level_freqs: frequencies of the levels of a MultiIndex; None for any other index.
        freq: frequency of times.
        ends: first and last of the times with a frequency, so that what is appended can go on with it.
    """

    names: tuple[Any, ...]
    levels: tuple[Field, ...] = ()
    start: int = 0
    step: int = 1
    level_freqs: tuple[str | None, ...] | None = None
    freq: str | None = None
    ends: tuple[Any, Any] | None = None

    @classmethod
    def of(cls, index: pd.Index[Any]) -> RowIndex:
        """Describe an index.

        Raises:
            UnsupportedObjectError: its type, a name or its frequency can not be kept.
        """
        names = tuple(cell_to_plain(name) for name in index.names)
        if type(index) is pd.RangeIndex:
            return cls(names=names, start=index.start, step=index.step)
        values = levels_of(index)
        levels = tuple(Field(f"__index_{place}__", dtype_to_plain(level.dtype)) for place, level in enumerate(values))
        if isinstance(index, pd.MultiIndex):
            _check_nulls(index, values)
            return cls(names=names, levels=levels, level_freqs=tuple(freq_of(level) for level in index.levels))
        freq = freq_of(index)
        ends = (cell_to_plain(index[0]), cell_to_plain(index[-1])) if freq and len(index) else None
        return cls(names=names, levels=levels, freq=freq, ends=ends)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> RowIndex:
        """Rebuild from :meth:`to_plain`."""
        return cls(
            names=tuple(plain["names"]),
            levels=tuple(Field(*level) for level in plain.get("levels", ())),
            start=plain.get("start", 0),
            step=plain.get("step", 1),
            level_freqs=tuple(plain["level_freqs"]) if "level_freqs" in plain else None,
            freq=plain.get("freq"),
            ends=tuple(plain["ends"]) if "ends" in plain else None,
        )

    def to_plain(self) -> dict[str, Any]:
        """Return this in plain JSON types."""
        plain: dict[str, Any] = {"names": list(self.names)}
        if not self.levels:
            return plain | {"start": self.start, "step": self.step}
        plain["levels"] = [[level.name, level.dtype] for level in self.levels]
        if self.level_freqs is not None:
            plain["level_freqs"] = list(self.level_freqs)
        if self.freq is not None:
            plain["freq"] = self.freq
        if self.ends is not None:
            plain["ends"] = list(self.ends)
        return plain

    @property
    def is_range(self) -> bool:
        """Whether this is a RangeIndex, which needs no column."""
        return not self.levels

    def describe(self) -> str:
        """Return the index for messages."""
        if self.is_range:
            return f"RangeIndex from {self.start}"
        levels = ", ".join(f"{name!r}: {level.dtype}" for name, level in zip(self.names, self.levels, strict=True))
        return f"{'MultiIndex' if self.level_freqs else 'Index'} of {levels}"

    def build(self, values: Sequence[Any], rows: Rows) -> pd.Index[Any]:
        """Put the index together.

        Args:
            values: an array for each level.
            rows: which rows of the whole these are.
        """
        names = [cell_from_plain(name) for name in self.names]
        if self.is_range:
            return self._build_range(rows, names[0])
        if self.level_freqs is not None:
            return _build_multi(values, names, self.level_freqs)
        index: pd.Index[Any] = pd.Index(
            values[0], dtype=_object_dtype(values[0]), name=names[0], copy=False, tupleize_cols=False
        )
        if self.freq is not None and isinstance(rows, range):
            index.freq = to_offset(self.freq)  # type: ignore[attr-defined]
        return index

    def followed_by(self, other: RowIndex, *, rows: int, more: int) -> RowIndex | None:
        """Return the index of these rows with more of another behind them; None if it can not go on so.

        A RangeIndex goes on with the next number, or with a default one, which is counted on.
        """
        if (self.levels, self.names, self._is_multi) != (other.levels, other.names, other._is_multi):
            return None
        if not rows or not more:
            return other if more else self
        if not self.is_range:
            return self._go_on(other)
        is_next = (other.start, other.step) == (self.start + rows * self.step, self.step)
        is_default = (other.start, other.step) == (0, 1) == (self.start, self.step)
        return self if is_next or is_default else None

    def _go_on(self, other: RowIndex) -> RowIndex:
        """Keep the frequency if the others' times go on with it, as pandas.concat does."""
        if self.freq is not None and self.freq == other.freq and self.ends and other.ends:
            following = cell_from_plain(self.ends[1]) + to_offset(self.freq)
            if following == cell_from_plain(other.ends[0]):
                return replace(self, ends=(self.ends[0], other.ends[1]))
        level_freqs = None if self.level_freqs is None else (None,) * len(self.levels)
        return replace(self, freq=None, ends=None, level_freqs=level_freqs)

    @property
    def _is_multi(self) -> bool:
        return self.level_freqs is not None

    def _build_range(self, rows: Rows, name: Any) -> pd.Index[Any]:
        if isinstance(rows, range):
            return pd.RangeIndex(
                self.start + rows.start * self.step, self.start + rows.stop * self.step, self.step, name=name
            )
        return pd.Index(self.start + rows * self.step, dtype=np.int64, name=name, copy=False)


def freq_of(index: pd.Index[Any]) -> str | None:
    """Return the frequency of times; the dtype of periods has theirs.

    Raises:
        UnsupportedObjectError: it has no name by which it could be found again.
    """
    freq = getattr(index, "freq", None) if index.dtype.kind in "mM" else None
    if freq is None:
        return None
    try:
        if to_offset(freq.freqstr) == freq:
            return str(freq.freqstr)
    except ValueError:
        pass
    raise UnsupportedObjectError(f"the frequency {freq!r} can not be kept; remove it by index.freq = None")


def levels_of(index: pd.Index[Any]) -> list[pd.Index[Any]]:
    """Return the values of each level; by place, whatever the levels are called."""
    if not isinstance(index, pd.MultiIndex):
        return [index]
    unnamed = index.set_names([None] * index.nlevels)
    return [unnamed.get_level_values(place) for place in range(index.nlevels)]


def _check_nulls(index: pd.MultiIndex, values: Sequence[pd.Index[Any]]) -> None:
    for name, level, found in zip(index.names, index.levels, values, strict=True):
        if level.dtype != found.dtype:
            raise UnsupportedObjectError(
                f"level {name!r} is {level.dtype} and has nulls, which that can not hold; use a nullable dtype"
            )


def _build_multi(values: Sequence[Any], names: list[Any], freqs: Sequence[str | None]) -> pd.MultiIndex:
    arrays = [
        pd.Index(array, dtype=_object_dtype(array), copy=False, tupleize_cols=False) for array in values
    ]  # an array of objects would have its dtype inferred anew
    index: Any = pd.MultiIndex.from_arrays(arrays)
    levels = [_with_freq(level, freq) for level, freq in zip(index.levels, freqs, strict=True)]
    return pd.MultiIndex(levels=levels, codes=index.codes, names=names, verify_integrity=False)


def _with_freq(level: Any, freq: str | None) -> Any:
    """Give a level its frequency back, if it still has it without the labels that no row has."""
    if freq is None:
        return level
    try:
        return type(level)(level, freq=freq)
    except ValueError:
        return level


def _object_dtype(values: Any) -> Any:
    return object if values.dtype == object else None
