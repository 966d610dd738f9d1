"""Collections that give and take many documents as tables of Arrow.

What that takes is imported with the first table: pymongoarrow loads pandas, which a worker without frames has no need
of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omega_domain.ports.store import ArrowSchema, ArrowTable, Filter, SupportsTables
from omega_mongo.collection import MongoCollection

if TYPE_CHECKING:
    from omega_mongo.arrow import ArrowCollection


class MongoTables(MongoCollection, SupportsTables):
    """A collection of documents that are all alike, as a table."""

    def insert_table(self, table: ArrowTable) -> None:
        """Insert the rows in order."""
        self._as_arrow().insert_table(table)

    def find_table(self, filter: Filter, schema: ArrowSchema, *, whole: bool = False) -> ArrowTable:
        """Return the fields of this schema of all documents that match; a number is read as what the schema says."""
        found: ArrowTable = self._as_arrow().find_table(filter, schema, whole=whole)
        return found

    def _as_arrow(self) -> ArrowCollection:
        from omega_mongo.arrow import ArrowCollection  # noqa: PLC0415 -- loads pandas

        return ArrowCollection(self._connection, self._key)
