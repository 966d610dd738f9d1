"""Objects: a store of objects by name, as all rooms above know it. Users hold its subclass ``OmegaStore``."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, overload

from omega_domain.backends.options import get_options, known, refuse_unknown
from omega_domain.entities.head import Head
from omega_domain.entities.names import DATA, MODELS, ObjectKey, ObjectRef, storage_key, validate_new_name, validate_tag
from omega_domain.entities.query import Q, all_of, column_not_found
from omega_domain.entities.version import Version
from omega_domain.errors import ColumnNotFoundError, StoreError, UnsupportedOptionError
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
from omega_domain.repository.view import Staged, View

_REQUIRED: Any = object()


class Objects(Listing):
    """Keeps objects by name, in one bucket of a context.

    Args:
        context: the adapters to work on.
        prefix: what tells the stores of a bucket apart: ``data/``, ``models/``, ``jobs/``, ``scripts/``.
        bucket: name of the bucket.
    """

    def __init__(self, context: Context, *, prefix: str = DATA, bucket: str = "omega") -> None:
        self.context = context
        self.prefix = prefix
        self.bucket = bucket
        self.payloads = Payloads(context)
        self.commits = Commits(context, self.payloads)
        self.fs = FileSystem(context, self.payloads)
        self._finder = Finder(context)
        self._view = View()
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

    def metadata(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return the metadata of an object or of a version of it; None if there is none.

        Columns, rows and chunks have none of their own: theirs is that of the object, and None where :meth:`exists`
        says that they are not there.

        To a backend that is putting the object, there is only what it has put itself; saving that makes a new version.
        """
        if version is None and self._view.pinned and (found := self._view.pinned.get(name)):
            return found
        ref = ObjectRef.parse(name, version)
        view = self._view
        meta = (view.find(ref) if view.pinned else None) or self._resolve(ref, required=False)
        if meta is None or not self._has(meta, ref):
            return None
        is_current = ref.version is None and not ref.back
        return view.shown(meta, self.context.registry) if view.staged and is_current else meta

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

    # -- for the rooms above ---------------------------------------------------------------------------------------

    def sibling(self, prefix: str) -> Self:
        """Return the store of another type in the same bucket."""
        if prefix not in self._siblings:
            made = type(self)(self.context, prefix=prefix, bucket=self.bucket)
            made._siblings = self._siblings  # noqa: SLF001 -- another store of this class
            self._siblings.setdefault(prefix, made)
        found: Self = self._siblings[prefix]
        return found

    def key_of(self, name: str) -> ObjectKey:
        """Return the key of the object of a plain name."""
        return self._plain_key(name, "give the key of")

    def with_transient(self, objects: Mapping[str, Any]) -> Self:
        """Return a view of this store in which these names stand for these objects, which are stored nowhere."""
        return self._with(transient={**self._view.transient, **objects})

    def with_pinned(self, meta: Metadata) -> Self:
        """Return a view of this store that does not look again for what this metadata is about."""
        return self._pinning(meta)

    def with_reserved(self) -> Self:
        """Return a view of this store that puts objects under the names which the runtime keeps to itself."""
        return self._with(may_reserve=True)

    def resolve(self, name: str) -> Metadata:
        """Return the metadata of an object or version.

        Raises:
            ObjectNotFoundError: there is no such object. InvalidNameError: the name is one of columns, rows or chunks.
        """
        if not self._view.pinned:
            return self._resolve(ObjectRef.parse_whole(name, "name"), required=True)
        if (found := self._view.pinned.get(name)) is not None:
            return found
        ref = ObjectRef.parse_whole(name, "name")
        return self._view.find(ref) or self._resolve(ref, required=True)

    def locate(self, name: str) -> Metadata:
        """Return the metadata of the object that data of this name are read from, which may be columns, rows or chunks.

        Raises:
            ObjectNotFoundError: there is no such object. ColumnNotFoundError: it has no such column.
            UnsupportedOptionError: objects of this kind have no columns, or are not read in chunks.
        """
        ref = ObjectRef.parse(name)
        meta = self._view.find(ref) or self._resolve(ref, required=True)
        self._check_piece(meta, ref)
        return meta

    def action_of(self, model: Metadata, action: str, *, data_of: port.Objects) -> Callable[..., Any]:
        """Return an action of a stored model, which reads its data from the bucket of another store.

        Raises:
            UnsupportedOptionError: models of this kind have no such action.
        """
        cls = self.context.registry.by_kind(model.kind)
        backend = cls(data_store=data_of.sibling(DATA), model_store=self._pinning(model))
        if not isinstance(backend, SupportsActions) or action not in backend.actions():
            raise UnsupportedOptionError(f"{model.name!r} is a {model.kind}, which has no {action}")
        found: Callable[..., Any] = getattr(backend, action)
        return found

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

    def _backend(self, cls: type[DataBackend], view: Self) -> DataBackend:
        """A backend of models finds its model here and its data among the datasets; any other keeps its data here."""
        if issubclass(cls, SupportsActions):
            return cls(data_store=self.sibling(DATA), model_store=view)
        return cls(data_store=view, model_store=self.sibling(MODELS))

    def _plain_key(self, name: str, action: str) -> ObjectKey:
        return ObjectKey(self.bucket, self.prefix, ObjectRef.parse_plain(name, action).name)

    def _new_key(self, name: str, action: str) -> ObjectKey:
        key = self._plain_key(name, action)
        if not self._view.may_reserve:
            validate_new_name(key.name)
        return key

    def _has(self, meta: Metadata, ref: ObjectRef) -> bool:
        if ref.columns is None and ref.part is None:
            return True
        try:
            self._check_piece(meta, ref)
        except (ColumnNotFoundError, UnsupportedOptionError):
            return False
        return True

    def _check_piece(self, meta: Metadata, ref: ObjectRef) -> None:
        """Raise if an object has no such columns, or is not read by rows or in chunks, as far as its kind says."""
        if ref.is_whole:
            return
        get_options(self.context.registry.by_kind(meta.kind), ref, {})
        if ref.columns is None:
            return
        labels: Any = self._facts(meta).get("columns", ref.columns)
        for column in ref.columns:
            if column not in labels:
                raise column_not_found(column, labels, of=meta.name)

    def _facts(self, meta: Metadata) -> dict[str, Any]:
        """Return what the kind of an object says of it."""
        backend = self._backend(self.context.registry.by_kind(meta.kind), self._with(pinned={meta.name: meta}))
        return backend.summary(meta.name) if isinstance(backend, SupportsSummary) else {}

    @overload
    def _resolve(self, ref: ObjectRef, *, required: Literal[True]) -> Metadata: ...
    @overload
    def _resolve(self, ref: ObjectRef, *, required: bool) -> Metadata | None: ...
    def _resolve(self, ref: ObjectRef, *, required: bool) -> Metadata | None:
        head = self._finder.head(ObjectKey(self.bucket, self.prefix, ref.name), required=required)
        if head is None:
            return None
        if ref.version is None and not ref.back:
            return self._metadata(head)
        version = self._finder.version(head, ref, required=required)
        return self._metadata(head, version) if version else None

    def _metadata(self, head: Head, version: Version | None = None) -> Metadata:
        if version is None and head.version is not None and head.version.id == head.current.id:
            version = head.version
        return Metadata(self._origin, head.key, version.kind if version else head.kind, head=head, version=version)
