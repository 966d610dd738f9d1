"""Port of the payloads: the parts of a version, as backends write and read them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import IO, Any, Protocol, TypeVar

from omega_domain.entities.version import Part
from omega_domain.ports.store import Document, FileWriter, Filter

T = TypeVar("T")


class Payloads(Protocol):
    """Writes and reads the parts of versions in one context.

    What is written is held by a lease until a version needs it; without one it is collected after that.
    """

    @abstractmethod
    def write(self, write: Callable[[FileWriter], object], *, meta: Mapping[str, Any] | None = None) -> Part:
        """Store what ``write`` writes as a blob, streamed."""

    @abstractmethod
    def copy(self, source: IO[bytes], *, meta: Mapping[str, Any] | None = None) -> Part:
        """Store the rest of a binary file as a blob, streamed."""

    @abstractmethod
    def open(self, part: Part, *, verify: bool = True, whole: bool = False) -> IO[bytes]:
        """Open a blob for reading, compared with its SHA-256 unless that is done by other means.

        The bytes that were compared are the bytes that are read, whoever writes to the blob meanwhile.

        Args:
            part: the part to read.
            verify: compare it.
            whole: all of it is wanted at once; it is held in memory, up to 512 MiB.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """

    @abstractmethod
    def read_once(self, part: Part) -> AbstractContextManager[IO[bytes]]:
        """Open a blob to be read once from its start, hashed on the way; leaving raises if it was changed.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """

    @abstractmethod
    def unpack(self, part: Part, unpack: Callable[[memoryview], T]) -> T:
        """Return what a function makes of the whole content of a blob, which is hashed at the same time.

        Args:
            part: the part to read.
            unpack: is given the content, which may be changed and kept. It must be harmless whatever the content is.

        Raises:
            BlobNotFoundError: it is gone. CorruptPayloadError: its content was changed.
        """

    @abstractmethod
    def insert_documents(self, collection: str, items: Iterable[Document], *, meta: Mapping[str, Any]) -> Part:
        """Store documents of plain JSON types under a fresh token, in order."""

    @abstractmethod
    def read_documents(self, part: Part, *, filter: Filter | None = None) -> list[Document]:
        """Return the documents of a part, or those that match, in the order of their insertion.

        Raises:
            CorruptPayloadError: some are missing or were changed.
        """

    @abstractmethod
    def register_rows(self, key: str, *, new: bool) -> str:
        """Return a fresh token for rows of a collection, which is noted with it if it is new."""

    @abstractmethod
    def expand(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Iterate over the parts of a version, with pages replaced by what they list."""
