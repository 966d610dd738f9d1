"""The backends of the kinds ``pandas.dfrows`` and ``pandas.serows``: DataFrames and Series, one document a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import pandas as pd

from omega_backends.frames.appending import fresh_facts
from omega_backends.frames.dtypes import describe
from omega_backends.frames.filter import bind
from omega_backends.frames.labels import find
from omega_backends.frames.schema import Frame, FrameSchema
from omega_backends.rows.fields import RowField, fields_of
from omega_backends.rows.parts import RowsFacts, collection_part, row_parts, with_facts
from omega_backends.rows.reader import RowsReader
from omega_backends.rows.writer import EncodedRows
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.query import Q, column_not_found
from omega_domain.entities.version import Part, Payload, Version
from omega_domain.errors import ConflictError, ObjectNotFoundError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.ports.backend import SupportsCompact, SupportsSummary
from omega_domain.ports.objects import StoredObject

DOCUMENTS: Final = "documents"

Index = Sequence[str | Sequence[str]]


class _MovedError(ConflictError):
    """What was to be appended to is not there any more, or something is there now."""


class _RowsBackend(BaseDataBackend, SupportsCompact, SupportsSummary):
    """What both kinds have in common."""

    TYPE: ClassVar[type] = object

    @classmethod
    def supports(
        cls,
        obj: object,
        name: str,  # noqa: ARG003 -- the port's signature
        *,
        layout: str = "",
        append_to: str = "",
        kind: str = "",
        **kwargs: Any,  # noqa: ARG003 -- the same
    ) -> bool:
        """Tell whether this is an object of pandas for which one document a row was asked, or is there already."""
        is_meant = cls.KIND in {append_to, kind}
        return type(obj) is cls.TYPE and (layout == DOCUMENTS or (not layout and is_meant))

    def put(
        self, obj: Frame, name: str, *, append: bool = False, layout: str = DOCUMENTS, index: Index | None = None
    ) -> StoredObject:
        """Store a frame, or append it to the one that is there.

        Args:
            obj: the frame; it is not changed.
            name: plain name of the object.
            append: add the rows to those that are there.
            layout: ``documents``.
            index: indexes to make: ``['+x', '-y', ('+x', '-y')]`` are one on x, one on y and one on both.

        Raises:
            UnsupportedObjectError: something of it can not be kept exactly; the message names the column.
            SchemaMismatchError: what is appended has other columns, dtypes or another index.
            ColumnNotFoundError: an index names a column that is not there.
        """
        del layout  # it has chosen this backend
        while append:
            meta = self.data_store.metadata(name)
            before = meta.record if meta is not None else None
            try:
                if before is None or not self._is_begun(before):
                    return self._begin(obj, name, index, append=True)
                return self._append(obj, name, before, index)
            except _MovedError:  # others were faster: there is something else to append to now
                continue
        return self._begin(obj, name, index, append=False)

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
            filter: return the rows where this holds; as much of it as possible is answered by the database.
            rows: first row, and the row behind the last, as in a slice.
            chunksize: rows of each frame.

        Raises:
            ColumnNotFoundError: there is no such column.
            InvalidFilterError: an operator or value does not fit the column.
        """
        meta = self._metadata(name)
        schema, fields = _from_meta(meta)
        places = schema.select(columns, excluding=excluding, of=name)
        if schema.is_series and len(places) != 1:
            raise UnsupportedOptionError(f"{name!r} is a Series, whose only column can not be left out")
        if chunksize is not None and chunksize < 1:
            raise UnsupportedOptionError(f"chunksize must be at least 1, not {chunksize}")
        query = bind(filter, schema, of=name) if filter is not None else None
        parts = meta.parts
        collection = self.data_store.context.store.collection(collection_part(parts).ref)
        reader = RowsReader(
            schema,
            fields,
            collection,
            parts,
            self.data_store.payloads,
            places=places,
            query=query,
            is_current=meta.head is not None and meta.head.current == meta.ref,
        )
        wanted = range(schema.rows)[slice(*rows)] if rows is not None else range(schema.rows)
        return reader.frame(wanted) if chunksize is None else reader.chunks(wanted, chunksize)

    def compact(self, name: str) -> StoredObject:
        """Write all rows anew under one token, as a new version; what is appended meanwhile is a conflict."""
        meta = self._metadata(name)
        held = meta.parts
        if len(row_parts(held)) <= 1:
            return meta
        before, whole = [part.ref for part in held], collection_part(held)
        schema, fields = _from_meta(meta)
        keys = [[(path, way) for path, way in one] for one in whole.meta.get("indexes", ())]
        key = f"{self.data_store.object_store_key(name, 'rows')}.{self.data_store.context.new_id()}"
        token = self.data_store.payloads.register_rows(key, new=True)
        collection = self.data_store.context.store.collection(key)
        rows = EncodedRows(self.get(name), schema, fields)  # type: ignore[arg-type]  # without chunksize it is a frame
        rows.insert(collection, token)
        for one in keys:
            collection.create_index(one)
        parts = [replace(whole, ref=key), *self._parts(key, token, rows.known, rows.size)]

        def merge(current: Version | None) -> Payload:
            there = list(self.data_store.payloads.expand(current.parts)) if current else []
            if current is None or [part.ref for part in there] != before:
                raise ConflictError(f"{name!r} was changed while it was compacted; nothing was changed, try again")
            return Payload(parts, current.kind_meta)

        return self.data_store.make_metadata(name, self.KIND).save(merge=merge)

    def summary(self, name: str) -> dict[str, Any]:
        """Return rows, columns with their dtypes, index, collection and its indexes."""
        meta = self._metadata(name)
        schema, fields = _from_meta(meta)
        columns = zip(schema.column_labels, schema.fields, strict=True)
        parts = meta.parts
        whole = collection_part(parts)
        return {
            "type": "Series" if schema.is_series else "DataFrame",
            "rows": schema.rows,
            "columns": {str(label): describe(field.dtype) for label, field in columns},
            "index": schema.index.describe(),
            "collection": whole.ref,
            "fields": [field.name for field in fields],
            "indexes": ["_".join(f"{path}_{way}" for path, way in one) for one in whole.meta.get("indexes", ())],
            "tokens": [part.token for part in row_parts(parts)],
        }

    def _begin(self, obj: Frame, name: str, index: Index | None, *, append: bool) -> StoredObject:
        """Store a frame in a collection of its own."""
        schema, fields, rows = self._encoded(obj, name, None)
        keys = _keys(schema, fields, index or (), of=name)
        key = f"{self.data_store.object_store_key(name, 'rows')}.{self.data_store.context.new_id()}"
        token = self.data_store.payloads.register_rows(key, new=True)
        collection = self.data_store.context.store.collection(key)
        rows.insert(collection, token)
        for one in keys:
            collection.create_index(one)
        whole = Part(type="collection", ref=key, meta={"indexes": [[list(field) for field in one] for one in keys]})
        parts = [whole, *self._parts(key, token, rows.known, rows.size)]
        draft = self.data_store.make_metadata(name, self.KIND)
        if append:
            return draft.save(merge=lambda current: self._first(current, parts, schema, fields, name))
        return draft.set_payload(Payload(parts, _kind_meta(schema, fields))).save()

    def _append(self, obj: Frame, name: str, before: Version, index: Index | None) -> StoredObject:
        """Write the rows beside those that are there, under a token of their own."""
        schema, fields, rows = self._encoded(obj, name, before)
        held = self._collection_part(before)
        if index is not None:
            keys = [[list(field) for field in one] for one in _keys(schema, fields, index, of=name)]
            if any(one not in held.meta.get("indexes", ()) for one in keys):
                raise UnsupportedOptionError(
                    f"{name!r} has other indexes; make them by om.datasets.collection({name!r}).create_index, or put "
                    "the frame anew"
                )
        key = held.ref
        token = self.data_store.payloads.register_rows(key, new=False)
        rows.insert(self.data_store.context.store.collection(key), token)

        part = Part(type="documents", ref=f"{key}#{token}", size=rows.size)

        def merge(current: Version | None) -> Payload:
            return self._followed(current, part, rows.known, schema, name)

        return self.data_store.make_metadata(name, self.KIND).save(merge=merge)

    def _followed(
        self, current: Version | None, part: Part, known: RowsFacts, schema: FrameSchema, name: str
    ) -> Payload:
        if current is None or not self._is_begun(current) or self._collection_part(current).ref != part.collection:
            raise _MovedError(f"{name!r} was replaced while rows were appended to it")
        stored = FrameSchema.from_plain(current.kind_meta)
        joined = stored.followed_by(schema, name)
        facts = known.facts
        if facts.categories:
            there = self.data_store.payloads.expand(current.parts)
            every = [RowsFacts.of(one, self.data_store.payloads).facts for one in row_parts(there)]
            facts = fresh_facts(facts, every, stored, name)
        added = with_facts(part, replace(known, facts=facts), self.data_store.payloads)
        return Payload([*current.parts, *added], {**current.kind_meta, **joined.to_plain()})

    @classmethod
    def _is_begun(cls, version: Version) -> bool:
        """Tell whether rows can be added to a version; a frame without columns is replaced by what is appended."""
        return version.kind == cls.KIND and not FrameSchema.from_plain(version.kind_meta).is_blank

    @classmethod
    def _first(
        cls, current: Version | None, parts: Sequence[Part], schema: FrameSchema, fields: Sequence[RowField], name: str
    ) -> Payload:
        if current is not None and cls._is_begun(current):
            raise _MovedError(f"{name!r} was put by somebody else meanwhile")
        return Payload(parts, _kind_meta(schema, fields))

    def _encoded(
        self, obj: Frame, name: str, before: Version | None
    ) -> tuple[FrameSchema, list[RowField], EncodedRows]:
        try:
            schema = FrameSchema.of(obj)
            fields = fields_of(schema)
            if before is not None:
                stored, fields = _from_meta(before)
                stored.followed_by(schema, name)
            return schema, fields, EncodedRows(obj, schema, fields)
        except UnsupportedObjectError as error:
            raise UnsupportedObjectError(f"{name!r} can not be put: {error}") from error

    def _collection_part(self, version: Version) -> Part:
        return collection_part(self.data_store.payloads.expand(version.parts))

    def _parts(self, key: str, token: str, known: RowsFacts, size: int) -> list[Part]:
        return with_facts(Part(type="documents", ref=f"{key}#{token}", size=size), known, self.data_store.payloads)

    def _metadata(self, name: str) -> StoredObject:
        meta = self.data_store.metadata(name)
        if meta is None:
            raise ObjectNotFoundError(f"no object {name!r}")
        return meta


class DataFrameRowsBackend(_RowsBackend):
    """Stores a DataFrame with one document a row, which any tool for the database reads (``layout='documents'``).

    ``index=['+x', '-y']`` makes indexes. ``put(..., append=True)`` adds rows with the same columns and dtypes. ``get``
    takes ``columns=``, ``rows=(start, end)``, ``chunksize=`` and filters, which the database answers where it can.
    """

    KIND: ClassVar[str] = "pandas.dfrows"
    TYPE: ClassVar[type] = pd.DataFrame


class SeriesRowsBackend(_RowsBackend):
    """Stores a Series with one document a row, which any tool for the database reads (``layout='documents'``).

    Options are those of ``pandas.dfrows``.
    """

    KIND: ClassVar[str] = "pandas.serows"
    TYPE: ClassVar[type] = pd.Series


def _kind_meta(schema: FrameSchema, fields: Iterable[RowField]) -> dict[str, Any]:
    return {**schema.to_plain(), "documents": {"format": 1, "names": {f.column.name: f.name for f in fields}}}


def _from_meta(meta: StoredObject | Version) -> tuple[FrameSchema, list[RowField]]:
    schema = FrameSchema.from_plain(meta.kind_meta)
    return schema, fields_of(schema, meta.kind_meta["documents"]["names"])


def _keys(schema: FrameSchema, fields: Sequence[RowField], index: Index, *, of: str) -> list[list[tuple[str, int]]]:
    """Return the indexes as (field, direction), by the labels of columns or the names of index levels."""
    listed = [index] if isinstance(index, str) else list(index)
    return [
        [_key(schema, fields, label, of=of) for label in ([one] if isinstance(one, str) else one)] for one in listed
    ]


def _key(schema: FrameSchema, fields: Sequence[RowField], label: str, *, of: str) -> tuple[str, int]:
    way = -1 if label.startswith("-") else 1
    plain = label[1:] if label[:1] in {"+", "-"} else label
    labels = schema.column_labels
    levels = len(schema.index.levels)
    for wanted in (label, plain):
        places = find(wanted, labels)
        if places:
            return fields[levels + places[0]].name, 1 if wanted == label and wanted != plain else way
    names = list(schema.index.names)
    if plain in names[:levels]:
        return fields[names.index(plain)].name, way
    raise column_not_found(plain, [*labels, *names[:levels]], of=of)
