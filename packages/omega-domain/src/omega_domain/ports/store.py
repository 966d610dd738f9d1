"""Port of the payload store: content-addressed files, and collections of documents."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

Document = dict[str, Any]
Filter = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileInfo:
    """A stored blob: its SHA-256 in hex, its size in bytes, when it was stored and until when it is leased (UTC)."""

    id: str
    size: int
    created: datetime
    leased_until: datetime


class FileWriter(Protocol):
    """A blob being written. Bytes are hashed on the way and never held whole in memory."""

    @abstractmethod
    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        """Add bytes; return how many."""

    @property
    @abstractmethod
    def id(self) -> str:
        """SHA-256 of the content in hex, once the writer was left without an error."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes written so far."""


class Files(Protocol):
    """Blobs addressed by the SHA-256 of their content; the same content twice is stored once.

    Duties: a blob is there whole or not at all, also after a crash (and durable once its writer was left); many threads
    and processes at once; physical names are unique, so that deleting a blob never hits the same content stored anew.
    Every blob has a lease: until it ends, :meth:`delete` leaves the blob alone.
    """

    @abstractmethod
    def new_file(self, *, leased_until: datetime) -> AbstractContextManager[FileWriter]:
        """Return a context manager with a writer; leaving it stores the blob, leaving it by an error stores nothing.

        If the content exists already, its lease is extended to ``leased_until`` and nothing is stored again.

        Raises:
            StoreFullError: no space left. StoreReadOnlyError: the store can not be written.
        """

    @abstractmethod
    def get(self, file_id: str) -> BinaryIO:
        """Open a blob for reading: seekable, fetching only what is read.

        An open blob can be read to its end even if it is deleted meanwhile, where the technology allows it.

        Raises:
            BlobNotFoundError: there is no such blob.
        """

    @abstractmethod
    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""

    @abstractmethod
    def find(self) -> Iterator[FileInfo]:
        """Iterate over all blobs."""

    @abstractmethod
    def lease(self, file_ids: Iterable[str], *, until: datetime) -> set[str]:
        """Extend the leases of these blobs (never shorten one); return the ids of those that do not exist."""

    @abstractmethod
    def delete(self, file_ids: Iterable[str], *, leased_before: datetime) -> set[str]:
        """Delete those of the blobs whose lease ended before this time, each in one atomic step; return their ids."""

    @abstractmethod
    def sweep(self, *, older_than: datetime) -> list[str]:
        """Remove what dead writers left behind before this time (temporary and unindexed files); return what it was."""


class UpdateResult(Protocol):
    """What an update did, as pymongo reports it."""

    @property
    def matched_count(self) -> int:
        """How many documents the filter found."""
        ...

    @property
    def modified_count(self) -> int:
        """How many documents changed."""
        ...


class DeleteResult(Protocol):
    """What a delete did, as pymongo reports it."""

    @property
    def deleted_count(self) -> int:
        """How many documents were deleted."""
        ...


class Collection(Protocol):
    """A collection of documents: the part of a pymongo Collection that omega-ml relies on, with its semantics.

    Documents are dicts with string keys; values are None, bool, int (64 bit), float, str, bytes, aware datetimes
    (milliseconds are kept), lists and dicts of these. ``_id`` is given or made (a string). Filters: equality,
    ``$eq $ne $gt $gte $lt $lte $in $nin $exists $regex $and $or $nor $not``, dotted paths. Each document is written
    atomically. Iteration without sort is in order of insertion as long as no index serves the filter.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Key of the collection."""

    @abstractmethod
    def insert_many(self, documents: Iterable[Document]) -> object:
        """Insert documents; adds ``_id`` to those without. Raises DuplicateDocumentError."""

    @abstractmethod
    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, int] | Sequence[str] | None = None,
        *,
        skip: int = 0,
        limit: int = 0,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Iterator[Document]:
        """Iterate over copies of the documents that match; ``limit=0`` means all; ``sort`` is ``[(path, ±1), …]``."""

    @abstractmethod
    def find_one(self, filter: Filter | None = None) -> Document | None:
        """Return a copy of the first document that matches; None if there is none."""

    @abstractmethod
    def update_one(self, filter: Filter, update: Mapping[str, Any], upsert: bool = False) -> UpdateResult:  # noqa: FBT001, FBT002 -- pymongo's signature
        """Change the first match by ``$set``, ``$unset``, ``$inc``, ``$setOnInsert``; atomic."""

    @abstractmethod
    def delete_many(self, filter: Filter) -> DeleteResult:
        """Delete all that match."""

    @abstractmethod
    def count_documents(self, filter: Filter) -> int:
        """Count those that match."""

    @abstractmethod
    def create_index(self, keys: str | Sequence[tuple[str, int]]) -> str:
        """Make sure that an index on these paths exists; return its name."""

    @abstractmethod
    def drop(self) -> None:
        """Remove the collection with all its documents and indexes; no error if there is none."""


class ArrowTable(Protocol):
    """A table of any library that speaks Arrow's PyCapsule interface.

    See https://arrow.apache.org/docs/format/CDataInterface/PyCapsuleInterface.html.
    """

    @abstractmethod
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Return the table as a stream of record batches."""


class ArrowSchema(Protocol):
    """A schema of any library that speaks Arrow's PyCapsule interface."""

    @abstractmethod
    def __arrow_c_schema__(self) -> object:
        """Return the schema."""


@runtime_checkable
class SupportsTables(Protocol):
    """Ability of collections to take and give many documents as tables of Arrow, without a Python object a value.

    A row is a document, a column a field; null stands for None, and for a field that is not there. Columns are of the
    types null, bool, int64, float64, string, binary and timestamp[ms, UTC].
    """

    @abstractmethod
    def insert_table(self, table: ArrowTable) -> None:
        """Insert the rows in order; a column ``_id`` is required. Raises DuplicateDocumentError."""

    @abstractmethod
    def find_table(self, filter: Filter, schema: ArrowSchema, *, whole: bool = False) -> ArrowTable:
        """Return the fields of this schema of all documents that match, in no particular order.

        Args:
            filter: as for ``find``.
            schema: which fields, and of which types.
            whole: whether these are nearly all fields that there are, so that leaving out others is not worth while.

        Raises:
            CorruptPayloadError: a value is of another type than the schema says.
        """


@runtime_checkable
class SupportsDatabase(Protocol):
    """Ability of stores to give the database that they are in, as its driver's object."""

    @property
    @abstractmethod
    def database(self) -> object:
        """The database, such as a ``pymongo.database.Database``."""


@runtime_checkable
class SupportsLosses(Protocol):
    """Ability of stores to find out that what they know of their payloads was lost, and begins anew beside them."""

    @abstractmethod
    def losses(self) -> Iterator[str]:
        """Say what was lost and what is left; nothing if all is well."""

    @abstractmethod
    def accept_losses(self) -> None:
        """Forget what was lost; from now on ``sweep`` and collect remove what is left of it."""


@runtime_checkable
class SupportsTime(Protocol):
    """Ability of stores to tell the time by the one clock that all who share them have in common."""

    @abstractmethod
    def time(self) -> datetime:
        """Return the time of the store in UTC, aware; it is asked anew each time."""


class Store(Protocol):
    """Where payloads are kept."""

    @property
    @abstractmethod
    def files(self) -> Files:
        """The blobs."""

    @abstractmethod
    def collection(self, key: str) -> Collection:
        """Return the collection of this key; it comes into being with its first document."""

    @abstractmethod
    def collections(self) -> list[str]:
        """Return the keys of all collections that hold documents, sorted."""

    @property
    @abstractmethod
    def url(self) -> str:
        """Where this is, for people, without secrets; equal for two adapters on the same data."""


@runtime_checkable
class SupportsLocalPath(Protocol):
    """Ability of Files whose blobs are files on this machine, so that they can be memory-mapped."""

    @abstractmethod
    def local_path(self, file_id: str) -> Path:
        """Return the path of the blob, for reading only. Raises BlobNotFoundError."""
