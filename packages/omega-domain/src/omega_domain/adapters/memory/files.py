"""Blobs as bytes of this process."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import BinaryIO

from omega_domain.adapters.hashing import HashingWriter
from omega_domain.errors import BlobNotFoundError
from omega_domain.ports.clock import Clock
from omega_domain.ports.store import FileInfo, Files, FileWriter


class MemoryFiles(Files):
    """Content-addressed blobs in a dict."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        """Start empty; the lock is the store's."""
        self._clock = clock
        self._lock = lock
        self._blobs: dict[str, tuple[bytes, FileInfo]] = {}

    @contextmanager
    def new_file(self, *, leased_until: datetime) -> Iterator[FileWriter]:
        """Return a context manager with a writer; leaving it stores the blob, leaving it by an error stores nothing."""
        writer = _MemoryWriter()
        yield writer
        file_id = writer.close()
        with self._lock:
            if self.lease([file_id], until=leased_until):
                info = FileInfo(id=file_id, size=writer.size, created=self._clock.now(), leased_until=leased_until)
                self._blobs[file_id] = (writer.content, info)

    def get(self, file_id: str) -> BinaryIO:
        """Open a blob for reading."""
        with self._lock:
            if file_id not in self._blobs:
                raise BlobNotFoundError(f"there is no blob {file_id}; run 'om fsck' to see what it belonged to")
            return io.BytesIO(self._blobs[file_id][0])

    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""
        with self._lock:
            return file_id in self._blobs

    def find(self) -> Iterator[FileInfo]:
        """Iterate over all blobs."""
        with self._lock:
            found = [info for _, info in self._blobs.values()]
        return iter(found)

    def lease(self, file_ids: Iterable[str], *, until: datetime) -> set[str]:
        """Extend the leases of these blobs (never shorten one); return the ids of those that do not exist."""
        missing = set()
        with self._lock:
            for file_id in file_ids:
                if file_id in self._blobs:
                    content, info = self._blobs[file_id]
                    self._blobs[file_id] = (content, replace(info, leased_until=max(until, info.leased_until)))
                else:
                    missing.add(file_id)
        return missing

    def delete(self, file_ids: Iterable[str], *, leased_before: datetime) -> set[str]:
        """Delete those of the blobs whose lease ended before this time; return their ids."""
        with self._lock:
            ended = {
                file_id
                for file_id in file_ids
                if file_id in self._blobs and self._blobs[file_id][1].leased_until < leased_before
            }
            for file_id in ended:
                del self._blobs[file_id]
        return ended

    def sweep(self, *, older_than: datetime) -> list[str]:  # noqa: ARG002 -- a dead writer leaves nothing in memory
        """Return nothing: what a writer did not finish is gone with it."""
        return []


class _MemoryWriter(HashingWriter):
    def __init__(self) -> None:
        super().__init__()
        self._buffer = io.BytesIO()
        self.content = b""

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add bytes; return how many."""
        written = self._buffer.write(data)
        self._hash.update(data)
        self._size += written
        return written

    def close(self) -> str:
        self.content = self._buffer.getvalue()
        self._buffer.close()
        return self._seal()
