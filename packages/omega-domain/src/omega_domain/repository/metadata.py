"""Metadata: what users and backends hold of a named object, and how it is saved.

A :class:`Metadata` is a snapshot. Changing its ``attributes`` and calling :meth:`Metadata.save` changes just the
touched attributes; giving it a payload and saving it makes a new version.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from typing import Any, Protocol, TypeVar

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Payload, Version, VersionRef
from omega_domain.errors import ConflictError, StoreError
from omega_domain.ports.environment import Blob, TrustedContent, TrustedFile
from omega_domain.ports.objects import Merge, ObjectDraft, Objects
from omega_domain.ports.store import Collection
from omega_domain.repository.committing import Commits, Draft
from omega_domain.repository.context import Context
from omega_domain.repository.files import GridFSProxy
from omega_domain.repository.payloads import Payloads

T = TypeVar("T")


class Home(Objects, Protocol):
    """The store of an object, as its metadata and promotions use it.

    Attributes:
        context: the adapters that it works on.
        payloads: writes and reads the parts of versions.
        commits: writes heads and versions.
    """

    context: Context
    payloads: Payloads
    commits: Commits

    @abstractmethod
    def metadata(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return the metadata of an object or of a version of it; None if there is none."""

    @abstractmethod
    def resolve(self, name: str) -> Metadata:
        """Return the metadata of an object or version. Raises ObjectNotFoundError."""

    @abstractmethod
    def versions(self, name: str) -> Sequence[Metadata]:
        """Return the metadata of all versions of an object, oldest first. Raises ObjectNotFoundError."""

    @abstractmethod
    def sibling(self, prefix: str) -> Home:
        """Return the store of another type in the same bucket."""

    @abstractmethod
    def action_of(self, model: Metadata, action: str, *, data_of: Objects) -> Callable[..., Any]:
        """Return an action of a stored model, which reads its data from the bucket of another store."""


class Metadata(ObjectDraft):
    """A snapshot of a named object, or the draft of a new version of it.

    Attributes:
        objects: the store that it is in.
        attributes: the user's, a dict of plain JSON types; change it and call :meth:`save`.
        kind: which backend reads the object.
        kind_meta: what that backend needs to know.
    """

    def __init__(
        self,
        objects: Home,
        key: ObjectKey,
        kind: str,
        *,
        head: Head | None = None,
        version: Version | None = None,
        attributes: Mapping[str, Any] | None = None,
        kind_meta: Mapping[str, Any] | None = None,
        tag: str | None = None,
    ) -> None:
        self.objects = objects
        self._tag = tag
        self.key = key
        self.kind = kind
        self._kind_meta: dict[str, Any] | None = None if head else deepcopy(dict(kind_meta or {}))
        self._forgotten: set[str] = set()
        self._is_renewed = False
        self._parts: list[Part] | None = None if head else []
        self._adopt(head, version)
        self.attributes.update(deepcopy(dict(attributes or {})))

    def _adopt(self, head: Head | None, version: Version | None) -> None:
        self._head = head
        self._version = version
        self._is_old = bool(head and version and version.id != head.current.id)
        stored = version if self._is_old else head
        self._base: dict[str, Any] = deepcopy(dict(stored.attributes)) if stored else {}
        self.attributes: dict[str, Any] = deepcopy(self._base)

    @property
    def store(self) -> Home:
        """The store that it is in, by the name that users know."""
        return self.objects

    @property
    def name(self) -> str:
        """Name of the object."""
        return self.key.name

    @property
    def bucket(self) -> str:
        """Bucket of the object."""
        return self.key.bucket

    @property
    def prefix(self) -> str:
        """Prefix of the object's store, such as ``data/``."""
        return self.key.prefix

    @property
    def created(self) -> datetime | None:
        """When this version was committed, in UTC; None for a draft."""
        if self._version:
            return self._version.created
        return self._head.modified if self._head else None

    @property
    def modified(self) -> datetime | None:
        """When the object was last changed, in UTC; None for a draft."""
        return self._head.modified if self._head else None

    @property
    def is_old(self) -> bool:
        """Whether this is a version of the object that is not the current one."""
        return self._is_old

    @property
    def tags(self) -> list[str]:
        """Tags of this version, sorted."""
        if self._head is None:
            return []
        ref = self._version.ref if self._version else self._head.current
        return sorted(tag for tag, tagged in self._head.tags.items() if tagged.id == ref.id)

    @property
    def version(self) -> int | None:
        """Number of this version, 1 for the first; None for a draft."""
        if self._version:
            return self._version.seq
        return self._head.current.seq if self._head else None

    @property
    def ref(self) -> VersionRef:
        """The pointer to this version.

        Raises:
            StoreError: this is a draft.
        """
        if self._version is not None:
            return self._version.ref
        if self._head is None:
            raise StoreError(f"{self.name!r} is not saved yet, so it has no version")
        return self._head.current

    @property
    def record(self) -> Version | None:
        """The stored version; None for a draft."""
        if self._version is None and self._head is not None:
            self._version = self.objects.context.metadata.version(self._head.current.id)
            if self._version is None:
                raise StoreError(
                    f"version {self._head.current.seq} of {self.name!r} is missing in the store; run `om fsck`"
                )
        return self._version

    def recall(self, version: Version | None) -> Metadata:
        """Take the current version of the object from who has read it before, as it never changes; return this."""
        if version and self._version is None and self._head and version.id == self._head.current.id:
            self._version = version
        return self

    @property
    def head(self) -> Head | None:
        """The head as it was when this was read; None for a draft of a new object."""
        return self._head

    @property
    def parts(self) -> list[Part]:
        """The payload, pages expanded."""
        if self._parts is not None:
            return self._parts
        record = self.record
        return list(self.objects.payloads.expand(record.parts)) if record else []

    @property
    def kind_meta(self) -> dict[str, Any]:
        """What the backend needs to know to read the object, in plain JSON types."""
        if self._kind_meta is None:
            self._kind_meta = deepcopy(dict(self.record.kind_meta)) if self.record else {}
        return self._kind_meta

    @kind_meta.setter
    def kind_meta(self, value: Mapping[str, Any]) -> None:
        self._kind_meta = dict(value)

    @property
    def size(self) -> int:
        """Bytes of the payload."""
        if self._parts is not None:
            return sum(part.size for part in self._parts)
        return self.record.size if self.record else 0

    @property
    def digest(self) -> str | None:
        """SHA-256 of the version's manifest; None for a draft."""
        return self.record.digest if self.record else None

    @property
    def author(self) -> str | None:
        """Who committed this version; None for a draft."""
        return self.record.author if self.record else None

    @property
    def provenance(self) -> Mapping[str, Any] | None:
        """Where this version was promoted from; None if it was put here."""
        return self.record.provenance if self.record else None

    @property
    def uri(self) -> str | None:
        """Where the content is, if it is outside of the store."""
        return self._first("uri")

    @uri.setter
    def uri(self, value: str) -> None:
        self._replace(Part(type="uri", ref=value))

    @property
    def collection(self) -> Collection | None:
        """The collection that holds the object, if one does."""
        for part in self.parts:
            if part.type in {"collection", "documents"}:
                return self.objects.context.store.collection(part.collection)
        return None

    @collection.setter
    def collection(self, value: Collection | str) -> None:
        self._replace(Part(type="collection", ref=value if isinstance(value, str) else value.name))

    @property
    def gridfile(self) -> GridFSProxy | None:
        """The blob that holds the object, if one does."""
        ref = self._first("blob")
        return GridFSProxy(ref, self.objects) if ref else None

    @gridfile.setter
    def gridfile(self, value: Blob | str) -> None:
        ref = value if isinstance(value, str) else value.grid_id
        self._replace(Part(type="blob", ref=ref, sha256=ref, size=self.objects.fs.size(ref)))

    @property
    def payload(self) -> Payload:
        """Parts and ``kind_meta`` as they are, or will be, stored."""
        return Payload(self.parts, self.kind_meta)

    def action(self, name: str, *, data_of: Objects) -> Callable[..., Any]:
        """Return an action of this model, which reads its data from the bucket of another store.

        Raises:
            UnsupportedOptionError: models of this kind have no such action.
        """
        return self.objects.action_of(self, name, data_of=data_of)

    def forget(self, *attributes: str) -> Metadata:
        """Let a new version do without these attributes of the one before, unless it sets them; return this."""
        self._forgotten.update(attributes)
        return self

    def renew(self, attributes: Mapping[str, Any], *, tag: str | None = None) -> Metadata:
        """Let the next save make a new version, with these attributes too and this payload if it gets no other."""
        self._is_renewed, self._tag = True, tag
        self.attributes.update(deepcopy(dict(attributes)))
        return self

    def set_payload(self, payload: Payload) -> Metadata:
        """Give this draft its payload; return the draft, to be saved."""
        self._parts = list(payload.parts)
        self.kind_meta = dict(payload.kind_meta)
        return self

    @contextmanager
    def open_trusted(self, *, is_code: bool = True) -> Iterator[TrustedFile]:
        """Open the payload, which is one blob, to be loaded; closed at the end.

        Args:
            is_code: whether loading it runs code that it holds.

        Raises:
            UntrustedObjectError: it may not be loaded here. CorruptPayloadError: it was changed.
        """
        self.check_trust(is_code=is_code)
        (part,) = self.parts
        with self.objects.payloads.open(part, whole=True) as file:
            yield TrustedFile(file, self.name, self.objects.context.trust.types)

    def unpack_trusted(self, unpack: Callable[[memoryview], T]) -> TrustedContent[T]:
        """Give the payload, which is one blob and holds code, to a function that must be harmless whatever it is given.

        Raises:
            UntrustedObjectError: it may not be loaded here. CorruptPayloadError: it was changed.
        """
        self.check_trust()
        return TrustedContent(self.objects.payloads.unpack(self.parts[0], unpack), self.name)

    def check_trust(self, *, is_code: bool = True) -> None:
        """See that this may be loaded; see :meth:`omega_domain.trust.Trust.check`."""
        context = self.objects.context
        context.trust.check(
            self._head,
            self.record,
            key=self.key,
            kind=self.kind,
            is_code=is_code,
            is_old=self._is_old,
            latest=lambda: context.metadata.head(self.key),
        )

    def save(self, *, merge: Merge | None = None) -> Metadata:
        """Make the changes visible in one atomic step, and return this metadata, renewed.

        Args:
            merge: for backends that append: makes the payload of the new version from the version before.

        Raises:
            StaleMetadataError: somebody else changed an attribute that was changed here.
            ConflictError: this is an old version, which can not be changed.
        """
        if self._is_old:
            raise ConflictError(
                f"version {self.version} of {self.name!r} is not the current one and can not be changed"
            )
        commits = self.objects.commits
        if self._parts is None and merge is None and not self._is_renewed:
            self._adopt(commits.update_attributes(self._draft(None)), self._version)
        else:
            head, version = commits.commit(self._draft(merge or Payload(self.parts, self.kind_meta)))
            self._adopt(head, version)
            self._parts, self._kind_meta, self._is_renewed, self._tag = None, None, False, None
        return self

    def _draft(self, payload: Payload | Merge | None) -> Draft:
        """Return what was changed here."""
        attributes, base = self.attributes, self._base
        return Draft(
            key=self.key,
            kind=self.kind,
            uid=self._head.uid if self._head else None,
            payload=payload,
            changed={key: value for key, value in attributes.items() if key not in base or base[key] != value},
            removed=frozenset((set(base) | self._forgotten) - set(attributes)),
            base=base,
            tag=self._tag,
        )

    def __repr__(self) -> str:
        created = self.created.replace(tzinfo=None) if self.created else None
        return (
            f"<Metadata: Metadata(name={self.name},bucket={self.bucket},prefix={self.prefix},"
            f"kind={self.kind},created={created})>"
        )

    def to_plain(self) -> dict[str, Any]:
        """Return what people want to know of the object, in plain JSON types."""
        return {
            "name": self.name,
            "bucket": self.bucket,
            "prefix": self.prefix,
            "kind": self.kind,
            "version": self.version,
            "tags": self.tags,
            "size": self.size,
            "created": self.created.isoformat() if self.created else None,
            "modified": self.modified.isoformat() if self.modified else None,
            "author": self.author,
            "digest": self.digest,
            "attributes": self.attributes,
            "kind_meta": self.kind_meta,
            "provenance": dict(self.provenance) if self.provenance else None,
        }

    def _first(self, type_: str) -> str | None:
        return next((part.ref for part in self.parts if part.type == type_), None)

    def _replace(self, part: Part) -> None:
        self._parts = [part]
