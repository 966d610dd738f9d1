"""The SQLite database of a home: opening it, and reading and writing it from many threads and processes.

SQLite's connections must not cross a fork (https://www.sqlite.org/howtocorrupt.html, 2.6): before one, all are closed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from omega_domain.errors import OmegaError
from omega_local.errors import translate
from omega_local.opening import Connection, open_connection

_KEPT_OPEN: Final = 8
_PATIENCE: Final = 60.0


class Database:
    """A pool of connections to one database file; every operation borrows one for a moment.

    Args:
        home: the folder that the database is in; made on first use.
        timeout: seconds to wait for other processes that write.
    """

    def __init__(self, home: Path, *, timeout: float = _PATIENCE) -> None:
        self.home = home
        self._timeout = timeout
        self._idle: list[Connection] = []
        self._gate = threading.Condition()
        self._borrowed = 0
        self._forking = False
        self._process = os.getpid()
        weakref.finalize(self, _close_all, self._idle)
        fork_guard().add(self)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Borrow a connection for statements that read; each sees one committed state."""
        try:
            connection = self._borrow()
            try:
                yield connection
            finally:
                self._give_back(connection)
        except OmegaError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise translate(error, self.home) from error

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """Borrow a connection in a write transaction, committed at the end, rolled back by an error.

        Args:
            durable: whether the commit must survive a power failure (a crash of the process it always survives).
        """
        with self.read() as connection:
            connection.set_durable(durable=durable)
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                if connection.in_transaction:
                    connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close the connections that nobody uses; the next operation opens a new one."""
        with self._gate:
            _close_all(self._idle)

    def _borrow(self) -> Connection:
        with self._gate:
            while self._forking:
                self._gate.wait()
            self._forget_after_fork()
            self._borrowed += 1
            connection = self._idle.pop() if self._idle else None
        try:
            if connection is not None and connection.is_current:
                return connection
            if connection is not None:
                connection.close()
            return open_connection(self.home, timeout=self._timeout)
        except BaseException:
            self._end_loan()
            raise

    def _give_back(self, connection: Connection) -> None:
        if len(self._idle) < _KEPT_OPEN:
            self._idle.append(connection)
        else:
            connection.close()
        self._end_loan()

    def _end_loan(self) -> None:
        with self._gate:
            self._borrowed -= 1
            if self._forking:
                self._gate.notify_all()

    def hold_for_fork(self) -> None:
        """Let nobody borrow a connection, wait until all are back and close them."""
        self._gate.acquire()
        self._forking = True
        self._gate.wait_for(lambda: self._borrowed == 0, timeout=self._timeout)
        _close_all(self._idle)

    def release_after_fork(self) -> None:
        """Let connections be borrowed again, in parent and child."""
        self._forking = False
        self._gate.notify_all()
        self._gate.release()

    def _forget_after_fork(self) -> None:
        """In a child whose parent forked behind Python's back: leave the parent's connections alone, also unclosed."""
        if self._process != os.getpid():
            fork_guard().abandon(self._idle)
            self._process, self._borrowed = os.getpid(), 0


class _ForkGuard:
    """Sees to it that a fork happens while no database is open."""

    def __init__(self) -> None:
        self._databases: weakref.WeakSet[Database] = weakref.WeakSet()
        self._held: list[Database] = []
        self._abandoned: list[Connection] = []
        self._turn = threading.Lock()
        os.register_at_fork(before=self._before, after_in_parent=self._after, after_in_child=self._after)

    def add(self, database: Database) -> None:
        self._databases.add(database)

    def abandon(self, connections: list[Connection]) -> None:
        self._abandoned += connections
        connections.clear()

    def _before(self) -> None:
        self._turn.acquire()
        for database in list(self._databases):
            database.hold_for_fork()
            self._held.append(database)

    def _after(self) -> None:
        while self._held:
            self._held.pop().release_after_fork()
        self._turn.release()


@cache
def fork_guard() -> _ForkGuard:
    """Return the guard of this process."""
    return _ForkGuard()


def _close_all(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()
