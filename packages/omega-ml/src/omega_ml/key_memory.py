"""Memory of a key ring: the highest revision of each object whose signature was verified here.

The memory is kept beside the keys. By it, later processes notice that somebody has put an older state back into a
store.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock

from omega_domain.errors import KeysError
from omega_ml.files.own import NotOwnError, check_own
from omega_ml.private_files import private_folder

_MODE = 0o600
#: What may go wrong with the file; then this process remembers by itself.
_FAILURES = (sqlite3.Error, OSError)


class SeenRevisions:
    """Remembers revisions of objects in a database file; where that can not be, as long as the process lives.

    Args:
        path: of the file; it and its folder are made on first use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = {}
        self._lock = Lock()

    def last(self, uid: str) -> int:
        """Return the highest revision of an object that was seen; 0 if none was."""
        with self._lock:
            if uid not in self._known:
                self._known[uid] = self._read(uid)
            return self._known[uid]

    def see(self, uid: str, revision: int) -> None:
        """Remember a revision, unless a higher one was seen."""
        if revision > self.last(uid):
            with self._lock:
                self._known[uid] = max(revision, self._known.get(uid, 0))
            self._write(uid, revision)

    def _read(self, uid: str) -> int:
        if not self._path.exists():
            return 0
        with suppress(*_FAILURES), closing(self._open()) as database:
            row = database.execute("SELECT revision FROM seen WHERE uid = ?", (uid,)).fetchone()
            return int(row[0]) if row else 0
        return 0

    def _write(self, uid: str, revision: int) -> None:
        with suppress(*_FAILURES):
            private_folder(self._path.parent)
            with closing(self._open()) as database:
                database.execute(
                    "INSERT INTO seen VALUES (?, ?) ON CONFLICT (uid) DO UPDATE SET revision = excluded.revision"
                    " WHERE excluded.revision > revision",
                    (uid, revision),
                )

    def _open(self) -> sqlite3.Connection:
        self._keep_private()
        database = sqlite3.connect(self._path, isolation_level=None, timeout=10)
        database.execute("PRAGMA synchronous = OFF")  # what a power failure loses is seen again
        database.execute("CREATE TABLE IF NOT EXISTS seen (uid TEXT PRIMARY KEY, revision INTEGER) WITHOUT ROWID")
        return database

    def _keep_private(self) -> None:
        """Make the file if there is none; see that nobody else can read or write it. Raises KeysError."""
        try:
            check_own(self._path)
        except FileNotFoundError:
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, _MODE))
        except NotOwnError as error:
            raise KeysError(
                f"{self._path} remembers what was seen of each object, but {error}: whoever did so could bring back "
                "older states; remove the file, and it is made anew"
            ) from error
        if stat.S_IMODE(self._path.stat().st_mode) != _MODE:  # of earlier versions, which let others read it
            with suppress(OSError):
                self._path.chmod(_MODE)
