"""Ports of the named objects: what backends, gates and promotions see of an object, and of the store it is in.

:class:`StoredObject` is what is read, :class:`ObjectDraft` what is written, :class:`Objects` the store of both.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Literal, Protocol, overload

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Payload, Version, VersionRef
from omega_domain.ports.keys import KeyRing
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.payloads import Payloads
from omega_domain.ports.store import Collection, FileWriter, Store

#: What may be loaded: what was signed, all, or only formats without code.
Policy = Literal["signed", "any", "formats-only"]

#: From the version before (None if there is none) to the payload of the new one; called again if another was faster.
Merge = Callable[[Version | None], Payload]


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


class StoredObject(Protocol):
    """An object, or a version of it, as whoever reads it sees it.

    Attributes:
        key: bucket, prefix and name.
        kind: which backend reads it.
        attributes: the user's, a dict of plain JSON types.
    """

    key: ObjectKey
    kind: str
    attributes: dict[str, Any]

    @property
    @abstractmethod
    def store(self) -> Objects:
        """The store that it is in."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the object."""

    @property
    @abstractmethod
    def bucket(self) -> str:
        """Bucket of the object."""

    @property
    @abstractmethod
    def prefix(self) -> str:
        """Prefix of the object's store, such as ``data/``."""

    @property
    @abstractmethod
    def version(self) -> int | None:
        """Number of this version, 1 for the first; None for a draft."""

    @property
    @abstractmethod
    def tags(self) -> list[str]:
        """Tags of this version, sorted."""

    @property
    @abstractmethod
    def is_old(self) -> bool:
        """Whether this is a version of the object that is not the current one."""

    @property
    @abstractmethod
    def created(self) -> datetime | None:
        """When this version was committed, in UTC; None for a draft."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes of the payload."""

    @property
    @abstractmethod
    def digest(self) -> str | None:
        """SHA-256 of the version's manifest; None for a draft."""

    @property
    @abstractmethod
    def author(self) -> str | None:
        """Who committed this version; None for a draft."""

    @property
    @abstractmethod
    def kind_meta(self) -> dict[str, Any]:
        """What the backend needs to know to read the object, in plain JSON types."""

    @property
    @abstractmethod
    def provenance(self) -> Mapping[str, Any] | None:
        """Where this version was promoted from; None if it was put here."""

    @property
    @abstractmethod
    def head(self) -> Head | None:
        """The head as it was when this was read; None for a draft of a new object."""

    @property
    @abstractmethod
    def record(self) -> Version | None:
        """The stored version; None for a draft."""

    @property
    @abstractmethod
    def ref(self) -> VersionRef:
        """The pointer to this version. Raises StoreError for a draft."""

    @property
    @abstractmethod
    def parts(self) -> list[Part]:
        """The payload, pages expanded."""

    @property
    @abstractmethod
    def uri(self) -> str | None:
        """Where the content is, if it is outside of the store."""

    @property
    @abstractmethod
    def collection(self) -> Collection | None:
        """The collection that holds the object, if one does."""

    @property
    @abstractmethod
    def gridfile(self) -> Blob | None:
        """The blob that holds the object, if one does."""

    @abstractmethod
    def open_trusted(self, *, is_code: bool = True) -> AbstractContextManager[TrustedFile]:
        """Open the payload, which is one blob, to be loaded; ``is_code`` tells whether that runs what it holds.

        Raises:
            UntrustedObjectError: it may not be loaded here. CorruptPayloadError: it was changed.
        """

    @abstractmethod
    def check_trust(self, *, is_code: bool = True, known: Version | None = None) -> None:
        """See that this may be loaded; ``known`` is its version, if the caller has read it before.

        Raises:
            UntrustedObjectError: it may not be loaded here.
        """

    @abstractmethod
    def action(self, name: str, *, data_of: Objects) -> Callable[..., Any]:
        """Return an action of this model, which reads its data from the bucket of another store.

        Raises:
            UnsupportedOptionError: models of this kind have no such action.
        """

    @abstractmethod
    def to_plain(self) -> dict[str, Any]:
        """Return what people want to know of the object, in plain JSON types."""


class ObjectDraft(StoredObject, Protocol):
    """An object as its backend may change it: its attributes, or a new version by giving it a payload."""

    @property
    @abstractmethod
    def kind_meta(self) -> dict[str, Any]:
        """What the backend needs to know to read the object, in plain JSON types."""

    @kind_meta.setter
    @abstractmethod
    def kind_meta(self, value: Mapping[str, Any]) -> None: ...

    @property
    @abstractmethod
    def uri(self) -> str | None:
        """Where the content is, if it is outside of the store."""

    @uri.setter
    @abstractmethod
    def uri(self, value: str) -> None: ...

    @property
    @abstractmethod
    def collection(self) -> Collection | None:
        """The collection that holds the object, if one does."""

    @collection.setter
    @abstractmethod
    def collection(self, value: Collection | str) -> None: ...

    @property
    @abstractmethod
    def gridfile(self) -> Blob | None:
        """The blob that holds the object, if one does."""

    @gridfile.setter
    @abstractmethod
    def gridfile(self, value: Blob | str) -> None: ...

    @abstractmethod
    def set_payload(self, payload: Payload, *, forget: Iterable[str] = ()) -> ObjectDraft:
        """Give this draft its payload; return the draft, to be saved.

        Args:
            payload: what is stored.
            forget: attributes of the version before which the new one does without, unless it sets them.
        """

    @abstractmethod
    def save(self, *, merge: Merge | None = None) -> ObjectDraft:
        """Make the changes visible in one atomic step, and return this, renewed.

        Args:
            merge: for backends that append: makes the payload of the new version from the version before.

        Raises:
            StaleMetadataError: somebody else changed an attribute that was changed here.
            ConflictError: this is an old version, which can not be changed.
        """


class Objects(Protocol):
    """Keeps objects by name, in one bucket of a context.

    Attributes:
        prefix: what tells the stores of a bucket apart.
        bucket: name of the bucket.
        context: the adapters that it works on.
        payloads: writes and reads the parts of versions.
        fs: the blobs, with the methods of a GridFS.
    """

    prefix: str
    bucket: str
    context: Environment
    payloads: Payloads
    fs: BlobFiles

    @property
    @abstractmethod
    def mongodb(self) -> Any:  # the driver's object; the core knows no type of it
        """The database, as pymongo gives it. Raises UnsupportedOptionError if the store is not in MongoDB."""

    @abstractmethod
    def put(
        self,
        obj: object,
        name: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        kind: str | None = None,
        append: bool = False,
        tag: str | None = None,
        **options: Any,
    ) -> ObjectDraft:
        """Store an object under a name, replacing what is there; return its metadata."""

    @abstractmethod
    def get(self, name: str, **options: Any) -> Any:  # what was stored, of whichever type
        """Return the object of this name. Raises ObjectNotFoundError."""

    @overload
    def list(
        self, pattern: str | None = None, *, kind: str | None = None, raw: Literal[False] = False
    ) -> list[str]: ...
    @overload
    def list(
        self, pattern: str | None = None, *, kind: str | None = None, raw: Literal[True]
    ) -> Sequence[ObjectDraft]: ...
    @abstractmethod
    def list(
        self, pattern: str | None = None, *, kind: str | None = None, raw: bool = False
    ) -> Sequence[str | ObjectDraft]:
        """Return the names of the objects, sorted; or their metadata."""

    @abstractmethod
    def exists(self, name: str) -> bool:
        """Tell whether there is an object of this name."""

    @overload
    def metadata(self, name: str, version: int | str | None = None, *, required: Literal[True]) -> ObjectDraft: ...
    @overload
    def metadata(
        self, name: str, version: int | str | None = None, *, required: bool = False
    ) -> ObjectDraft | None: ...
    @abstractmethod
    def metadata(self, name: str, version: int | str | None = None, *, required: bool = False) -> ObjectDraft | None:
        """Return the metadata of an object or of a version of it; None if there is none.

        Raises:
            ObjectNotFoundError: there is none, but it is required.
        """

    @abstractmethod
    def versions(self, name: str) -> Sequence[ObjectDraft]:
        """Return the metadata of all versions of an object, oldest first. Raises ObjectNotFoundError."""

    @abstractmethod
    def make_metadata(
        self,
        name: str,
        kind: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        kind_meta: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> ObjectDraft:
        """Return a draft of a new version, to be given a payload and saved."""

    @abstractmethod
    def summary(self, name: str) -> dict[str, Any]:
        """Return facts about an object for people, in plain JSON types."""

    @abstractmethod
    def collection(self, name: str) -> Collection:
        """Return the collection of an object; while it is being put, a fresh one that its new version will own."""

    @abstractmethod
    def object_store_key(self, name: str, ext: str) -> str:
        """Return a key that is unique to this object and fit for a collection or file of any store."""
