"""Heads and versions in the database of a home."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any, Final

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version, VersionRef
from omega_domain.errors import ConflictError, CorruptPayloadError
from omega_domain.ports.metadata import MetadataStore
from omega_local.database import Database
from omega_local.heads import head_to_body, heads_from_bodies
from omega_local.store import home_path
from omega_local.timestamps import to_number

_PAGE: Final = 500
_RECORD: Final = "SELECT number, id, uid, seq, parent_id, parent_seq, digest, manifest, signature FROM versions"


class LocalMetadataStore(MetadataStore):
    """Keeps heads and versions in a folder of this machine; many threads, processes and instances may share it.

    Args:
        home: the folder; made with its first use, for nobody but its owner.
        timeout: seconds to wait for other processes that write.
    """

    def __init__(self, home: str | os.PathLike[str], *, timeout: float = 60.0) -> None:
        self._database = Database(home_path(home), timeout=timeout)

    def head(self, key: ObjectKey) -> Head | None:
        """Return the living head of this name; None if there is none."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT body FROM heads WHERE bucket = ? AND prefix = ? AND name = ? AND dropped IS NULL",
                (key.bucket, key.prefix, key.name),
            ).fetchall()
        return heads_from_bodies(rows)[0] if rows else None

    def heads(self, query: HeadQuery) -> list[Head]:
        """Return the heads that match, by bucket, prefix and name; the primary key keeps them in this order."""
        condition, values = _condition(query)
        with self._database.read() as connection:
            rows = connection.execute(
                f"SELECT body FROM heads WHERE {condition} ORDER BY bucket, prefix, name, uid",  # noqa: S608 -- made here
                values,
            ).fetchall()
        return heads_from_bodies(rows)

    def buckets(self) -> list[str]:
        """Return the names of the buckets with at least one living head, sorted."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT bucket FROM heads WHERE dropped IS NULL ORDER BY bucket")
            return [bucket for (bucket,) in rows]

    def version(self, version_id: str) -> Version | None:
        """Return one version; None if it does not exist (any more)."""
        with self._database.read() as connection:
            row = connection.execute(f"{_RECORD} WHERE id = ?", (version_id,)).fetchone()
        record = None if row is None else _read(row)
        return record if isinstance(record, Version) else None

    def versions(self, uid: str) -> list[Version | Tombstone]:
        """Return every record kept for this object, committed or not."""
        with self._database.read() as connection:
            rows = connection.execute(f"{_RECORD} WHERE uid = ? ORDER BY number", (uid,)).fetchall()
        return [_read(row) for row in rows]

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        """Make a change visible in one transaction, if nobody else changed the head meanwhile."""
        with self._database.write() as connection:
            won = _swap(connection, head, expected)
            if won and version is not None:
                _add_version(connection, version)
            if not won:
                connection.execute("ROLLBACK")
        return won

    def records(self) -> Iterator[Version | Tombstone]:
        """Iterate over every version and tombstone of the context, a page at a time."""
        last = 0
        while rows := self._page(last):
            yield from map(_read, rows)
            last = rows[-1][0]

    def purge(self, *, uids: Iterable[str] = (), versions: Iterable[str | Tombstone] = ()) -> None:
        """Remove for good: dropped heads by uid, versions and tombstones by id; tombstones replace versions."""
        with self._database.write() as connection:
            connection.executemany("DELETE FROM heads WHERE uid = ? AND dropped IS NOT NULL", [(uid,) for uid in uids])
            for version in versions:
                if isinstance(version, Tombstone):
                    _bury(connection, version)
                else:
                    connection.execute("DELETE FROM versions WHERE id = ?", (version,))

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._database.close()

    def _page(self, after: int) -> list[tuple[Any, ...]]:
        with self._database.read() as connection:
            return connection.execute(f"{_RECORD} WHERE number > ? ORDER BY number LIMIT ?", (after, _PAGE)).fetchall()


def _condition(query: HeadQuery) -> tuple[str, list[str]]:
    terms = ["dropped IS NOT NULL" if query.dropped else "dropped IS NULL"]
    values: list[str] = []
    for column, value in (("bucket", query.bucket), ("prefix", query.prefix), ("kind", query.kind)):
        if value is not None:
            terms.append(f"{column} = ?")
            values.append(value)
    if query.starts_with:
        terms.append("name >= ? AND substr(name, 1, length(?)) = ?")
        values += [query.starts_with] * 3
    return " AND ".join(terms), values


def _swap(connection: sqlite3.Connection, head: Head, expected: int | None) -> bool:
    """Write the head in place of the one with the expected revision; False if there is none, or the name is taken."""
    values = (head.revision, head.kind, to_number(head.dropped) if head.dropped else None, head_to_body(head))
    key = (head.key.bucket, head.key.prefix, head.key.name, head.uid)
    try:
        if expected is None:
            done = connection.execute(
                "INSERT INTO heads (revision, kind, dropped, body, bucket, prefix, name, uid)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, *key),
            )
        else:
            done = connection.execute(
                "UPDATE heads SET revision = ?, kind = ?, dropped = ?, body = ?"
                " WHERE bucket = ? AND prefix = ? AND name = ? AND uid = ? AND revision = ?",
                (*values, *key, expected),
            )
    except sqlite3.IntegrityError:
        return False
    return done.rowcount == 1


def _add_version(connection: sqlite3.Connection, version: Version) -> None:
    found = connection.execute("SELECT digest FROM versions WHERE id = ?", (version.id,)).fetchone()
    if found is None:
        parent = (version.parent.id, version.parent.seq) if version.parent else (None, None)
        connection.execute(
            "INSERT INTO versions (id, uid, seq, parent_id, parent_seq, digest, manifest, signature)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (version.id, version.uid, version.seq, *parent, version.digest, version.manifest, version.signature),
        )
    elif found != (version.digest,):
        raise ConflictError(f"version {version.id} of {version.key} exists already with other content")


def _bury(connection: sqlite3.Connection, tombstone: Tombstone) -> None:
    parent = (tombstone.parent.id, tombstone.parent.seq) if tombstone.parent else (None, None)
    connection.execute(
        "UPDATE versions SET uid = ?, seq = ?, parent_id = ?, parent_seq = ?, digest = NULL, manifest = NULL,"
        " signature = NULL"
        " WHERE id = ?",
        (tombstone.uid, tombstone.seq, *parent, tombstone.id),
    )


def _read(row: tuple[Any, ...]) -> Version | Tombstone:
    _, version_id, uid, seq, parent_id, parent_seq, digest, manifest, signature = row
    if manifest is None:
        parent = VersionRef(id=parent_id, seq=parent_seq) if parent_id else None
        return Tombstone(id=version_id, uid=uid, seq=seq, parent=parent)
    try:
        return Version.from_manifest(manifest, digest, signature, id_=version_id)
    except CorruptPayloadError as error:
        raise CorruptPayloadError(f"version {version_id}: {error}") from error
