"""Reading frames from their segments: whole, some columns, some rows, in chunks; no more than is needed is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from omega_backends.frames.dtypes import content, family
from omega_backends.frames.filter import Mask, evaluate
from omega_backends.frames.labels import cells_from_plain
from omega_backends.frames.parquet import ColumnStatistics, Segment, statistics
from omega_backends.frames.pruning import Pruner, usable
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segment_facts import Opener, SegmentFacts, facts_of, joined, open_segment
from omega_backends.frames.segments import Categories, Piece, assemble, series_of
from omega_domain.entities.query import Q
from omega_domain.entities.version import Part


@dataclass(frozen=True, slots=True)
class _Source:
    """A segment and the rows of the whole that it holds."""

    part: Part
    facts: SegmentFacts
    rows: range


class FrameReader:
    """Reads one stored frame, or a part of it.

    Args:
        schema: of the frame.
        parts: its segments.
        opener: opens a segment.
        places: places of the columns to return.
        rows: which rows to look at.
        query: a bound filter that must hold for the rows to return; None for all.
    """

    def __init__(
        self,
        schema: FrameSchema,
        parts: Sequence[Part],
        opener: Opener,
        *,
        places: Sequence[int],
        rows: range,
        query: Q | None = None,
    ) -> None:
        self._schema, self._opener = schema, opener
        self._places = places
        self._names = [level.name for level in schema.index.levels] + [schema.fields[place].name for place in places]
        asked = query.columns() if query is not None else set()
        self._rows = rows if query is None or asked or query.matches({}) else range(0)
        columns = {*self._names, *map(str, asked)}
        stored = schema.stored
        facts = [facts_of(part, stored, opener, columns=columns) for part in parts]
        ends = list(accumulate((one.rows for one in facts), initial=0))
        self._sources = [
            _Source(part, one, range(*ends[place : place + 2]))
            for place, (part, one) in enumerate(zip(parts, facts, strict=True))
        ]
        self._categories = categories_of(schema, facts)
        self._dtypes = {field.name: field.dtype for field in stored}
        self._pruner = Pruner(query, stored, self._categories) if query is not None and asked else None

    def frame(self) -> Frame:
        """Return all of it as one frame."""
        return self._assembled(list(self._pieces(whole=True)))

    def chunks(self, size: int) -> Iterator[Frame]:
        """Iterate over frames of so many rows, the last may be shorter; one empty frame if there are none."""
        held: list[Piece] = []
        count = 0
        is_first = True
        for piece in self._pieces(whole=False):
            rest = piece
            while count + len(rest.rows) >= size:
                head, rest = _split(rest, size - count)
                held.append(head)
                yield self._assembled(held)
                is_first, count = False, 0
            if len(rest.rows):
                held.append(rest)
                count += len(rest.rows)
            del piece, rest
        if held or is_first:
            yield self._assembled(held)

    def _assembled(self, held: list[Piece]) -> Frame:
        frame = assemble(self._schema, held, self._places, self._categories)
        held.clear()
        return frame

    def _pieces(self, *, whole: bool) -> Iterator[Piece]:
        """Iterate over what is found, by segments, or by row groups where chunks or filters need no more at a time."""
        for source in self._sources:
            if not _common(source.rows, self._rows):
                continue
            if self._pruner is None:
                with self._segment(source) as segment:
                    yield from _all(segment, source, self._names, self._rows, whole=whole)
            elif self._pruner.may_match(source.facts.bounds, source.facts.rows):
                with self._segment(source) as segment:
                    yield from self._matching(segment, source, self._pruner)

    def _segment(self, source: _Source) -> Segment:
        return open_segment(source.part, source.facts, self._opener, dictionaries=list(self._categories))

    def _matching(self, segment: Segment, source: _Source, pruner: Pruner) -> Iterator[Piece]:
        """Read the filter's columns first, and the others only of row groups in which it holds somewhere."""
        asked = sorted(map(str, pruner.query.columns()))
        others = [name for name in self._names if name not in asked]
        for group, run in _overlapping(segment, source, self._rows):
            if not pruner.may_match(self._bounds(segment, group, asked), len(run)):
                continue
            found = _piece(segment.read(asked, [group]), run, run, source.facts)
            mask = self._mask(pruner.query, found) & _window(run, self._rows)
            if mask.any():
                columns = found.columns | (_columns(segment.read(others, [group])) if others else {})
                yield _filtered({name: columns[name] for name in self._names}, run, mask, source.facts)

    def _bounds(self, segment: Segment, group: int, names: Sequence[str]) -> dict[str, ColumnStatistics]:
        found = statistics(segment.metadata, group)
        return {name: usable(found[name], self._dtypes[name]) for name in names if name in found}

    def _mask(self, query: Q, found: Piece) -> Mask:
        fields = [field for field in self._schema.stored if field.name in found.columns]
        columns = {field.name: series_of(field, found, self._categories) for field in fields}
        return evaluate(query, columns, len(found.rows))


def categories_of(schema: FrameSchema, every: Sequence[SegmentFacts]) -> Categories:
    """Return the categories of categorical columns: what the segments added, one behind the other."""
    facts = joined(every)
    found: dict[str, pd.Index[Any]] = {}
    for field in schema.stored:
        if family(field.dtype) == "category":
            cells = facts.categories.get(field.name, ())
            found[field.name] = cells_from_plain(cells, content(field.dtype)["of"], freq=facts.freqs.get(field.name))
    return found


def _all(segment: Segment, source: _Source, names: Sequence[str], rows: range, *, whole: bool) -> Iterator[Piece]:
    groups = _overlapping(segment, source, rows)
    if not names:
        yield Piece({}, _common(source.rows, rows), source.facts.encodings)
    elif whole:
        is_complete = len(groups) == segment.metadata.num_row_groups
        table = segment.read(names, None if is_complete else [group for group, _ in groups])
        yield _piece(table, range(groups[0][1].start, groups[-1][1].stop), rows, source.facts)
    else:
        for group, run in groups:
            yield _piece(segment.read(names, [group]), run, rows, source.facts)


def _overlapping(segment: Segment, source: _Source, rows: range) -> list[tuple[int, range]]:
    """Return the row groups that hold some of these rows, each with the rows that it holds."""
    counts = segment.group_rows if segment.metadata.num_columns else [source.facts.rows]
    ends = list(accumulate(counts, initial=source.rows.start))
    runs = [range(*ends[group : group + 2]) for group in range(len(counts))]
    return [(group, run) for group, run in enumerate(runs) if _common(run, rows)]


def _common(one: range, two: range) -> range:
    start = max(one.start, two.start)
    return range(start, max(start, min(one.stop, two.stop)))


def _window(run: range, rows: range) -> Mask:
    numbers = np.arange(run.start, run.stop)
    return np.asarray((numbers >= rows.start) & (numbers < rows.stop))


def _columns(table: pa.Table) -> dict[str, pa.ChunkedArray]:
    return dict(zip(table.column_names, table.columns, strict=True))


def _piece(table: pa.Table, run: range, rows: range, facts: SegmentFacts) -> Piece:
    """Return the part of a table that lies within the rows."""
    wanted = _common(run, rows)
    if wanted != run:
        table = table.slice(wanted.start - run.start, len(wanted))
    return Piece(_columns(table), wanted, facts.encodings)


def _filtered(columns: Mapping[str, pa.ChunkedArray], run: range, mask: Mask, facts: SegmentFacts) -> Piece:
    if mask.all():
        return Piece(dict(columns), run, facts.encodings)
    flags = pa.array(mask)
    found = {name: column.filter(flags) for name, column in columns.items()}
    hits = run.start + np.flatnonzero(mask)
    is_run = hits[-1] - hits[0] + 1 == len(hits)
    return Piece(found, range(hits[0], hits[-1] + 1) if is_run else hits, facts.encodings)


def _split(piece: Piece, size: int) -> tuple[Piece, Piece]:
    head: dict[str, Any] = {name: column.slice(0, size) for name, column in piece.columns.items()}
    rest: dict[str, Any] = {name: column.slice(size) for name, column in piece.columns.items()}
    return replace(piece, columns=head, rows=piece.rows[:size]), replace(piece, columns=rest, rows=piece.rows[size:])
