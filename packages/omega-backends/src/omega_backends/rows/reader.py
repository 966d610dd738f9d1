"""Reading frames whose rows are documents: whole, some columns, some rows, what a filter finds, in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

import numpy as np
import pyarrow as pa

from omega_backends.frames.filter import Mask, evaluate
from omega_backends.frames.index import Rows
from omega_backends.frames.reader import categories_of
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segments import Piece, assemble, series_of
from omega_backends.rows.fields import ID, TOKEN, RowField, from_fields, types_of
from omega_backends.rows.filter import RowFilter
from omega_backends.rows.parts import RowsFacts, row_parts
from omega_domain.documents import both
from omega_domain.entities.query import Q
from omega_domain.entities.version import Part
from omega_domain.errors import CorruptPayloadError
from omega_domain.ports.payloads import Payloads
from omega_domain.ports.store import Collection, Document, SupportsTables
from omega_domain.repository.payloads import row_ids

_LOWER: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class _Source:
    """A set of rows: its token, where it begins in the whole, and what is known of it."""

    token: str
    rows: range
    known: RowsFacts


class RowsReader:
    """Reads one frame, or a part of it.

    Args:
        schema: of the frame.
        fields: of the documents.
        collection: that holds them.
        parts: of the version.
        payloads: of the store.
        places: places of the columns to return.
        query: a bound filter that must hold for the rows to return; None for all.
        is_current: whether this is the newest version, to which nearly all rows of the collection belong.
    """

    def __init__(
        self,
        schema: FrameSchema,
        fields: Sequence[RowField],
        collection: Collection,
        parts: Sequence[Part],
        payloads: Payloads,
        *,
        places: Sequence[int],
        query: Q | None = None,
        is_current: bool = True,
    ) -> None:
        self._is_current = is_current
        self._schema, self._collection, self._places = schema, collection, places
        listed = row_parts(parts)
        every = [RowsFacts.of(part, payloads) for part in listed]
        ends = list(accumulate((known.facts.rows for known in every), initial=0))
        self._sources = [
            _Source(part.token, range(*ends[place : place + 2]), known)
            for place, (part, known) in enumerate(zip(listed, every, strict=True))
            if known.facts.rows
        ]
        self._query = query
        self._categories = categories_of(schema, [known.facts for known in every])
        asked = {str(column) for column in query.columns()} if query is not None else set()
        wanted = {level.name for level in schema.index.levels} | {schema.fields[place].name for place in places}
        self._fields = [field for field in fields if field.column.name in wanted | asked]
        self._is_whole = len(self._fields) == len(fields)
        self._returned = wanted
        self._filter = RowFilter(query, fields, every).filter if query is not None else {}

    def frame(self, rows: range | None = None) -> Frame:
        """Return the rows of this range as one frame; all for None."""
        is_whole = rows is None or rows == range(self._schema.rows)
        pieces = self._all() if is_whole else self._some(rows or range(0))
        return self._assembled(pieces)

    def chunks(self, rows: range, size: int) -> Iterator[Frame]:
        """Iterate over frames of so many rows, the last may be shorter; one empty frame if there are none."""
        held: list[Piece] = []
        count, is_first = 0, True
        for start in range(rows.start, rows.stop, size):
            for piece in self._some(range(start, min(start + size, rows.stop))):
                rest: Piece | None = piece
                while rest is not None:
                    head, rest = _split(rest, size - count)
                    held.append(head)
                    count += len(head.rows)
                    if count == size:
                        yield self._assembled(held)
                        held, count, is_first = [], 0, False
        if held or is_first:
            yield self._assembled(held)

    def _assembled(self, pieces: list[Piece]) -> Frame:
        return assemble(self._schema, pieces, self._places, self._categories)

    def _all(self) -> list[Piece]:
        """Return everything that the filter finds, by one search in the order that suits the database."""
        alike: dict[str, list[_Source]] = {}
        for source in self._sources:
            alike.setdefault(str(self._types(source)), []).append(source)
        pieces: list[Piece] = []
        for sources in alike.values():
            belonging = _of_tokens(sources) if len(alike) > 1 or not self._is_current else {}
            pieces += self._pieces(sources, belonging)
        return sorted(pieces, key=lambda piece: int(piece.rows[0])) if len(alike) > 1 else pieces

    def _some(self, rows: range) -> list[Piece]:
        """Return what the filter finds among these rows, by ranges of ids."""
        pieces: list[Piece] = []
        for source in self._sources:
            start, stop = max(rows.start, source.rows.start), min(rows.stop, source.rows.stop)
            if start < stop:
                first = row_ids(source.token).start - source.rows.start
                ids = {ID: {"$gte": first + start, "$lt": first + stop}}
                pieces += self._pieces([source], ids, expected=range(start, stop))
        return pieces

    def _pieces(self, sources: Sequence[_Source], belonging: Document, *, expected: range | None = None) -> list[Piece]:
        table = _find(
            self._collection,
            both([belonging, self._filter]),
            pa.schema({ID: pa.int64(), **self._types(sources[0])}),
            whole=self._is_whole,
        )
        pieces: list[Piece] = []
        for source, found in _by_token(table, sources):
            piece = self._piece(source, found)
            if self._query is None:
                self._check_count(source, piece, expected or source.rows)
                pieces += [piece] if len(piece.rows) else []
            else:
                pieces += self._matching(piece)
        return pieces

    def _types(self, source: _Source) -> dict[str, pa.DataType]:
        """Return the types of the fields that are read of a set of rows."""
        types: dict[str, pa.DataType] = {}
        for field in self._fields:
            name, known = field.column.name, source.known
            types |= types_of(field, form=known.forms.get(name), encoding=known.facts.encodings.get(name))
        return types

    def _piece(self, source: _Source, table: pa.Table) -> Piece:
        ids = table.column(ID).to_numpy()
        columns = dict(zip(table.column_names, table.columns, strict=True))
        known = source.known
        found = {
            field.column.name: from_fields(
                field,
                columns,
                form=known.forms.get(field.column.name),
                encoding=known.facts.encodings.get(field.column.name),
            )
            for field in self._fields
        }
        return Piece(found, _rows(source.rows.start + (ids & _LOWER)), known.facts.encodings)

    def _matching(self, piece: Piece) -> Iterator[Piece]:
        """Filter exactly what the database found."""
        if self._query is None or not len(piece.rows):
            return
        named = [field.column for field in self._fields]
        columns = {field.name: series_of(field, piece, self._categories) for field in named}
        mask: Mask = evaluate(self._query, columns, len(piece.rows))
        if mask.any():
            rows = np.asarray(piece.rows)[mask]
            kept = {name: column.filter(pa.array(mask)) for name, column in piece.columns.items()}
            yield Piece(
                {name: column for name, column in kept.items() if name in self._returned},
                _rows(rows),
                piece.encodings,
            )

    def _check_count(self, source: _Source, piece: Piece, expected: range) -> None:
        if len(piece.rows) != len(expected):
            raise CorruptPayloadError(
                f"{len(piece.rows)} of {len(expected)} rows {source.token} are in collection "
                f"{self._collection.name!r}: it was changed outside of omega-ml; put the object "
                "again, or go back to an older version"
            )


def _find(collection: Collection, filter: Document, schema: pa.Schema, *, whole: bool) -> pa.Table:
    if isinstance(collection, SupportsTables):
        return pa.table(collection.find_table(filter, schema, whole=whole))
    fields = dict.fromkeys(schema.names, 1)
    found = list(collection.find(filter, fields))
    columns = [pa.array([document.get(name) for document in found], type=schema.field(name).type) for name in fields]
    return pa.table(columns, schema=schema)


def _by_token(table: pa.Table, sources: Sequence[_Source]) -> Iterator[tuple[_Source, pa.Table]]:
    """Return of each set of rows what was found, in order; what belongs to no set is left out."""
    ids = table.column(ID).to_numpy()
    if (ids[1:] < ids[:-1]).any():
        order = np.argsort(ids)
        table, ids = table.take(pa.array(order)), ids[order]
    for source in sources:
        mine = row_ids(source.token)
        start, stop = np.searchsorted(ids, [mine.start, mine.stop]).tolist()
        yield source, table.slice(start, stop - start)


def _of_tokens(sources: Sequence[_Source]) -> Document:
    tokens = [source.token for source in sources]
    return {TOKEN: {"$in": tokens}}


def _rows(numbers: Any) -> Rows:
    if len(numbers) and numbers[-1] - numbers[0] + 1 == len(numbers):
        return range(int(numbers[0]), int(numbers[-1]) + 1)
    return numbers if len(numbers) else range(0)


def _split(piece: Piece, size: int) -> tuple[Piece, Piece | None]:
    if len(piece.rows) <= size:
        return piece, None
    head: Mapping[str, Any] = {name: column.slice(0, size) for name, column in piece.columns.items()}
    rest: Mapping[str, Any] = {name: column.slice(size) for name, column in piece.columns.items()}
    return Piece(dict(head), piece.rows[:size], piece.encodings), Piece(dict(rest), piece.rows[size:], piece.encodings)
