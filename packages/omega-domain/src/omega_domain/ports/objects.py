"""Ports of the named objects: what backends, gates and promotions see of an object, and of the store it is in.

:class:`StoredObject` is what is read, :class:`ObjectDraft` what is written, :class:`Objects` the store of both.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Literal, Protocol, TypeVar, overload

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Payload, Version, VersionRef
from omega_domain.ports.environment import Blob, BlobFiles, Environment, TrustedContent, TrustedFile
from omega_domain.ports.payloads import Payloads
from omega_domain.ports.store import Collection

T = TypeVar("T")

#: From the version before (None if there is none) to the payload of the new one; called again if another was faster.
Merge = Callable[[Version | None], Payload]


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
    def unpack_trusted(self, unpack: Callable[[memoryview], T]) -> TrustedContent[T]:
        """Give the payload, which is one blob and holds code, to a function that must be harmless whatever it is given.

        Raises:
            UntrustedObjectError: it may not be loaded here. CorruptPayloadError: it was changed.
        """

    @abstractmethod
    def open_trusted(self, *, is_code: bool = True) -> AbstractContextManager[TrustedFile]:
        """Open the payload, which is one blob, to be loaded; ``is_code`` tells whether that runs what it holds.

        Raises:
            UntrustedObjectError: it may not be loaded here. CorruptPayloadError: it was changed.
        """

    @abstractmethod
    def recall(self, version: Version | None) -> StoredObject:
        """Take the version of the object from a caller who has read it before, as it never changes; return this."""

    @abstractmethod
    def check_trust(self, *, is_code: bool = True) -> None:
        """See that this may be loaded. Raises UntrustedObjectError."""

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
    def forget(self, *attributes: str) -> ObjectDraft:
        """Let a new version do without these attributes of the one before, unless it sets them; return this."""

    @abstractmethod
    def set_payload(self, payload: Payload) -> ObjectDraft:
        """Give this draft its payload; return the draft, to be saved."""

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

    @abstractmethod
    def metadata(self, name: str, version: int | str | None = None) -> ObjectDraft | None:
        """Return the metadata of an object or of a version of it; None if there is none."""

    @abstractmethod
    def resolve(self, name: str) -> ObjectDraft:
        """Return the metadata of an object or version. Raises ObjectNotFoundError."""

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

    @abstractmethod
    def key_of(self, name: str) -> ObjectKey:
        """Return the key of the object of a plain name."""

    @abstractmethod
    def sibling(self, prefix: str) -> Objects:
        """Return the store of another type in the same bucket."""
