"""The payload store of a home: blobs as files, documents in the database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.ports.clock import Clock
from omega_domain.ports.store import Store, SupportsLosses, SupportsTime
from omega_local.collection import LocalCollection
from omega_local.database import Database
from omega_local.errors import translated
from omega_local.files import LocalFiles
from omega_local.opening import DATABASE


class LocalStore(Store, SupportsLosses, SupportsTime):
    """Keeps payloads in a folder of this machine; many threads, processes and instances may share it.

    Args:
        home: the folder; made with its first use, for nobody but its owner.
        clock: tells when blobs are stored.
        timeout: seconds to wait for other processes that write.
    """

    def __init__(self, home: str | os.PathLike[str], *, clock: Clock | None = None, timeout: float = 60.0) -> None:
        self._home = home_path(home)
        self._database = Database(self._home, timeout=timeout)
        self._files = LocalFiles(self._database, clock or SystemClock())

    @property
    def files(self) -> LocalFiles:
        """The blobs."""
        return self._files

    def collection(self, key: str) -> LocalCollection:
        """Return the collection of this key; it comes into being with its first document."""
        return LocalCollection(self._database, key)

    def collections(self) -> list[str]:
        """Return the keys of all collections that hold documents, sorted."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT key FROM collections"
                " WHERE EXISTS (SELECT 1 FROM documents WHERE collection = collections.number) ORDER BY key"
            )
            return [key for (key,) in rows]

    @property
    def url(self) -> str:
        """``file://`` and the path of the home."""
        return f"file://{self._home}"

    def time(self) -> datetime:
        """Return the time by the clock of the file system, which on a network is that of its server.

        The folder is touched; that takes no space, so it works on a full disk.
        """
        with translated(self._home):
            self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.utime(self._home)
            return datetime.fromtimestamp(self._home.stat().st_mtime, tz=UTC)

    def losses(self) -> Iterator[str]:
        """Say how many blobs are here that were known to a database that is gone."""
        if found := self._files.unknown():
            size = sum(path.stat().st_size for path in found)
            yield (
                f"{self._home / DATABASE} is younger than {len(found)} blob(s) of {size} bytes beside it, and does not "
                "know them: the database that did was emptied, removed, or copied without its -wal file"
            )

    def accept_losses(self) -> None:
        """Let sweep take those blobs for what dead writers left."""
        self._files.give_up_unknown()

    def close(self) -> None:
        """Close what is open; the next use opens it again."""
        self._database.close()


def home_path(home: str | os.PathLike[str]) -> Path:
    """Return the one absolute path of a home, whatever links lead there."""
    return Path(home).expanduser().resolve()
