"""Ports of what a store stands on: what backends and gates use of its context, of its blobs and of what it trusts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, Any, Generic, Literal, Protocol, TypeVar

from omega_domain.entities.version import VersionRef
from omega_domain.ports.keys import KeyRing
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import FileWriter, Store

T = TypeVar("T")

#: Whose objects may be loaded: those of trusted signers, or all; the last is the former spelling of two strict rules.
Policy = Literal["signed", "any", "formats-only"]


@dataclass(frozen=True, slots=True)
class TrustedFile:
    """A payload that may be loaded, though that runs its code.

    It is made by ``open_trusted`` of the metadata only.

    Attributes:
        file: the content, compared with its SHA-256.
        name: of the object, for messages.
        types: names of further types that formats without code may hold.
    """

    file: IO[bytes]
    name: str
    types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustedContent(Generic[T]):
    """What was unpacked from a payload that may be loaded, though that runs its code.

    It is made by ``unpack_trusted`` of the metadata only.

    Attributes:
        unpacked: what was made of the content, which was compared with its SHA-256.
        name: of the object, for messages.
    """

    unpacked: T
    name: str


class Blob(Protocol):
    """Points at a blob of a store."""

    @property
    @abstractmethod
    def grid_id(self) -> str:
        """The id that ``store.fs.put`` returned."""

    @abstractmethod
    def open(self) -> IO[bytes]:
        """Open the blob for reading."""

    @abstractmethod
    def read(self) -> bytes:
        """Return the whole content."""


class BlobFiles(Protocol):
    """Blobs with the methods of a GridFS, for backends that write files themselves."""

    @abstractmethod
    def put(self, data: bytes | IO[bytes], **fields: Any) -> str:
        """Store bytes or the rest of a binary file; return the id of the blob."""

    @abstractmethod
    def new_file(self, **fields: Any) -> AbstractContextManager[FileWriter]:
        """Open a blob for writing; its ``id`` is known once it is closed."""

    @abstractmethod
    def get(self, file_id: str) -> IO[bytes]:
        """Open a blob for reading."""

    @abstractmethod
    def exists(self, file_id: str) -> bool:
        """Tell whether the blob is there."""

    @abstractmethod
    def size(self, file_id: str) -> int:
        """Return the size of a blob in bytes."""

    @abstractmethod
    def delete(self, file_id: str) -> None:
        """Give up a blob: it is collected if no version needs it."""


class Trusting(Protocol):
    """What a context trusts."""

    types: tuple[str, ...]
    keys: KeyRing | None
    policy: Policy


class Codec(Protocol):
    """Writes values as plain JSON, and reads them."""

    @abstractmethod
    def encode(self, value: object, path: str = "") -> Any:
        """Return the value in plain JSON types. Raises CodecError."""

    @abstractmethod
    def decode(self, plain: object) -> Any:
        """Return the value that was encoded. Raises CodecError."""


class Cache(Protocol):
    """Keeps loaded objects for a while."""

    @abstractmethod
    def get(self, key: VersionRef) -> object | None:
        """Return the object of this key; None if it is not there."""

    @abstractmethod
    def get_or_load(self, key: VersionRef, load: Callable[[], object]) -> object:
        """Return the object of this key, loading it if it is not there."""


class Environment(Protocol):
    """What backends and gates use of the context of a store."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it."""

    @property
    @abstractmethod
    def metadata(self) -> MetadataStore:
        """Heads and versions."""

    @property
    @abstractmethod
    def store(self) -> Store:
        """Payloads."""

    @property
    @abstractmethod
    def codec(self) -> Codec:
        """How values are written in JSON."""

    @property
    @abstractmethod
    def cache(self) -> Cache:
        """Loaded models, by version."""

    @property
    @abstractmethod
    def trust(self) -> Trusting:
        """What may be loaded."""

    @property
    @abstractmethod
    def new_id(self) -> Callable[[], str]:
        """Source of ids."""
