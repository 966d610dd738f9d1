"""Blobs in GridFS: files whose name is the SHA-256 of their content.

Every change of a file's state is an update of its one document in ``omega.fs.files``: from ``writing`` to ``stored``,
by which the blob appears, and from ``stored`` to ``deleted``, by which it is gone. A unique index sees to it that a
content is stored once.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, BinaryIO, Final, cast

from bson.objectid import ObjectId
from pymongo.collection import Collection
from pymongo.errors import AutoReconnect, DuplicateKeyError, ServerSelectionTimeoutError

from omega_domain.errors import BlobNotFoundError, OmegaError
from omega_domain.ports.clock import Clock
from omega_domain.ports.store import FileInfo, Files, FileWriter
from omega_mongo.client import Connection
from omega_mongo.errors import FAILURES, translate, translated
from omega_mongo.gridfile import DELETED, STORED, WRITING, GridReader, GridWriter, remove
from omega_mongo.names import FILES
from omega_mongo.schema import CHECKED, PREPARED, check_format, prepare

PATIENCE: Final = timedelta(hours=1)
"""How long a writer may write nothing before it is taken for dead."""

_AT_ONCE: Final = 1000
_BUFFER: Final = 8 * 1024
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

Document = dict[str, Any]


class MongoFiles(Files):
    """Content-addressed blobs in the GridFS ``omega.fs``."""

    def __init__(self, connection: Connection, clock: Clock, *, patience: timedelta = PATIENCE) -> None:
        """Use this connection; ``patience`` is how long a writer may pause before it is taken for dead."""
        self._connection = connection
        self._clock = clock
        self._patience = patience

    @contextmanager
    def new_file(self, *, leased_until: datetime) -> Iterator[FileWriter]:
        """Return a context manager with a writer; leaving it stores the blob, leaving it by an error stores nothing."""
        if PREPARED not in self._connection.done:
            prepare(self._connection)
        writer = GridWriter(self._connection)
        is_kept = False
        try:
            yield writer
            try:
                is_kept = self._adopt(writer, to_number(leased_until))
            except FAILURES as error:
                raise translate(error, self._connection.url) from error
        finally:
            if not is_kept:
                with suppress(OmegaError), translated(self._connection.url):
                    writer.discard()

    def get(self, file_id: str) -> BinaryIO:
        """Open a blob for reading; its chunks are fetched as they are read."""
        try:
            found = self._files().find_one({"filename": file_id, "metadata.state": STORED})
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        if found is None:
            raise BlobNotFoundError(f"there is no blob {file_id}; run 'om fsck' to see what it belonged to")
        return cast("BinaryIO", io.BufferedReader(GridReader(self._connection, found), _BUFFER))

    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""
        with translated(self._connection.url):
            return self._files().find_one(_stored([file_id]), {"_id": 1}) is not None

    def find(self) -> Iterator[FileInfo]:
        """Iterate over all blobs."""
        with translated(self._connection.url):
            for document in self._files().find({"metadata.state": STORED}):
                yield _info(document)

    def lease(self, file_ids: Iterable[str], *, until: datetime) -> set[str]:
        """Extend the leases of these blobs (never shorten one); return the ids of those that do not exist."""
        missing: set[str] = set()
        try:
            for ids in _batches(file_ids):
                missing |= ids - self._lease(ids, to_number(until))
        except FAILURES as error:
            raise translate(error, self._connection.url) from error
        return missing

    def delete(self, file_ids: Iterable[str], *, leased_before: datetime) -> set[str]:
        """Delete those of the blobs whose lease ended before this time, each in one atomic step; return their ids."""
        deleted: set[str] = set()
        with translated(self._connection.url):
            for ids in _batches(file_ids):
                deleted |= self._delete(ids, to_number(leased_before))
        return deleted

    def sweep(self, *, older_than: datetime) -> list[str]:
        """Remove what dead writers and interrupted deletes left; return the ids of the files.

        A writer that has written within the last hour, by the server's clock, is alive.
        """
        with translated(self._connection.url):
            limit = min(older_than, self._connection.time() - self._patience)
            dead = {"metadata.state": WRITING, "metadata.touched": {"$lt": limit}}
            self._files().update_many(dead, {"$set": {"metadata.state": DELETED}})
            left = [document["_id"] for document in self._files().find({"metadata.state": DELETED}, {"_id": 1})]
            for start in range(0, len(left), _AT_ONCE):
                remove(self._connection.own, left[start : start + _AT_ONCE])
        return [str(file_id) for file_id in left]

    def _adopt(self, writer: GridWriter, leased_until: int) -> bool:
        """Make a written file a blob; False if there is one of this content, whose lease is extended then.

        What is small was not sent yet, and need not be if it is there.
        """
        file_id = writer.finish()
        while writer.is_unsent:
            if self._is_whole(writer.begin(leased_until)):
                return False
        writer.flush()
        while not self._store(writer, leased_until):
            if self._lease({file_id}, leased_until) and self._is_whole(self._files().find_one(_stored([file_id]))):
                return False
        return True

    def _store(self, writer: GridWriter, leased_until: int) -> bool:
        """Let a file whose chunks are all there appear as a blob; False if there is another of the same content."""
        times = {"created": to_number(self._clock.now()), "leased_until": leased_until}
        change = {"filename": writer.id, "length": writer.size, "metadata": {"state": STORED, **times}}
        mine = {"_id": writer.file_id, "metadata.state": WRITING}
        try:
            done = self._connection.journaled[f"{FILES}.files"].update_one(
                mine, {"$set": change, "$currentDate": {"uploadDate": True}}
            )
        except DuplicateKeyError:
            return False
        if not done.matched_count and not self._is_stored(writer.file_id):
            raise writer.swept()
        return True

    def _is_stored(self, physical: ObjectId) -> bool:
        """Tell whether a file is a blob: a write that was sent twice finds that it was done the first time."""
        return self._files().find_one({"_id": physical, "metadata.state": STORED}, {"_id": 1}) is not None

    def _is_whole(self, blob: Document | None) -> bool:
        """Tell whether a blob has all its chunks; one that does not is given up, so that it can be stored anew."""
        if blob is None:
            return False
        chunks = self._connection.own[f"{FILES}.chunks"].count_documents({"files_id": blob["_id"]})
        if chunks == -(-blob["length"] // blob["chunkSize"]):
            return True
        damaged = {"_id": blob["_id"], "metadata.state": STORED}
        self._files().update_one(damaged, {"$set": {"metadata.state": DELETED}})
        return False

    def _lease(self, ids: set[str], until: int) -> set[str]:
        """Extend leases; return the ids of the blobs that are there."""
        present = ids
        while present:
            if self._extend(present, until) == len(present):
                break
            present = {document["filename"] for document in self._files().find(_stored(present), {"filename": 1})}
        return present

    def _extend(self, ids: set[str], until: int) -> int:
        """Extend the leases of those that are there; return how many.

        The driver repeats no update of many. This one may be: done twice, it changes no more than done once.
        """
        wanted, change = _stored(ids), {"$max": {"metadata.leased_until": until}}
        try:
            return self._files().update_many(wanted, change).matched_count
        except ServerSelectionTimeoutError:
            raise
        except AutoReconnect:
            return self._files().update_many(wanted, change).matched_count

    def _delete(self, ids: set[str], leased_before: int) -> set[str]:
        mark = ObjectId()
        ended = {**_stored(ids), "metadata.leased_until": {"$lt": leased_before}}
        done = self._files().update_many(ended, {"$set": {"metadata.state": DELETED, "metadata.deletion": mark}})
        if not done.matched_count:
            return set()
        marked = {"metadata.state": DELETED, "metadata.deletion": mark}
        gone = {document["_id"]: document["filename"] for document in self._files().find(marked, {"filename": 1})}
        remove(self._connection.own, list(gone))
        return set(gone.values())

    def _files(self) -> Collection[Document]:
        if CHECKED not in self._connection.done:
            check_format(self._connection)
        return self._connection.own[f"{FILES}.files"]


def to_number(moment: datetime) -> int:
    """Return a time as microseconds since 1970, which a date of BSON could not hold."""
    return (moment - _EPOCH) // _MICROSECOND


def from_number(number: int) -> datetime:
    """Return the time of :func:`to_number`."""
    return _EPOCH + number * _MICROSECOND


def _stored(ids: Iterable[str]) -> Document:
    return {"filename": {"$in": sorted(ids)}, "metadata.state": STORED}


def _info(document: Document) -> FileInfo:
    metadata = document["metadata"]
    return FileInfo(
        id=document["filename"],
        size=int(document["length"]),
        created=from_number(metadata["created"]),
        leased_until=from_number(metadata["leased_until"]),
    )


def _batches(ids: Iterable[str]) -> Iterator[set[str]]:
    remaining = iter(ids)
    while batch := set(islice(remaining, _AT_ONCE)):
        yield batch
