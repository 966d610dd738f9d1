"""Collections that give and take many documents as tables of Arrow, by pymongoarrow and pymongo's encoder.

pymongoarrow fixes the version of pyarrow, so it is optional: without it, documents are read one by one.
"""

from __future__ import annotations

import warnings
from typing import Any, Final

import pyarrow as pa
from pymongo.errors import PyMongoError

with warnings.catch_warnings():  # it tells of every type of pyarrow that is larger than when it was compiled
    warnings.simplefilter("ignore", RuntimeWarning)
    from pymongoarrow.api import Schema, find_arrow_all

from omega_domain.errors import CorruptPayloadError, DuplicateDocumentError
from omega_domain.ports.store import ArrowSchema, ArrowTable, Filter, SupportsTables
from omega_mongo.collection import MongoCollection
from omega_mongo.filters import rewritten
from omega_mongo.layout import prepare
from omega_mongo.translating import is_duplicate, translated

_DATE: Final = pa.timestamp("ms")


class MongoTables(MongoCollection, SupportsTables):
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
        """Return the fields of this schema of all documents that match."""
        wanted = pa.schema(schema)
        fields = {field.name: _DATE if pa.types.is_timestamp(field.type) else field.type for field in wanted}
        projection = None if whole else {"_id": 0} | dict.fromkeys(fields, 1)
        with translated(self._connection.url):
            try:
                found = find_arrow_all(self.native, rewritten(filter), schema=Schema(fields), projection=projection)
            except (TypeError, ValueError) as error:
                raise CorruptPayloadError(
                    f"documents of collection {self._key!r} are not as they were written: {error}; they were changed "
                    "outside of omega-ml"
                ) from error
        return found.select(wanted.names).cast(wanted)


def _values(column: pa.ChunkedArray) -> list[Any]:
    """Return the values as pymongo encodes them, without an object of Arrow for each."""
    if pa.types.is_timestamp(column.type):
        column = column.cast(_DATE)
    is_fixed = pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or column.type == _DATE
    values: list[Any] = column.to_numpy().tolist() if is_fixed and not column.null_count else column.to_pylist()
    return values
