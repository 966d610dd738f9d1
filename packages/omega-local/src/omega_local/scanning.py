"""Finding documents: SQLite narrows, the core decides, and no statement stays open while the caller works."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Final

from omega_domain.documents import Document, compile_filter
from omega_domain.documents.typed_json import loads
from omega_domain.ports.store import Filter
from omega_local.filters import HERE, OTHER_TOKEN, Narrowing, id_text, narrow

_FIRST_PAGE: Final = 32
_LAST_PAGE: Final = 2048
_PAGE_CHARACTERS: Final = 4 * 2**20

_BY_ID: Final = (
    "SELECT ordinal, body FROM documents WHERE collection = (SELECT number FROM collections WHERE key = ?) AND id = ?"
)

Found = tuple[int, Document]


class Scan:
    """Walks over the documents of a collection that match a filter, in order of insertion, a page at a time.

    A page is read by one statement to its end, so a walk may be left at any time and others may write during it. What
    is inserted or deleted during a walk may or may not be seen.

    Args:
        key: of the collection.
        filter: checked when the scan is made.

    Raises:
        InvalidFilterError: as :func:`omega_domain.documents.compile_filter`.
    """

    def __init__(self, key: str, filter: Filter | None) -> None:
        self._key = key
        self._matches = compile_filter(filter)
        wanted = filter.get("_id") if filter else None
        self._id = id_text(wanted) if isinstance(wanted, str) else None
        self._narrowing = Narrowing() if self._id else narrow(filter)
        self._last = 0
        self._size = _FIRST_PAGE
        self._waiting: list[int] | None = None
        self._done = False

    def next_page(self, connection: sqlite3.Connection) -> list[Found] | None:
        """Return the next documents that match, perhaps none of this page; None at the end."""
        if self._done:
            return None
        if self._id is not None:  # one document at most
            rows, self._done = connection.execute(_BY_ID, (self._key, self._id)).fetchall(), True
        else:
            number = number_of(connection, self._key)
            rows = [] if number is None else self._read(connection, number)
            self._done = not rows
        self._size = min(self._size * 4, _LAST_PAGE)
        found = ((ordinal, loads(body)) for ordinal, body in rows)
        return [(ordinal, document) for ordinal, document in found if self._matches(document)]

    def all(self, connection: sqlite3.Connection) -> Iterator[Found]:
        """Iterate over all that match with one connection, in a transaction of the caller."""
        while (page := self.next_page(connection)) is not None:
            yield from page

    def _read(self, connection: sqlite3.Connection, number: int) -> list[tuple[int, str]]:
        if self._last == 0:
            self._narrowing = _trusted(connection, number, self._narrowing)
        if self._narrowing.ordered:
            rows = self._read_onward(connection, number)
        else:
            rows = self._read_listed(connection, number)
        self._last = rows[-1][0] if rows else self._last
        return rows

    def _read_onward(self, connection: sqlite3.Connection, number: int) -> list[tuple[int, str]]:
        condition = f" AND {self._narrowing.sql}".replace("{number}", str(number)) if self._narrowing.sql else ""
        cursor = connection.execute(
            f"SELECT ordinal, body FROM documents WHERE collection = ? AND ordinal > ?{condition}"  # noqa: S608
            " ORDER BY ordinal LIMIT ?",
            (number, self._last, *self._narrowing.parameters, self._size),
        )
        return _bounded(cursor)

    def _read_listed(self, connection: sqlite3.Connection, number: int) -> list[tuple[int, str]]:
        """Read by a list of all that were found at the start: their index does not yield them in order."""
        if self._waiting is None:
            condition = f"{HERE} AND ({self._narrowing.sql})".replace("{number}", str(number))
            cursor = connection.execute(
                f"SELECT ordinal FROM documents WHERE {condition}",  # noqa: S608
                self._narrowing.parameters,
            )
            self._waiting = sorted((ordinal for (ordinal,) in cursor), reverse=True)
        while self._waiting:
            ordinals = [self._waiting.pop() for _ in range(min(self._size, len(self._waiting)))]
            cursor = connection.execute(
                "SELECT ordinal, body FROM documents"
                " WHERE collection = ? AND ordinal IN (SELECT value FROM json_each(?)) ORDER BY ordinal",
                (number, json.dumps(ordinals)),
            )
            if rows := _bounded(cursor):
                self._waiting += sorted((ordinal for ordinal in ordinals if ordinal > rows[-1][0]), reverse=True)
                return rows
        return []


def number_of(connection: sqlite3.Connection, key: str) -> int | None:
    """Return the number of a collection; None if it does not exist."""
    row = connection.execute("SELECT number FROM collections WHERE key = ?", (key,)).fetchone()
    return None if row is None else int(row[0])


def _trusted(connection: sqlite3.Connection, number: int, narrowing: Narrowing) -> Narrowing:
    """Return a narrowing that misses nothing: where a token is not text, the column of tokens says nothing."""
    others = "SELECT 1 FROM documents WHERE collection = ? AND token = ? LIMIT 1"
    if narrowing.by_token and connection.execute(others, (number, OTHER_TOKEN)).fetchone():
        return Narrowing()
    return narrowing


def _bounded(cursor: sqlite3.Cursor) -> list[tuple[int, str]]:
    """Fetch rows until their texts are large enough for a page."""
    rows: list[tuple[int, str]] = []
    room = _PAGE_CHARACTERS
    for ordinal, body in cursor:
        rows.append((ordinal, body))
        room -= len(body)
        if room < 0:
            break
    cursor.close()
    return rows
