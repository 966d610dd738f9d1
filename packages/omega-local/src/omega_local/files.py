"""Blobs as files: ``blobs/ab/<sha256>.<unique>``, found by an index in the database."""

from __future__ import annotations

import re
import sqlite3
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final

from omega_domain.errors import BlobNotFoundError, CorruptPayloadError
from omega_domain.ports.clock import Clock
from omega_domain.ports.store import FileInfo, Files, FileWriter, SupportsLocalPath
from omega_local.blob_writer import BlobWriter, lock
from omega_local.database import Database
from omega_local.errors import translated
from omega_local.timestamps import from_number, to_number

_AT_ONCE: Final = 500
_PAGE: Final = 1000
_PHYSICAL: Final = re.compile(r"[0-9a-f]{2}[/\\][0-9a-f]{64}\.[0-9a-z]+")


class LocalFiles(Files, SupportsLocalPath):
    """Content-addressed blobs in the folder of a home.

    A blob is there when its row is in the index; a file without a row is what a dead writer left. Physical names are
    unique: content that is deleted and stored anew at the same time are two files, each with its own fate.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        """Use the index in this database and the folders beside it."""
        self._database = database
        self._clock = clock
        self._home = database.home
        self._blobs = database.home / "blobs"

    @contextmanager
    def new_file(self, *, leased_until: datetime) -> Iterator[FileWriter]:
        """Return a context manager with a writer; leaving it stores the blob, leaving it by an error stores nothing."""
        with translated(self._home):
            writer = BlobWriter.open(self._home)
        try:
            yield writer
            with translated(self._home):
                writer.finish()
                self._adopt(writer, to_number(leased_until))
        finally:
            writer.close()
            with suppress(OSError, sqlite3.Error):
                self._remove_unindexed(writer.path)

    def get(self, file_id: str) -> BinaryIO:
        """Open a blob for reading, as a file of the operating system."""
        with translated(self._home):
            for _ in range(2):  # the blob may be deleted and stored anew between the two steps
                path = self._find(file_id)
                with suppress(FileNotFoundError):
                    return path.open("rb")
        raise _file_gone(file_id)

    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""
        with self._database.read() as connection:
            return bool(self._present(connection, [file_id]))

    def find(self) -> Iterator[FileInfo]:
        """Iterate over all blobs in the index, by id."""
        last = ""
        while rows := self._page(last):
            for file_id, size, created, leased_until in rows:
                yield FileInfo(
                    id=file_id, size=size, created=from_number(created), leased_until=from_number(leased_until)
                )
            last = rows[-1][0]

    def lease(self, file_ids: Iterable[str], *, until: datetime) -> set[str]:
        """Extend the leases of these blobs (never shorten one); return the ids of those that do not exist."""
        missing: set[str] = set()
        for ids in _chunks(file_ids):
            # a lease is worth nothing after a power failure: then its owner is gone too
            with self._database.write(durable=False) as connection:
                present = self._present(connection, ids)
                _extend(connection, present, to_number(until))
            missing |= set(ids) - present
        return missing

    def delete(self, file_ids: Iterable[str], *, leased_before: datetime) -> set[str]:
        """Delete those of the blobs whose lease ended before this time, each in one atomic step; return their ids."""
        deleted: set[str] = set()
        for ids in _chunks(file_ids):
            with self._database.write() as connection:
                ended = _forget(connection, ids, to_number(leased_before))
            with translated(self._home):
                for file_id, physical in ended.items():
                    path = self._path(physical)
                    if path is not None:
                        path.unlink(missing_ok=True)
                    deleted.add(file_id)
        return deleted

    def sweep(self, *, older_than: datetime) -> list[str]:
        """Remove files of dead writers: temporary ones and blobs that are not in the index; return their names.

        Where the index was lost, blobs that are not in it are no dead writer's, and stay.
        """
        with translated(self._home):
            left = [path for path in self._unindexed() if _modified(path) < older_than.timestamp()]
            return [str(path.relative_to(self._home)) for path in left if self._remove_unindexed(path)]

    def unknown(self) -> list[Path]:
        """Return the blobs that an index knew that was lost; none if it was not."""
        with translated(self._home):
            return list(self._unindexed_blobs()) if self._is_lost() else []

    def give_up_unknown(self) -> None:
        """Let blobs that a lost index knew be taken for what dead writers left."""
        with self._database.write() as connection:
            connection.execute("DROP TABLE IF EXISTS lost_before")

    def local_path(self, file_id: str) -> Path:
        """Return the path of the blob, for reading only."""
        with translated(self._home):
            path = self._find(file_id)
            if not path.exists():
                raise _file_gone(file_id)
            return path

    def _find(self, file_id: str) -> Path:
        with self._database.read() as connection:
            row = connection.execute("SELECT physical FROM blobs WHERE id = ?", (file_id,)).fetchone()
        if row is None:
            raise BlobNotFoundError(f"there is no blob {file_id}; run 'om fsck' to see what it belonged to")
        path = self._path(row[0])
        if path is None:
            raise CorruptPayloadError(
                f"blob {file_id} is said to be in {row[0]!r}, which is no file of this store: its database was changed "
                "outside of omega-ml. Put the object again; run 'om fsck' to see which objects are damaged"
            )
        return path

    def _path(self, physical: object) -> Path | None:
        """Return where a file of the index is; None if the index, which others may write, names one elsewhere."""
        if not isinstance(physical, str) or _PHYSICAL.fullmatch(physical) is None:
            return None
        path = self._blobs / physical
        return None if path.parent.is_symlink() else path

    def _unindexed(self) -> Iterator[Path]:
        """Iterate over files that were no blobs a moment ago."""
        # what a link leads to is not ours to remove
        if not (self._home / "tmp").is_symlink():
            yield from sorted(self._home.glob("tmp/*"))
        if not self._is_lost():
            yield from self._unindexed_blobs()

    def _is_lost(self) -> bool:
        """Tell whether the database was made anew beside blobs."""
        with self._database.read() as connection:
            found = connection.execute("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'lost_before'")
            return found.fetchone() is not None

    def _unindexed_blobs(self) -> Iterator[Path]:
        for folder in sorted(path for path in self._blobs.glob("*/") if not path.is_symlink()):
            with self._database.read() as connection:
                rows = connection.execute(
                    "SELECT physical FROM blobs WHERE id BETWEEN ? AND ?", (folder.name, f"{folder.name}~")
                )
                indexed = {self._path(physical) for (physical,) in rows}
            yield from sorted(set(folder.iterdir()) - indexed)

    def _page(self, after: str) -> list[tuple[str, int, int, int]]:
        with self._database.read() as connection:
            return connection.execute(
                "SELECT id, size, created, leased_until FROM blobs WHERE id > ? ORDER BY id LIMIT ?", (after, _PAGE)
            ).fetchall()

    def _adopt(self, writer: BlobWriter, leased_until: int) -> None:
        """Make a finished file a blob, or extend the lease of the blob that has its content.

        The file gets its name before its row, so that no crash leaves a row without a file. A row whose file is
        missing or cut short is mended on this occasion.
        """
        target = self._blobs / writer.id[:2] / f"{writer.id}.{uuid.uuid4().hex[:12]}"
        with self._database.write() as connection:
            if self._present(connection, [writer.id]):
                _extend(connection, {writer.id}, leased_until)
                return
            writer.move(target)
            connection.execute(
                "INSERT INTO blobs (id, physical, size, created, leased_until) VALUES (?1, ?2, ?3, ?4, ?5)"
                " ON CONFLICT (id) DO UPDATE SET physical = ?2, size = ?3, leased_until = max(leased_until, ?5)",
                (writer.id, self._physical(target), writer.size, to_number(self._clock.now()), leased_until),
            )

    def _present(self, connection: sqlite3.Connection, ids: list[str]) -> set[str]:
        """Return those of the ids that are in the index and whose file is there in its full size."""
        marks = ", ".join("?" * len(ids))
        rows = connection.execute(f"SELECT id, physical, size FROM blobs WHERE id IN ({marks})", ids)  # noqa: S608
        return {file_id for file_id, physical, size in rows if _size(self._path(physical)) == size}

    def _physical(self, path: Path) -> str:
        return str(path.relative_to(self._blobs))

    def _remove_unindexed(self, path: Path) -> bool:
        """Remove a file unless somebody is writing it or it is a blob; tell whether it was removed."""
        try:
            with path.open("rb") as file:
                if not lock(file.fileno()) or self._is_indexed(path):
                    return False
                path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _is_indexed(self, path: Path) -> bool:
        if not path.is_relative_to(self._blobs):
            return False
        with self._database.read() as connection:
            found = connection.execute(
                "SELECT 1 FROM blobs WHERE id = ? AND physical = ?",
                (path.name.partition(".")[0], self._physical(path)),
            )
            return found.fetchone() is not None


def _extend(connection: sqlite3.Connection, ids: Iterable[str], until: int) -> None:
    connection.executemany(
        "UPDATE blobs SET leased_until = ?1 WHERE id = ?2 AND leased_until < ?1",
        [(until, file_id) for file_id in ids],
    )


def _forget(connection: sqlite3.Connection, ids: list[str], before: int) -> dict[str, str]:
    """Take those blobs out of the index whose lease has ended; return their physical names by id."""
    marks = ", ".join("?" * len(ids))
    condition = f"id IN ({marks}) AND leased_until < ?"
    ended = dict(connection.execute(f"SELECT id, physical FROM blobs WHERE {condition}", [*ids, before]).fetchall())  # noqa: S608
    connection.execute(f"DELETE FROM blobs WHERE {condition}", [*ids, before])  # noqa: S608
    return ended


def _chunks(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while chunk := list(islice(remaining, _AT_ONCE)):
        yield chunk


def _size(path: Path | None) -> int:
    try:
        return path.stat().st_size if path is not None else -1
    except FileNotFoundError:
        return -1


def _modified(path: Path) -> float:
    """Return when a file was last written; never, if it is gone meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return float("inf")


def _file_gone(file_id: str) -> BlobNotFoundError:
    return BlobNotFoundError(f"the file of blob {file_id} is gone; run 'om fsck' to see which objects are damaged")
