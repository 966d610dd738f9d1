"""Objects: a store of objects by name, as all rooms above know it. Users hold its subclass ``OmegaStore``."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, TypeVar, overload

from omega_domain.backends.registry import get_options, known, refuse_unknown
from omega_domain.entities.head import Head
from omega_domain.entities.names import DATA, MODELS, ObjectKey, ObjectRef, storage_key, validate_new_name, validate_tag
from omega_domain.entities.query import Q, all_of
from omega_domain.entities.version import Version
from omega_domain.errors import ColumnNotFoundError, ObjectNotFoundError, StoreError, UnsupportedOptionError
from omega_domain.ports import objects as port
from omega_domain.ports.backend import DataBackend, SupportsActions, SupportsSummary
from omega_domain.ports.store import Collection, SupportsDatabase
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.files import FileSystem
from omega_domain.repository.finding import Finder
from omega_domain.repository.listing import Listing
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.payloads import Payloads
from omega_domain.repository.pieces import check_piece
from omega_domain.repository.view import Staged, View

_REQUIRED: Any = object()

D = TypeVar("D")


class Objects(Listing):
    """Keeps objects by name, in one bucket of a context.

    Args:
        context: the adapters to work on.
        prefix: what tells the stores of a bucket apart: ``data/``, ``models/``, ``jobs/``, ``scripts/``.
        bucket: name of the bucket.
        view: what it shows beside what is stored; by default nothing.
    """

    def __init__(
        self, context: Context, *, prefix: str = DATA, bucket: str = "omega", view: View | None = None
    ) -> None:
        self.context = context
        self.prefix = prefix
        self.bucket = bucket
        self.payloads = Payloads(context)
        self.commits = Commits(context, self.payloads)
        self.fs = FileSystem(context, self.payloads)
        self._finder = Finder(context)
        self._view = view or View()
        self._origin = self  # the store without a view: metadata leads there, so that no view outlives its purpose
        self._siblings: dict[str, Any] = {prefix: self}  # of this very class

    # -- objects ---------------------------------------------------------------------------------------------------

    def put(
        self,
        obj: Any,
        name: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        kind: str | None = None,
        append: bool = False,
        tag: str | None = None,
        **options: Any,
    ) -> Metadata:
        """Store an object under a name, replacing what is there; return its metadata.

        Args:
            obj: the object; it is not changed.
            name: a plain name, without version or columns. ``.omega/…`` is reserved for the runtime.
            attributes: set on the object, beside those it has; plain JSON types.
            kind: which backend to use; by default the first that supports the object.
            append: add to what is there, where the kind can.
            tag: a name for the new version.
            options: for the backend; see :meth:`help`.

        Raises:
            InvalidNameError: the name breaks the grammar, names a version, or is reserved.
            UnsupportedObjectError: nothing stores this object. UnknownKindError: there is no such kind.
            UnsupportedOptionError: the backend does not know an option.
        """
        key = self._new_key(name, "put")
        if tag is not None:
            validate_tag(tag)
        head = self.context.metadata.head(key) if append and not kind else None
        stored = head.kind if head else None
        cls = self.context.registry.to_put(obj, key, kind=kind, stored=stored, options=options)
        given = {"append": True, **options} if append else options
        refuse_unknown(cls, "put", given, name, must_name={"append"})
        staged = Staged(key=key, backend=cls, attributes=attributes or {}, tag=tag)
        backend = self._backend(cls, self._with(staged=staged, pinned={}))
        meta = backend.put(obj, key.name, **known(cls, "put", {**given, "attributes": attributes}))
        if not isinstance(meta, Metadata) or meta.head is None:
            raise StoreError(
                f"the backend {cls.__name__} did not return saved metadata for {name!r}: end put() with meta.save()"
            )
        return meta

    @overload
    def get(
        self, name: str, version: int | str | Q | None = None, *, chunksize: int, default: D, **options: Any
    ) -> Iterator[Any] | D: ...
    @overload
    def get(
        self, name: str, version: int | str | Q | None = None, *, chunksize: int, **options: Any
    ) -> Iterator[Any]: ...
    @overload
    def get(self, name: str, version: int | str | Q | None = None, *, default: Any = ..., **options: Any) -> Any: ...
    def get(self, name: str, version: int | str | Q | None = None, *, default: Any = _REQUIRED, **options: Any) -> Any:
        """Return the object of this name.

        Args:
            name: a name, with the grammar of :mod:`omega_domain.entities.names`.
            version: number or tag; a ``Q`` here is a filter.
            default: returned if there is no such object; without it that is an error.
            options: ``chunksize=``, filters such as ``sales__gte=100``, and what else the backend takes.

        Raises:
            ObjectNotFoundError: there is no such object; VersionNotFoundError: no such version.
            ColumnNotFoundError: no such column. UnsupportedOptionError: this kind does not know an option.
        """
        if isinstance(version, Q):
            options["filter"] = all_of([version, *([options["filter"]] if "filter" in options else [])])
            version = None
        ref = ObjectRef.parse(name, version)
        if ref.name in self._view.transient:
            return self._view.transient[ref.name]
        meta = self._resolve(ref, required=default is _REQUIRED)
        if meta is None:
            return default
        cls = self.context.registry.by_kind(meta.kind)
        return self._backend(cls, self._pinning(meta)).get(ref.name, **get_options(cls, ref, options))

    def exists(self, name: str) -> bool:
        """Tell whether there is an object of this name, and the version, columns or chunks of it that are named.

        Rows are a slice, which may be empty. Columns count as there where a kind does not say which it has.
        """
        ref = ObjectRef.parse(name)
        if ref.name in self._view.transient:
            return True
        meta = self._resolve(ref, required=False)
        return meta is not None and self._has(meta, ref)

    # -- metadata --------------------------------------------------------------------------------------------------

    @overload
    def metadata(self, name: str, version: int | str | None = None, *, required: Literal[True]) -> Metadata: ...
    @overload
    def metadata(self, name: str, version: int | str | None = None, *, required: bool = False) -> Metadata | None: ...
    def metadata(self, name: str, version: int | str | None = None, *, required: bool = False) -> Metadata | None:
        """Return the metadata of an object or of a version of it; None if there is none.

        Columns, rows and chunks have none of their own: theirs is that of the object, and None where :meth:`exists`
        says that they are not there.

        To a backend that is putting the object, there is only what it has put itself; saving that makes a new version.

        Args:
            name: a name, with the grammar of :mod:`omega_domain.entities.names`.
            version: number or tag.
            required: raise an error instead of returning None.

        Raises:
            ObjectNotFoundError: there is no such object, but it is required; VersionNotFoundError: no such version.
            ColumnNotFoundError: no such column. UnsupportedOptionError: it has no columns, or is not read in chunks.
        """
        view = self._view
        if version is None and view.pinned and (found := view.pinned.get(name)):
            return found
        ref = ObjectRef.parse(name, version)
        meta = (view.find(ref) if view.pinned else None) or self._resolve(ref, required=required)
        if meta is None or not self._has(meta, ref, required=required):
            return None
        is_current = ref.version is None and not ref.back
        return self._draft_of(meta, required=required) if view.staged and is_current else meta

    def versions(self, name: str) -> Sequence[Metadata]:
        """Return the metadata of all versions of an object, oldest first.

        Raises:
            ObjectNotFoundError: there is no such object.
        """
        head = self._finder.head(self._plain_key(name, "list versions of"), required=True)
        return [self._metadata(head, version) for version in reversed(self._finder.live_versions(head))]

    revisions = versions

    def make_metadata(
        self,
        name: str,
        kind: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        kind_meta: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Metadata:
        """Return a draft of a new version, to be given a payload and saved.

        Args:
            name: plain name of the object.
            kind: its kind.
            attributes: set beside those that the object has.
            kind_meta: what the backend needs to read it.
            fields: ``uri=``, ``collection=`` or ``gridfile=``.
        """
        key = self._new_key(name, "make metadata for")
        staged = self._view.staged_at(key)
        given, tag = (staged.attributes, staged.tag) if staged else ({}, None)
        meta = Metadata(
            self._origin, key, kind, attributes={**given, **(attributes or {})}, kind_meta=kind_meta, tag=tag
        )
        for field, value in fields.items():
            if field not in {"uri", "collection", "gridfile"}:
                raise UnsupportedOptionError(f"metadata has no field {field!r}; there are: uri, collection, gridfile")
            setattr(meta, field, value)
        return meta

    def summary(self, name: str) -> dict[str, Any]:
        """Return facts about an object for people, in plain JSON types."""
        meta = self._resolve(ObjectRef.parse_whole(name, "summarize"), required=True)
        plain = meta.to_plain()
        facts = ("name", "kind", "version", "tags", "size", "created", "author")
        return {key: plain[key] for key in facts} | self._facts(meta)

    # -- backends --------------------------------------------------------------------------------------------------

    def get_backend(self, name: str | Metadata, *, data_of: port.Objects | None = None) -> DataBackend:
        """Return the backend of a stored object.

        Args:
            name: name of the object; or its metadata, which the backend then does not look for again.
            data_of: a store of the bucket that the backend of a model reads data from; by default this one's.

        Raises:
            ObjectNotFoundError: there is no such object. StoreError: the other store is of another make.
        """
        if isinstance(name, Metadata):
            meta, view = name, self._pinning(name)
        else:
            meta, view = self._resolve(ObjectRef.parse_whole(name, "ask for the backend of"), required=True), self
        return self._backend(self.context.registry.by_kind(meta.kind), view, data_of=data_of)

    # -- payloads, for backends ------------------------------------------------------------------------------------

    def collection(self, name: str) -> Collection:
        """Return the collection of an object; while it is being put, a fresh one that its new version will own."""
        key = self._plain_key(name, "give the collection of")
        if self._view.staged_at(key) is not None:
            fresh = f"{storage_key(key, 'rows')}.{self.context.new_id()}"
            return self.context.store.collection(self.payloads.register_collection(fresh).ref)
        meta = self.metadata(name)
        found = meta.collection if meta else None
        return found if found is not None else self.context.store.collection(storage_key(key, "rows"))

    @property
    def mongodb(self) -> Any:
        """The database, as pymongo gives it. Raises UnsupportedOptionError if the store is not in MongoDB."""
        if not isinstance(self.context.store, SupportsDatabase):
            raise UnsupportedOptionError(
                f"{self.context.store.url} is no database of MongoDB; collection() and fs work on every store"
            )
        return self.context.store.database

    def object_store_key(self, name: str, ext: str) -> str:
        """Return a key that is unique to this object and fit for a collection or file of any store."""
        return storage_key(self._plain_key(name, "make a key for"), ext)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(bucket={self.bucket!r}, prefix={self.prefix!r}, store={self.context.store.url!r})"
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def _with(self, **changes: Any) -> Self:
        """Return this store with another view."""
        other = copy.copy(self)
        other._view = replace(self._view, **changes)  # noqa: SLF001 -- a copy of this store
        return other

    def _pinning(self, meta: Metadata) -> Self:
        return self._with(pinned={**self._view.pinned, meta.name: meta})

    def _sibling(self, prefix: str) -> Self:
        """Return the store of another type in the same bucket."""
        if prefix not in self._siblings:
            made = type(self)(self.context, prefix=prefix, bucket=self.bucket)
            made._siblings = self._siblings  # noqa: SLF001 -- another store of this class
            self._siblings.setdefault(prefix, made)
        found: Self = self._siblings[prefix]
        return found

    def _backend(self, cls: type[DataBackend], view: Self, *, data_of: port.Objects | None = None) -> DataBackend:
        """A backend of models finds its model here and its data among the datasets; any other keeps its data here."""
        if issubclass(cls, SupportsActions):
            datasets = self._sibling(DATA) if data_of is None else sibling(data_of, DATA)
            return cls(data_store=datasets, model_store=view)
        return cls(data_store=view, model_store=self._sibling(MODELS))

    def _plain_key(self, name: str, action: str) -> ObjectKey:
        return ObjectKey(self.bucket, self.prefix, ObjectRef.parse_plain(name, action).name)

    def _new_key(self, name: str, action: str) -> ObjectKey:
        key = self._plain_key(name, action)
        if not self._view.may_reserve:
            validate_new_name(key.name)
        return key

    def _has(self, meta: Metadata, ref: ObjectRef, *, required: bool = False) -> bool:
        if ref.is_whole:
            return True
        try:
            check_piece(meta, ref, self.context.registry, self._facts)
        except (ColumnNotFoundError, UnsupportedOptionError):
            if required:
                raise
            return False
        return True

    def _facts(self, meta: Metadata) -> dict[str, Any]:
        """Return what the kind of an object says of it."""
        backend = self._backend(self.context.registry.by_kind(meta.kind), self._with(pinned={meta.name: meta}))
        return backend.summary(meta.name) if isinstance(backend, SupportsSummary) else {}

    @overload
    def _resolve(self, ref: ObjectRef, *, required: Literal[True]) -> Metadata: ...
    @overload
    def _resolve(self, ref: ObjectRef, *, required: bool) -> Metadata | None: ...
    def _resolve(self, ref: ObjectRef, *, required: bool) -> Metadata | None:
        key = ObjectKey(self.bucket, self.prefix, ref.name)
        head = self.context.metadata.head(key)
        if head is None or head.key != key:
            self._finder.refuse(key, head, required=required)
            return None
        if ref.version is None and not ref.back:
            return self._metadata(head)
        version = self._finder.version(head, ref, required=required)
        return self._metadata(head, version) if version else None

    def _draft_of(self, meta: Metadata, *, required: bool) -> Metadata | None:
        """Return what is there of an object, to a backend that puts it as the draft of what comes next.

        Another backend's object is nothing that it could go on with.
        """
        staged = self._view.staged_at(meta.key)
        if staged is None or meta.head is None:
            return meta
        if self.context.registry.is_by(meta.kind, staged.backend):
            return self._metadata(meta.head, staged=staged)
        if required:
            raise ObjectNotFoundError(f"{meta.name!r} is a {meta.kind}, which {staged.backend.__name__} has not put")
        return None

    def _metadata(self, head: Head, version: Version | None = None, *, staged: Staged | None = None) -> Metadata:
        if version is None and head.version is not None and head.version.id == head.current.id:
            version = head.version
        kind = version.kind if version else head.kind
        new: dict[str, Any] = {}
        if staged is not None:
            new = {"attributes": staged.attributes, "tag": staged.tag, "is_renewed": True}
        return Metadata(self._origin, head.key, kind, head=head, version=version, **new)


#: A store of some class of the repository's.
S = TypeVar("S", bound=Objects)


def sibling(store: port.Objects, prefix: str) -> Objects:
    """Return the store of another type in the same bucket, for the rooms above; users have it as ``om.datasets``.

    Raises:
        StoreError: it is a store of another make.
    """
    if not isinstance(store, Objects):
        raise StoreError(f"{store!r} is no store of an Omega, so what is beside it is not known: give om.models")
    return store._sibling(prefix)  # noqa: SLF001 -- of the class above, of which users see no more than they call


def showing(store: S, objects: Mapping[str, Any]) -> S:
    """Return a view of a store in which these names stand for these objects, which are stored nowhere."""
    transient = {**store._view.transient, **objects}  # noqa: SLF001 -- as above
    return store._with(transient=transient)  # noqa: SLF001 -- as above
