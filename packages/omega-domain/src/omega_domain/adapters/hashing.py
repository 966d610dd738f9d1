"""What writers of blobs have in common: the hash of the content, by which the blob is addressed, and its size."""

from __future__ import annotations

import hashlib

from omega_domain.ports.store import FileWriter


class HashingWriter(FileWriter):
    """Base of writers of blobs.

    ``write`` of the subclass adds the bytes to ``_hash`` and their number to ``_size``; when there are no more, it
    calls ``_seal``.
    """

    def __init__(self) -> None:
        """Begin with no content."""
        self._hash = hashlib.sha256()
        self._size = 0
        self._id = ""

    @property
    def id(self) -> str:
        """SHA-256 of the content in hex; empty until the writer was left."""
        return self._id

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._size

    def _seal(self) -> str:
        """Take no more bytes; return the id."""
        self._id = self._hash.hexdigest()
        return self._id
