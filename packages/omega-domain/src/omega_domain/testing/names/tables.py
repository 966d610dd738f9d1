"""Backends of tables, which have columns and rows, for tests of the grammar of names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.query import column_not_found
from omega_domain.entities.version import Payload
from omega_domain.ports.objects import StoredObject

Table = dict[str, list[int]]


class TableBackend(BaseDataBackend):
    """Keeps tables, which have columns and rows."""

    KIND: ClassVar[str] = "test.table"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a dict of lists."""
        return isinstance(obj, dict) and all(isinstance(column, list) for column in obj.values())

    def put(self, obj: Table, name: str) -> StoredObject:
        """Store the table."""
        part = self.data_store.payloads.write(lambda file: file.write(json.dumps(obj).encode()))
        facts = {"columns": list(obj)}
        return self.data_store.make_metadata(name, self.KIND).set_payload(Payload([part], facts)).save()

    def get(
        self,
        name: str,
        *,
        columns: Sequence[str] | None = None,
        excluding: bool = False,
        rows: tuple[int, int | None] = (0, None),
        chunksize: int | None = None,
    ) -> Table | Iterator[Table]:
        """Return the table, or what is asked for of it."""
        meta = self.data_store.metadata(name, required=True)
        with self.data_store.payloads.open(meta.parts[0]) as file:
            table = json.load(file)
        for column in columns or ():
            if column not in table:
                raise column_not_found(column, table)
        wanted = list(table) if columns is None else columns
        wanted = [column for column in table if column not in wanted] if excluding else wanted
        found = {column: table[column][slice(*rows)] for column in wanted}
        return found if chunksize is None else _chunks(found, chunksize)

    def compact(self, name: str) -> StoredObject:
        """Store the table again."""
        return self.put(json.loads(json.dumps(self.get(name))), name)

    def summary(self, name: str) -> dict[str, Any]:
        """Return the columns."""
        return {"columns": dict.fromkeys(self.data_store.metadata(name, required=True).kind_meta["columns"], "int")}


class BlindBackend(TableBackend):
    """Keeps tables, and does not say of which columns."""

    KIND: ClassVar[str] = "test.blind"

    def summary(self, name: str) -> dict[str, Any]:  # noqa: ARG002 -- the port's signature
        """Return nothing."""
        return {}


def _chunks(table: Table, size: int) -> Iterator[Table]:
    for start in range(0, max(map(len, table.values())), size):
        yield {column: values[start : start + size] for column, values in table.items()}
