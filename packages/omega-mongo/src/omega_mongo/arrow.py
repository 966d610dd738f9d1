"""Tables of Arrow to and from documents, by pymongoarrow and pymongo's encoder. Slow to import: see ``tables``."""

from __future__ import annotations

import math
import warnings
from typing import Any, Final

import pyarrow as pa
from bson.binary import BINARY_SUBTYPE
from pymongo.errors import PyMongoError

with warnings.catch_warnings():  # it tells of every type of pyarrow that is larger than when it was compiled
    warnings.simplefilter("ignore", RuntimeWarning)
    from pymongoarrow.api import Schema, find_arrow_all
    from pymongoarrow.types import BinaryType

from omega_domain.errors import CorruptPayloadError, DuplicateDocumentError
from omega_domain.ports.store import ArrowSchema, ArrowTable, Filter
from omega_mongo.collection import MongoCollection, rewritten
from omega_mongo.errors import is_duplicate, translated
from omega_mongo.schema import prepare

_DATE: Final = pa.timestamp("ms")


class ArrowCollection(MongoCollection):
    """A collection of documents that are all alike, as a table."""

    def insert_table(self, table: ArrowTable) -> None:
        """Insert the rows in order."""
        prepare(self._connection)
        given = pa.table(table)
        names = given.column_names
        rows = zip(*(_values(column) for column in given.columns), strict=True)
        documents = [dict(zip(names, row, strict=True)) for row in rows]
        if not documents:
            return
        with translated(self._connection.url):
            try:
                self.native.insert_many(documents)
            except PyMongoError as error:
                if is_duplicate(error):
                    raise DuplicateDocumentError(
                        f"an _id exists already in collection {self._key!r}: {error}"
                    ) from error
                raise

    def find_table(self, filter: Filter, schema: ArrowSchema, *, whole: bool = False) -> pa.Table:
        """Return the fields of this schema of all documents that match; a number is read as what the schema says."""
        wanted, query = pa.schema(schema), rewritten(filter)
        projection = None if whole else {"_id": 0} | dict.fromkeys(wanted.names, 1)
        with translated(self._connection.url):
            try:
                fields = Schema({field.name: _native(field.type) for field in wanted})
                found = find_arrow_all(self.native, query, schema=fields, projection=projection)
                found = pa.table([_plain(column) for column in found.columns], names=found.column_names)
                return self._with_nan(found.select(wanted.names).cast(wanted), query)
            except (TypeError, ValueError) as error:
                raise CorruptPayloadError(
                    f"documents of collection {self._key!r} are not as they were written: {error}; they were changed "
                    "outside of omega-ml"
                ) from error

    def _with_nan(self, found: pa.Table, query: Filter) -> pa.Table:
        """Put back what is not a number, which pymongoarrow gives as null."""
        unclear = [place for place, column in enumerate(found.columns) if _may_lack_nan(column)]
        if not unclear:
            return found
        names = [found.column_names[place] for place in unclear]
        held = self._holds(names, query)
        for place, (has_nan, has_null) in zip(unclear, held, strict=True):
            if has_nan and has_null:
                return self._one_by_one(found.schema, query)
            if has_nan:
                found = found.set_column(place, found.schema.field(place), found.column(place).fill_null(math.nan))
        return found

    def _holds(self, names: list[str], query: Filter) -> list[tuple[bool, bool]]:
        """Tell of each field whether it is not a number, and whether it is null, in some document."""
        tests: dict[str, Any] = {"_id": None}
        for place, name in enumerate(names):
            tests[f"nan{place}"] = {"$max": {"$eq": [f"${name}", math.nan]}}
            tests[f"null{place}"] = {"$max": {"$lte": [f"${name}", None]}}  # what is not there is less than null
        found = next(self.native.aggregate([{"$match": query}, {"$group": tests}]), {})
        return [(bool(found.get(f"nan{n}")), bool(found.get(f"null{n}"))) for n in range(len(names))]

    def _one_by_one(self, schema: pa.Schema, query: Filter) -> pa.Table:
        fields = {"_id": 0} | dict.fromkeys(schema.names, 1)
        return pa.Table.from_pylist(list(self.native.find(query, fields)), schema=schema)


def _native(type_: pa.DataType) -> pa.DataType:
    """Return the type by which pymongoarrow reads values of a type."""
    if pa.types.is_timestamp(type_):
        return _DATE
    return BinaryType(BINARY_SUBTYPE) if pa.types.is_binary(type_) else type_


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return a column of binary values as that, without the subtype that pymongoarrow adds."""
    if not isinstance(column.type, BinaryType):
        return column
    return pa.chunked_array([chunk.storage for chunk in column.chunks], type=pa.binary())


def _may_lack_nan(column: pa.ChunkedArray) -> bool:
    return bool(pa.types.is_floating(column.type) and column.null_count)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values as pymongo encodes them, without an object of Arrow for each."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(_DATE)
    is_fixed = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or column.type == _DATE
    values: list[Any] = column.to_numpy().tolist() if is_fixed and not column.null_count else column.to_pylist()
    return values
