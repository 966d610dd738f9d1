"""Reading and writing one blob as chunks of GridFS.

The layout is that of https://github.com/mongodb/specifications/blob/master/source/gridfs/gridfs-spec.md; any tool
that knows GridFS can read what is written here.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from bson.objectid import ObjectId
from pymongo import ReturnDocument
from pymongo.database import Database

from omega_domain.adapters.hashing import HashingWriter
from omega_domain.errors import BlobNotFoundError, ConflictError
from omega_mongo.client import Connection
from omega_mongo.errors import FAILURES, translate
from omega_mongo.names import FILES

CHUNK: Final = 96 * 1024
"""Bytes of a chunk; see docs/decisions/0009 for what others cost."""

WRITING, STORED, DELETED = "writing", "stored", "deleted"

_AT_ONCE: Final = 8 * 2**20 // CHUNK * CHUNK
_MOST_AHEAD: Final = 8 * 2**20 // CHUNK
_IN_ORDER: Final = 4
_RENEW_SECONDS: Final = 30.0


class GridWriter(HashingWriter):
    """Writes the chunks of a new file, which has the state ``writing`` until it is whole.

    The field ``metadata.touched`` tells a living writer from a dead one; it is renewed by the server's clock.
    """

    def __init__(self, connection: Connection) -> None:
        """Begin a file; nothing is sent before there is something to send."""
        super().__init__()
        self._connection = connection
        self.file_id = ObjectId()
        self._pending = bytearray()
        self._chunks = 0
        self._touched: float | None = None

    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add bytes; return how many."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        self._pending += view
        self._size += len(view)
        if len(self._pending) >= _AT_ONCE:
            self._send(whole_only=True)
        return len(view)

    def finish(self) -> str:
        """Take no more bytes; return the SHA-256 of the content."""
        return self._seal()

    @property
    def is_unsent(self) -> bool:
        """Whether nothing was sent so far, since all of the content is small."""
        return self._touched is None

    def begin(self, leased_until: int) -> dict[str, Any] | None:
        """Make the file known under its name; if there is a blob of this content, extend its lease and return it."""
        found = self._connection.own[f"{FILES}.files"].find_one_and_update(
            {"filename": self._id, "metadata.state": STORED},
            {
                "$max": {"metadata.leased_until": leased_until},
                "$currentDate": {"metadata.touched": True},
                "$setOnInsert": {"_id": self.file_id, "metadata.state": WRITING, "length": 0, "chunkSize": CHUNK},
            },
            upsert=True,
            return_document=ReturnDocument.AFTER,
        )
        if found is None or found["_id"] != self.file_id:
            return found
        self._touched = time.monotonic()
        return None

    def flush(self) -> None:
        """Send what is left."""
        self._send(whole_only=False)

    def discard(self) -> None:
        """Remove what was sent, unless it became a blob after all: then others may need it already."""
        if self._touched is None:
            return
        files = self._connection.own[f"{FILES}.files"]
        mine = {"_id": self.file_id, "metadata.state": WRITING}
        if files.update_one(mine, {"$set": {"metadata.state": DELETED}}).matched_count:
            remove(self._connection.own, [self.file_id])

    def swept(self) -> ConflictError:
        """Return the error for a file that was taken for a dead writer's."""
        return ConflictError(
            f"what was written to {self._connection.url} so far was swept away, because nothing was written for too "
            "long; nothing was changed, try again"
        )

    def _send(self, *, whole_only: bool) -> None:
        try:
            self._touch()
            end = len(self._pending) // CHUNK * CHUNK if whole_only else len(self._pending)
            documents = list(self._cut(end))
            if documents:
                self._connection.own[f"{FILES}.chunks"].insert_many(documents)
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        del self._pending[:end]
        self._chunks += len(documents)

    def _cut(self, end: int) -> Iterator[dict[str, Any]]:
        with memoryview(self._pending) as view:
            for place, start in enumerate(range(0, end, CHUNK)):
                data = bytes(view[start : min(start + CHUNK, end)])
                yield {"_id": ObjectId(), "files_id": self.file_id, "n": self._chunks + place, "data": data}

    def _touch(self) -> None:
        """Make the file known before its first chunk, and show now and then that its writer lives."""
        now = time.monotonic()
        if self._touched is not None and now - self._touched < _RENEW_SECONDS:
            return
        is_first = self._touched is None
        done = self._connection.own[f"{FILES}.files"].update_one(
            {"_id": self.file_id, "metadata.state": WRITING},
            {
                "$currentDate": {"metadata.touched": True},
                "$setOnInsert": {"length": 0, "chunkSize": CHUNK},
            },
            upsert=is_first,
        )
        if not is_first and not done.matched_count:
            raise self.swept()
        self._touched = now


class GridReader(io.RawIOBase):
    """Reads a stored file: seekable, and fetching only the chunks that are needed.

    Who keeps reading on from where the last read ended is sent more chunks at a time, twice as many each time.
    """

    def __init__(self, connection: Connection, document: Mapping[str, Any]) -> None:
        """Read the file of this document of ``omega.fs.files``."""
        self._connection = connection
        self._file_id = document["_id"]
        self._name = document["filename"]
        self._length: int = document["length"]
        self._chunk: int = document["chunkSize"]
        self._position = 0
        self._held: dict[int, bytes] = {}
        self._end = 0
        self._runs = 0

    def readable(self) -> bool:
        """Tell that this can be read."""
        return True

    def seekable(self) -> bool:
        """Tell that the position can be set."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Set the position; nothing is fetched."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._length}[whence]
        if start + offset < 0:
            raise ValueError(f"a position in a file can not be negative: {start + offset}")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Read as much as the buffer takes, or is left; return how many bytes."""
        with memoryview(buffer).cast("B") as view:
            done = 0
            for piece in self._pieces(len(view)):
                view[done : done + len(piece)] = piece
                done += len(piece)
        return done

    def readall(self) -> bytes:
        """Return the rest of the file."""
        return b"".join(self._pieces(self._length - self._position))

    def _pieces(self, size: int) -> Iterator[memoryview]:
        """Iterate over the bytes from the position on, and move it."""
        end = min(self._position + size, self._length)
        if self._position >= end:
            return
        self._runs = self._runs + 1 if self._position == self._end else 0
        first, last = self._position // self._chunk, (end - 1) // self._chunk
        self._fetch(first, last)
        for number in range(first, last + 1):
            start = number * self._chunk
            piece = memoryview(self._held[number])[max(self._position - start, 0) : end - start]
            self._position += len(piece)
            yield piece
        self._end = end

    def _fetch(self, first: int, last: int) -> None:
        missing = [number for number in range(first, last + 1) if number not in self._held]
        if not missing:
            return
        until = min(max(last, missing[0] + self._ahead), (self._length - 1) // self._chunk)
        self._held = {number: data for number, data in self._held.items() if first <= number <= last}
        wanted = {"files_id": self._file_id, "n": {"$gte": missing[0], "$lte": until}}
        try:
            chunks = self._connection.own[f"{FILES}.chunks"]
            found = chunks.find(wanted, {"_id": 0, "n": 1, "data": 1}, sort=[("n", 1)], batch_size=until - first + 2)
            self._held.update((chunk["n"], chunk["data"]) for chunk in found)
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        for number in range(first, last + 1):
            self._check(number)

    @property
    def _ahead(self) -> int:
        """How many chunks to fetch beyond the first: none before it is clear that everything is read in order."""
        return 0 if self._runs < _IN_ORDER else min(2 ** (self._runs - _IN_ORDER), _MOST_AHEAD)

    def _check(self, number: int) -> None:
        size = min(self._chunk, self._length - number * self._chunk)
        if len(self._held.get(number, b"")) != size:
            raise BlobNotFoundError(
                f"chunk {number} of blob {self._name} is not there as it was written: the blob was deleted while "
                "it was read, or damaged; read the object again, and run `om fsck` if it stays so"
            )


def remove(database: Database[Any], file_ids: list[ObjectId]) -> None:
    """Remove files for good, chunks first, so that a crash leaves something that can be found."""
    database[f"{FILES}.chunks"].delete_many({"files_id": {"$in": file_ids}})
    database[f"{FILES}.files"].delete_many({"_id": {"$in": file_ids}})
