"""Opening the database file of a home: made if it is not there, checked, read-only where it can not be written."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from omega_domain.errors import StoreFormatError, StoreReadOnlyError, StoreUnavailableError
from omega_local.schema import APPLICATION, FORMAT, LOST_BEFORE, SCHEMA, UPGRADES

DATABASE: Final = "omega.db"
_NOT_WRITABLE: Final = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}
_LOG_LIMIT: Final = 64 * 2**20
_RETRY_SECONDS: Final = 0.01


class Connection(sqlite3.Connection):
    """A connection that knows which file it has open."""

    path: Path
    stamp: tuple[int, ...] = ()
    immutable: bool = False
    _durable: bool | None = None

    @property
    def is_current(self) -> bool:
        """Whether the path still is the file that is open; and, if it was opened as immutable, has not changed."""
        return self.stamp == _stamp(self.path, whole=self.immutable)

    def set_durable(self, *, durable: bool) -> None:
        """Say whether the next commits must survive a power failure."""
        if durable is not self._durable:
            self.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
            self._durable = durable


def open_connection(home: Path, *, timeout: float) -> Connection:
    """Return a connection in autocommit mode to the database of this home, after making or checking it.

    Raises:
        StoreFormatError: it was written by a newer omega-ml.
        StoreUnavailableError: it is not a database of ours.
        sqlite3.Error, OSError: to be translated by the caller.
    """
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = home / DATABASE
    try:
        return _check(_connect(path, timeout=timeout), timeout=timeout)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _NOT_WRITABLE or not path.exists():
            raise
    return _check(_connect_immutable(path, timeout=timeout), timeout=timeout)


def _connect(path: Path, *, timeout: float, immutable: bool = False) -> Connection:
    connection: Connection = sqlite3.connect(
        f"{path.as_uri()}?{'immutable=1' if immutable else 'mode=rwc'}",
        uri=True,
        timeout=timeout,
        isolation_level=None,
        check_same_thread=False,
        factory=Connection,
    )
    connection.path, connection.immutable = path, immutable
    connection.execute(f"PRAGMA journal_size_limit = {_LOG_LIMIT}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.stamp = _stamp(path, whole=immutable)
    return connection


def _connect_immutable(path: Path, *, timeout: float) -> Connection:
    """Open a database whose folder can not be written, and who nobody writes at this moment.

    SQLite needs to write beside its file even for reading, if the log of the last writer is not there.
    """
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size:
        raise StoreReadOnlyError(
            f"{path} has changes that wait in {log.name} and can not be merged without write permission; "
            "open the store once with it, for example by 'om doctor'"
        )
    return _connect(path, timeout=timeout, immutable=True)


def _check(connection: Connection, *, timeout: float) -> Connection:
    try:
        if _written_by(connection) != (APPLICATION, FORMAT):
            _make(connection, timeout=timeout)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(connection: Connection, *, timeout: float) -> None:
    """Make the tables, or bring them up to date; a database of somebody else is left alone."""
    _refuse_others(connection)
    _switch_to_log(connection, deadline=time.monotonic() + timeout)
    connection.execute("BEGIN IMMEDIATE")
    try:
        application, version = _written_by(connection)
        if application != APPLICATION:
            for statement in SCHEMA:
                connection.execute(statement)
            if any(connection.path.parent.glob("blobs/*/*")):
                connection.execute(LOST_BEFORE)
        else:
            for older in range(version, FORMAT):
                for statement in UPGRADES[older]:
                    connection.execute(statement)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _refuse_others(connection: Connection) -> None:
    connection.execute("BEGIN")  # one look at all three, while others may be making the tables
    application, version = _written_by(connection)
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    connection.execute("COMMIT")
    if application == APPLICATION and version > FORMAT:
        raise StoreFormatError(
            f"{connection.path} has format {version}, this omega-ml reads up to {FORMAT}: upgrade omega-ml, "
            "or choose another home"
        )
    if application not in {0, APPLICATION} or (tables and application == 0):
        raise StoreUnavailableError(f"{connection.path} is a database of another program; choose another home")


def _switch_to_log(connection: Connection, *, deadline: float) -> None:
    """Let readers and the writer not wait for each other; SQLite itself does not wait for this switch."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _written_by(connection: Connection) -> tuple[int, int]:
    """Return the marks of program and format: one read of the file's first page each."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return application, version


def _stamp(path: Path, *, whole: bool) -> tuple[int, ...]:
    try:
        status = os.stat(path)  # noqa: PTH116 -- asked for with each use of a connection, and faster
    except OSError:
        return ()
    if not whole:
        return (status.st_dev, status.st_ino)
    log = path.with_name(f"{path.name}-wal")
    return (status.st_dev, status.st_ino, status.st_mtime_ns, status.st_size, log.stat().st_size if log.exists() else 0)
