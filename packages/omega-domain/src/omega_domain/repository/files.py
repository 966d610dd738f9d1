"""The ``fs`` of a store: blobs with the methods of a GridFS, for backends that write files themselves."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from omega_domain.errors import StoreError
from omega_domain.ports.objects import Objects
from omega_domain.ports.store import FileWriter
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import Payloads


class FileSystem:
    """Blobs of a context. What no saved metadata points at is collected after its lease."""

    def __init__(self, context: Context, payloads: Payloads) -> None:
        self._files = context.store.files
        self._payloads = payloads

    def put(self, data: bytes | IO[bytes], **fields: Any) -> str:  # noqa: ARG002 -- GridFS takes filename and more
        """Store bytes or the rest of a binary file; return the id of the blob."""
        source = io.BytesIO(data) if isinstance(data, bytes | bytearray | memoryview) else data
        return self._payloads.copy(source).ref

    @contextmanager
    def new_file(self, **fields: Any) -> Iterator[FileWriter]:  # noqa: ARG002 -- the port's signature
        """Open a blob for writing, as a context manager; its ``id`` is known once it is closed."""
        with self._files.new_file(leased_until=self._payloads.lease_end()) as file:
            yield file

    def get(self, file_id: str) -> IO[bytes]:
        """Open a blob for reading."""
        return self._files.get(file_id)

    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""
        return self._files.exists(file_id)

    def size(self, file_id: str) -> int:
        """Return the size of a blob in bytes."""
        with self._files.get(file_id) as file:
            return file.seek(0, io.SEEK_END)

    def delete(self, file_id: str) -> None:
        """Give up a blob: collect removes it if no version needs it (the same content may be used elsewhere)."""


@dataclass(frozen=True, slots=True)
class GridFSProxy:
    """Points at a blob, by the id that ``store.fs.put`` returned."""

    grid_id: str
    store: Objects | None = field(default=None, repr=False, compare=False)

    def open(self) -> IO[bytes]:
        """Open the blob for reading."""
        if self.store is None:
            raise StoreError("this GridFSProxy is not bound to a store; read it from the metadata of a saved object")
        return self.store.fs.get(self.grid_id)

    def read(self) -> bytes:
        """Return the whole content."""
        with self.open() as file:
            return file.read()
