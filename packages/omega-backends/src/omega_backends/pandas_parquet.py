"""The backend of the kind ``pandas.parquet``: DataFrames and Series as segments of Parquet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import pandas as pd

from omega_backends.frames.appending import fresh_facts
from omega_backends.frames.dtypes import describe
from omega_backends.frames.filter import bind
from omega_backends.frames.reader import FrameReader
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.frames.segment_facts import facts_of, open_part
from omega_backends.frames.writer import SegmentWriter, StoredSegment
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.query import Q
from omega_domain.entities.version import Part, Payload, Version
from omega_domain.errors import (
    ConflictError,
    ObjectNotFoundError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.ports.backend import SupportsCompact, SupportsSummary
from omega_domain.ports.objects import StoredObject

LAYOUT = "parquet"


class ParquetBackend(BaseDataBackend, SupportsCompact, SupportsSummary):
    """Stores a DataFrame or a Series, dtypes, index and labels included.

    ``put(..., append=True)`` adds rows with the same columns and dtypes. ``get`` takes ``columns=`` (with
    ``excluding=True``: all but these), ``rows=(start, end)``, ``chunksize=`` and filters; rows are taken first, then
    filtered. A frame that holds something that can not be kept exactly is refused with the column's name.
    """

    KIND: ClassVar[str] = "pandas.parquet"

    @classmethod
    def supports(cls, obj: object, name: str, *, layout: str = LAYOUT, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a DataFrame or a Series; not one of a subclass, which would not come back as such."""
        return type(obj) in {pd.DataFrame, pd.Series} and layout != "documents"

    def put(self, obj: Frame, name: str, *, append: bool = False, layout: str = LAYOUT) -> StoredObject:
        """Store a frame, or append it to the one that is there.

        Args:
            obj: the frame; it is not changed.
            name: plain name of the object.
            append: add the rows to those that are there.
            layout: ``parquet``; ``documents`` is another kind, ``pandas.dfrows``.

        Raises:
            UnsupportedObjectError: something of it can not be kept exactly; the message names the column.
            SchemaMismatchError: what is appended has other columns, dtypes or another index.
        """
        if layout != LAYOUT:
            raise UnsupportedOptionError(f"layout={layout!r} is not known for {name!r}; there are: parquet, documents")
        try:
            schema = FrameSchema.of(obj)
            writer = SegmentWriter(self.data_store.payloads, schema)
            segment = writer.write(obj, schema)
        except UnsupportedObjectError as error:
            raise UnsupportedObjectError(f"{name!r} can not be put: {error}") from error
        draft = self.data_store.make_metadata(name, self.KIND)
        if append:
            return draft.save(merge=lambda before: self._appended(before, schema, segment, name))
        return draft.set_payload(Payload([segment.part], schema.to_plain())).save()

    def get(
        self,
        name: str,
        *,
        columns: Sequence[Any] | None = None,
        excluding: bool = False,
        filter: Q | None = None,
        rows: tuple[int | None, int | None] | None = None,
        chunksize: int | None = None,
    ) -> Frame | Iterator[Frame]:
        """Return a frame, or an iterator over frames of ``chunksize`` rows.

        Args:
            name: name of the object.
            columns: labels of the columns to return, in this order.
            excluding: return all columns but these.
            filter: return the rows where this holds.
            rows: first row, and the row behind the last, as in a slice.
            chunksize: rows of each frame.

        Raises:
            ColumnNotFoundError: there is no such column.
            InvalidFilterError: an operator or value does not fit the column.
        """
        meta = self._metadata(name)
        schema = FrameSchema.from_plain(meta.kind_meta)
        places = schema.select(columns, excluding=excluding, of=name)
        if schema.is_series and len(places) != 1:
            raise UnsupportedOptionError(f"{name!r} is a Series, whose only column can not be left out")
        if chunksize is not None and chunksize < 1:
            raise UnsupportedOptionError(f"chunksize must be at least 1, not {chunksize}")
        reader = FrameReader(
            schema,
            meta.parts,
            open_part(self.data_store.payloads),
            places=places,
            rows=range(schema.rows)[slice(*rows)] if rows is not None else range(schema.rows),
            query=bind(filter, schema, of=name) if filter is not None else None,
        )
        return reader.frame() if chunksize is None else reader.chunks(chunksize)

    def compact(self, name: str) -> StoredObject:
        """Rewrite the frame in as few segments as sensible, as a new version; what is appended meanwhile stays."""
        meta = self._metadata(name)
        before = meta.parts
        writer = SegmentWriter(self.data_store.payloads, FrameSchema.from_plain(meta.kind_meta))
        after = writer.compacted(before)
        if len(after) == len(before):
            return meta
        return self.data_store.make_metadata(name, self.KIND).save(
            merge=lambda current: self._compacted(current, before, after, name)
        )

    def summary(self, name: str) -> dict[str, Any]:
        """Return rows, columns with their dtypes, index and segments."""
        meta = self._metadata(name)
        schema = FrameSchema.from_plain(meta.kind_meta)
        columns = zip(schema.column_labels, schema.fields, strict=True)
        return {
            "type": "Series" if schema.is_series else "DataFrame",
            "rows": schema.rows,
            "columns": {str(label): describe(field.dtype) for label, field in columns},
            "index": schema.index.describe(),
            "segments": len(meta.parts),
        }

    def _metadata(self, name: str) -> StoredObject:
        meta = self.data_store.metadata(name)
        if meta is None:
            raise ObjectNotFoundError(f"no object {name!r}")
        return meta

    def _appended(self, before: Version | None, schema: FrameSchema, segment: StoredSegment, name: str) -> Payload:
        """Return the payload with the new segment behind those of the version before."""
        part = segment.part
        if before is None:
            return Payload([part], schema.to_plain())
        stored = FrameSchema.from_plain(before.kind_meta)
        joined = stored.followed_by(schema, name)
        if joined is schema:
            return Payload([part], schema.to_plain())
        held = list(before.parts)
        if segment.facts.categories:
            part = self._with_new_categories(segment, stored, held, name)
        if schema.rows or part.meta.keys() & {"categories", "in_file"}:
            held = SegmentWriter(self.data_store.payloads, stored).merge_tail([*held, part])
        return Payload(held, joined.to_plain())

    def _with_new_categories(
        self, segment: StoredSegment, stored: FrameSchema, held: Iterable[Part], name: str
    ) -> Part:
        payloads = self.data_store.payloads
        every = [facts_of(one, stored.stored, open_part(payloads)) for one in payloads.expand(held)]
        fresh = fresh_facts(segment.facts, every, stored, name)
        return replace(segment.part, meta=fresh.to_plain(stored.stored))

    def _compacted(self, current: Version | None, before: Sequence[Part], after: Sequence[Part], name: str) -> Payload:
        parts = list(self.data_store.payloads.expand(current.parts)) if current else []
        if current is None or [part.ref for part in parts[: len(before)]] != [part.ref for part in before]:
            raise ConflictError(f"{name!r} was replaced while it was compacted; nothing was changed, compact it again")
        return Payload([*after, *parts[len(before) :]], current.kind_meta)
