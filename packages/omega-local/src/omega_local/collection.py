"""Collections of documents in one table of the database, each document as JSON text."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from omega_domain.documents import (
    Change,
    Deleted,
    Document,
    Inserted,
    Updated,
    apply_changes,
    check_sort,
    check_update,
    check_window,
    clean,
    compile_projection,
    identical,
    index_name,
    new_document,
    sort_documents,
)
from omega_domain.documents.typed_json import dumps
from omega_domain.entities.version import sha256_hex
from omega_domain.errors import DuplicateDocumentError
from omega_domain.ports.store import Collection, Filter
from omega_local.database import Database
from omega_local.filters import TOKEN, column_of, id_text, token_text
from omega_local.scanning import Scan, number_of

RELAXED: Final = frozenset({"omega.logs", "omega.tasks", "omega.workers"})
"""Collections of records about what goes on now; their last changes may be lost with a power failure."""

_BATCH: Final = 1000
_BATCH_CHARACTERS: Final = 4 * 2**20
_INSERT: Final = "INSERT INTO documents (collection, id, token, body) VALUES (?, ?, ?, ?)"


class LocalCollection(Collection):
    """A collection of the embedded store; several may stand for the same one, in several processes."""

    def __init__(self, database: Database, key: str) -> None:
        """Stand for the collection of this key; nothing is made before the first document."""
        self._database = database
        self._key = key
        self._durable = key not in RELAXED

    @property
    def name(self) -> str:
        """Key of the collection."""
        return self._key

    def insert_many(self, documents: Iterable[Document]) -> Inserted:
        """Insert copies of the documents in order, each with an ``_id``; those before a duplicate stay."""
        ids: list[Any] = []
        for batch in _batches(documents):
            self._insert(batch)
            ids += [row.id for row in batch]
        return Inserted(ids)

    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, int] | Sequence[str] | None = None,
        *,
        skip: int = 0,
        limit: int = 0,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Iterator[Document]:
        """Iterate over copies of the documents that match, read a page at a time."""
        check_window(skip, limit)
        order = check_sort(sort or [])
        scan = Scan(self._key, filter)
        found = self._walk(scan)
        ordered = iter(sort_documents(found, order)) if order else found
        window = islice(ordered, skip, skip + limit if limit else None)
        # what was read from text is clean, and nobody else's
        return window if projection is None else map(compile_projection(projection), window)

    def find_one(self, filter: Filter | None = None) -> Document | None:
        """Return a copy of the first document that matches; None if there is none."""
        return next(self._walk(Scan(self._key, filter)), None)

    def update_one(self, filter: Filter, update: Mapping[str, Any], upsert: bool = False) -> Updated:  # noqa: FBT001, FBT002 -- pymongo's signature
        """Change the first match; insert one if there is none and ``upsert`` is set."""
        changes = check_update(update)
        scan = Scan(self._key, filter)
        with self._database.write(durable=self._durable) as connection:
            for ordinal, document in scan.all(connection):
                return _update(connection, ordinal, document, changes)
            if not upsert:
                return Updated(0, 0)
            row = _row(new_document(filter, update))
            self._refuse_duplicate(self._insert_rows(connection, [row]))
            return Updated(0, 0, row.id)

    def delete_many(self, filter: Filter) -> Deleted:
        """Delete all that match, a page at a time."""
        scan = Scan(self._key, filter)
        count = 0
        while True:
            with self._database.write(durable=self._durable) as connection:
                page = scan.next_page(connection)
                if page is None:
                    return Deleted(count)
                ordinals = json.dumps([ordinal for ordinal, _ in page])
                connection.execute(
                    "DELETE FROM documents WHERE ordinal IN (SELECT value FROM json_each(?))", (ordinals,)
                )
                count += len(page)

    def count_documents(self, filter: Filter) -> int:
        """Count those that match."""
        if filter:
            return sum(1 for _ in self._walk(Scan(self._key, filter)))
        with self._database.read() as connection:
            number = number_of(connection, self._key)
            found = connection.execute("SELECT count(*) FROM documents WHERE collection = ?", (number,))
            return int(found.fetchone()[0])

    def create_index(self, keys: str | Sequence[tuple[str, int]]) -> str:
        """Make sure that an index on these paths exists; return its name.

        Fields within documents are not indexed: a list on the way has many values.
        """
        name = index_name(keys)
        fields = [keys] if isinstance(keys, str) else [path for path, _ in keys]
        columns = [column for field in fields if (column := _column(field)) is not None]
        if columns:
            with self._database.write() as connection:
                _make_index(connection, _make_number(connection, self._key), columns)
        return name

    def drop(self) -> None:
        """Remove the collection with all its documents and indexes; no error if there is none."""
        with self._database.write() as connection:
            number = number_of(connection, self._key)
            if number is None:
                return
            for name in _indexes(connection, number):
                connection.execute(f"DROP INDEX {name}")
            connection.execute("DELETE FROM documents WHERE collection = ?", (number,))
            connection.execute("DELETE FROM collections WHERE number = ?", (number,))

    def _walk(self, scan: Scan) -> Iterator[Document]:
        while True:
            with self._database.read() as connection:
                page = scan.next_page(connection)
            if page is None:
                return
            yield from (document for _, document in page)

    def _insert(self, rows: list[_Row]) -> None:
        """Insert rows in one transaction; if one is a duplicate, those before it stay."""
        with self._database.write(durable=self._durable) as connection:
            duplicate = self._insert_rows(connection, rows)
        self._refuse_duplicate(duplicate)

    def _insert_rows(self, connection: sqlite3.Connection, rows: list[_Row]) -> _Row | None:
        """Insert rows up to the first duplicate, and return that one."""
        number = _make_number(connection, self._key)
        before = connection.total_changes
        try:
            connection.executemany(_INSERT, [(number, id_text(row.id), row.token, row.body) for row in rows])
        except sqlite3.IntegrityError:
            return rows[connection.total_changes - before]
        return None

    def _refuse_duplicate(self, duplicate: _Row | None) -> None:
        if duplicate is not None:
            raise DuplicateDocumentError(f"{duplicate.id!r} exists already in collection {self._key!r}")


class _Row(NamedTuple):
    """A document as it is written."""

    id: Any
    token: str | None
    body: str


def _row(document: Mapping[str, Any]) -> _Row:
    made = clean(document if "_id" in document else {"_id": uuid.uuid4().hex, **document})
    return _Row(made["_id"], token_text(made), dumps(made))


def _batches(documents: Iterable[Mapping[str, Any]]) -> Iterator[list[_Row]]:
    """Gather rows until there are enough for a transaction."""
    batch: list[_Row] = []
    room = _BATCH_CHARACTERS
    for row in map(_row, documents):
        batch.append(row)
        room -= len(row.body)
        if len(batch) == _BATCH or room < 0:
            yield batch
            batch, room = [], _BATCH_CHARACTERS
    if batch:
        yield batch


def _update(connection: sqlite3.Connection, ordinal: int, document: Document, changes: list[Change]) -> Updated:
    changed = apply_changes(document, changes, kept=True)
    if identical(document, changed):
        return Updated(1, 0)
    connection.execute(
        "UPDATE documents SET token = ?, body = ? WHERE ordinal = ?", (token_text(changed), dumps(changed), ordinal)
    )
    return Updated(1, 1)


def _make_number(connection: sqlite3.Connection, key: str) -> int:
    number = number_of(connection, key)
    if number is not None:
        return number
    return int(connection.execute("INSERT INTO collections (key) VALUES (?)", (key,)).lastrowid or 0)


def _column(field: str) -> str | None:
    return {"_id": "id", TOKEN: "token"}.get(field) or column_of(field)


def _index(number: int) -> str:
    """Return what the names of a collection's indexes begin with."""
    return f"documents_{number:d}_"


def _make_index(connection: sqlite3.Connection, number: int, columns: list[str]) -> None:
    name = _index(number) + sha256_hex(repr(columns).encode())[:16]
    if name not in _indexes(connection, number):
        connection.execute(f"CREATE INDEX {name} ON documents ({', '.join(columns)}) WHERE collection = {number:d}")
        few = ("documents", name, " ".join(["100000", *["10"] * len(columns)]))
        connection.execute("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)", few)
        connection.execute("ANALYZE sqlite_master")


def _indexes(connection: sqlite3.Connection, number: int) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND substr(name, 1, ?) = ?",
        (len(_index(number)), _index(number)),
    )
    return [name for (name,) in rows]
