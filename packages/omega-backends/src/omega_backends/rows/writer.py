"""Writing the rows of a frame as documents, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import pyarrow as pa

from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segment_facts import SegmentFacts
from omega_backends.frames.segments import EncodedFrame
from omega_backends.rows.fields import ID, TOKEN, Columns, RowField, to_fields
from omega_backends.rows.parts import RowsFacts
from omega_domain.errors import UnsupportedObjectError
from omega_domain.ports.store import Collection, SupportsTables
from omega_domain.repository.payloads import row_ids

BATCH: Final = 10_000
"""Rows that are sent at once."""


class EncodedRows:
    """A frame ready to be written as documents.

    Args:
        frame: the frame; it is not changed.
        schema: what it is.
        fields: of the documents.

    Attributes:
        known: what is to be known of the rows.
        size: bytes of their values.

    Raises:
        UnsupportedObjectError: a value can not be kept; the message names the column.
    """

    def __init__(self, frame: Frame, schema: FrameSchema, fields: Sequence[RowField]) -> None:
        encoded = EncodedFrame.of(frame, schema)
        tables = list(encoded.tables(BATCH))
        forms: dict[str, str] = {}
        self._batches: list[Columns] = [{} for _ in tables]
        for place, field in enumerate(fields):
            for batch, columns in zip(self._batches, self._convert(schema, field, place, tables, forms), strict=True):
                batch.update(columns)
        self.known = RowsFacts(
            facts=SegmentFacts(
                rows=schema.rows, encodings=encoded.encodings, categories=encoded.categories, freqs=encoded.freqs
            ),
            forms=forms,
        )
        self.size = sum(column.nbytes for batch in self._batches for column in batch.values())

    def insert(self, collection: Collection, token: str) -> None:
        """Write all rows under a token."""
        for table in self._tables(token):
            if isinstance(collection, SupportsTables):
                collection.insert_table(table)
            else:
                collection.insert_many(table.to_pylist())

    def _tables(self, token: str) -> Iterator[pa.Table]:
        start = row_ids(token).start
        for number, batch in enumerate(self._batches):
            count = min(BATCH, self.known.facts.rows - number * BATCH)
            first = start + number * BATCH
            ids = pa.array(range(first, first + count), type=pa.int64())
            if count:
                yield pa.table({ID: ids, TOKEN: pa.repeat(token, count), **batch})

    @staticmethod
    def _convert(
        schema: FrameSchema, field: RowField, place: int, tables: Sequence[pa.Table], forms: dict[str, str]
    ) -> Sequence[Mapping[str, pa.Array]]:
        try:
            columns, form = to_fields(field, [table.column(place).combine_chunks() for table in tables])
        except UnsupportedObjectError as error:
            at = place - len(schema.index.levels)
            what = f"column {schema.column_labels[at]!r}" if at >= 0 else f"level {place} of the index"
            raise UnsupportedObjectError(f"{what}: {error}") from error
        if form is not None:
            forms[field.column.name] = form
        return columns
