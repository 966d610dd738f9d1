"""Writing one blob: streamed into a temporary file, hashed on the way, locked while its writer lives."""

from __future__ import annotations

import fcntl
import io
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from omega_domain.adapters.hashing import HashingWriter
from omega_local.errors import translated

_BUFFER: Final = 2**20
_LARGE: Final = 2**18


class BlobWriter(HashingWriter):
    """Writes a temporary file of its own.

    The lock on the file is what tells a living writer from a dead one, so that :meth:`LocalFiles.sweep` never takes a
    file from somebody who is still writing it, however long that takes.
    """

    def __init__(self, home: Path, path: Path, file: io.BufferedWriter[io.FileIO]) -> None:
        """Use :meth:`open`."""
        super().__init__()
        self.path = path
        self._home = home
        self._file = file
        self._hasher: ThreadPoolExecutor | None = None

    @classmethod
    def open(cls, home: Path) -> Self:
        """Begin a new temporary file in the folder ``tmp`` of the home."""
        folder = home / "tmp"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            path = folder / uuid.uuid4().hex
            file = io.BufferedWriter(io.FileIO(path, "xb"), _BUFFER)
            if lock(file.fileno()) and os.fstat(file.fileno()).st_nlink:
                return cls(home, path, file)
            file.close()  # swept away before it was locked

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add bytes; return how many."""
        with translated(self._home):
            if len(data) < _LARGE:
                self._hash.update(data)
                written = self._file.write(data)
            else:
                hashed = self._beside().submit(self._hash.update, data)
                written = self._file.write(data)
                hashed.result()
        self._size += written
        return written

    def finish(self) -> None:
        """Bring the content to the disk for good; the file stays open and locked."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._seal()

    def move(self, target: Path) -> None:
        """Give the file its final name."""
        make_folder(target.parent)
        self.path.rename(target)
        self.path = target
        sync_folder(target.parent)

    def _beside(self) -> ThreadPoolExecutor:
        """Return what hashes large pieces while they are written; neither holds the interpreter's lock."""
        if self._hasher is None:
            self._hasher = ThreadPoolExecutor(1, thread_name_prefix="omega-hash")
        return self._hasher

    def close(self) -> None:
        """Let go of file and lock; what was not flushed is forgotten."""
        if self._hasher is not None:
            self._hasher.shutdown()
        with suppress(OSError):
            self._file.raw.close()

    def remove(self) -> None:
        """Remove the file under its present name."""
        self.path.unlink(missing_ok=True)


def lock(descriptor: int) -> bool:
    """Lock an open file, unless another does; the lock ends when the file is closed, also by a crash."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def make_folder(folder: Path) -> None:
    """Make sure that a folder is there, also after a power failure."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
