"""OmegaStore: objects by name. ``om.datasets``, ``om.models``, ``om.jobs``, ``om.scripts`` are stores of this class."""

from __future__ import annotations

import builtins
import copy
import hashlib
import inspect
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, overload

from omega_domain.archives.exporting import export_objects, import_objects
from omega_domain.archives.importing import Imported
from omega_domain.backends.options import get_options, known, refuse_unknown
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import (
    DATA,
    LATEST,
    MODELS,
    ObjectKey,
    ObjectRef,
    is_hidden,
    validate_new_name,
    validate_tag,
)
from omega_domain.entities.promotion import HistoryEntry, PromotionPlan
from omega_domain.entities.query import Q, all_of, column_not_found
from omega_domain.entities.version import Version
from omega_domain.errors import (
    ColumnNotFoundError,
    InvalidNameError,
    StoreError,
    UnsupportedObjectError,
    UnsupportedOptionError,
    VersionNotFoundError,
)
from omega_domain.ports.backend import DataBackend, SupportsActions, SupportsCompact, SupportsSummary
from omega_domain.ports.store import Collection, SupportsDatabase
from omega_domain.promotion.promoting import plan, promote
from omega_domain.promotion.rolling_back import roll_back
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.dropping import drop_object, drop_version
from omega_domain.repository.files import FileSystem
from omega_domain.repository.finding import Finder
from omega_domain.repository.history import History
from omega_domain.repository.linking import link_dataset
from omega_domain.repository.listing import literal_start, name_matcher
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.payloads import Payloads

_REQUIRED: Any = object()


class OmegaStore:
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
        self._staged: Metadata | None = None
        self._stager: type[DataBackend] | None = None
        self._pinned: Mapping[str, Metadata] = {}
        self._transient: Mapping[str, Any] = {}
        self._may_reserve = False

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
        cls = self._backend_class(obj, key, kind, append=append, options=options)
        if kind and not cls.supports(obj, name, kind=kind, **options):
            raise UnsupportedObjectError(
                f"{name!r} can not be put: kind {kind!r} does not store {type(obj).__name__} objects"
            )
        given = {"append": True, **options} if append else options
        refuse_unknown(cls, "put", given, name, must_name={"append"})
        staging = self._staging(key, cls, attributes=attributes, tag=tag)
        meta = self._backend(cls, staging).put(obj, key.name, **known(cls, "put", {**given, "attributes": attributes}))
        return _require_saved(meta, cls, name)

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
        ref = self._parse(name, version)
        if ref.name in self._transient:
            return self._transient[ref.name]
        meta = self._resolve(ref, required=default is _REQUIRED)
        if meta is None:
            return default
        cls = self.context.registry.by_kind(meta.kind)
        options = get_options(cls, ref, options)
        pinned = self._view(_pinned={**self._pinned, ref.name: meta})
        return self._backend(cls, pinned).get(ref.name, **options)

    def list(
        self,
        pattern: str | None = None,
        *,
        regexp: str | None = None,
        kind: str | None = None,
        raw: bool = False,
        hidden: bool = False,
    ) -> list[Any]:
        """Return the names of the objects, sorted.

        Args:
            pattern: as of a shell: ``sales/*``; ``*``, ``?`` and nothing else have a meaning.
            regexp: a regular expression that must be found in the name.
            kind: only objects of this kind.
            raw: return metadata instead of names.
            hidden: also names of which a part starts with ``.`` or ``_``.

        Raises:
            InvalidFilterError: the regular expression is none.
        """
        query = HeadQuery(bucket=self.bucket, prefix=self.prefix, kind=kind, starts_with=literal_start(pattern))
        matches = name_matcher(pattern, regexp)
        heads = [
            head
            for head in self.context.metadata.heads(query)
            if matches(head.key.name) and (hidden or not is_hidden(head.key.name))
        ]
        return [self._metadata(head) for head in heads] if raw else [head.key.name for head in heads]

    def exists(self, name: str) -> bool:
        """Tell whether there is an object of this name, and the version, columns or chunks of it that are named.

        Rows are a slice, which may be empty. Columns count as there where a kind does not say which it has.
        """
        ref = self._parse(name)
        if ref.name in self._transient:
            return True
        meta = self._resolve(ref, required=False)
        return meta is not None and self._has(meta, ref)

    def drop(self, name: str, *, force: bool = False) -> bool:
        """Remove an object, or with ``name@version`` that version only; return whether there was one.

        Raises:
            ObjectNotFoundError: there is no such object, unless ``force``.
            InvalidNameError: the name is one of columns, rows or chunks.
        """
        ref = ObjectRef.parse_whole(name, "drop")
        meta = self._resolve(ref, required=not force)
        if meta is None or meta.record is None:
            return False
        if ref.selector:
            drop_version(self.context, self.commits, meta.key, meta.record)
            return True
        self._backend(self.context.registry.by_kind(meta.kind), self._view(_pinned={ref.name: meta})).drop(ref.name)
        drop_object(self.context, self.commits, meta.key, uid=meta.record.uid)
        return True

    # -- metadata --------------------------------------------------------------------------------------------------

    def metadata(self, name: str, version: int | str | None = None) -> Metadata | None:
        """Return the metadata of an object or of a version of it; None if there is none.

        Columns, rows and chunks have none of their own: theirs is that of the object, and None where :meth:`exists`
        says that they are not there.

        To a backend that is putting the object, there is only what it has put itself; saving that makes a new version.
        """
        ref = self._parse(name, version)
        meta = self._known(ref)
        return meta if meta is not None and self._has(meta, ref) else None

    def versions(self, name: str) -> Sequence[Metadata]:
        """Return the metadata of all versions of an object, oldest first.

        Raises:
            ObjectNotFoundError: there is no such object.
        """
        head = self._finder.head(self._plain_key(name, "list versions of"), required=True)
        return [self._metadata(head, version) for version in reversed(self._finder.live_versions(head))]

    revisions = versions

    def tag(self, name: str, tag: str) -> Metadata:
        """Give a version of an object a further name; return its metadata. A tag moves if it was somewhere else."""
        validate_tag(tag)
        meta = self._resolve(ObjectRef.parse_whole(name, "tag"), required=True)
        record = meta.record

        def tagged(head: Head) -> Head:
            if record.id in head.dropped_versions or self.context.metadata.version(record.id) is None:
                raise VersionNotFoundError(f"version {record.seq} of {name!r} was dropped meanwhile; it was not tagged")
            return replace(head, tags={**head.tags, tag: record.ref})

        return self._metadata(self.commits.update(meta.key, tagged, uid=record.uid), record)

    def link_dataset(self, name: str, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of a model for when it is fitted or used without any; return its metadata.

        Raises:
            ObjectNotFoundError: there is no such model or dataset.
        """
        return link_dataset(self, self._sibling(DATA), name, Xname=Xname, Yname=Yname)

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
        staged = self._staged if self._staged and self._staged.key == key else None
        inherited = staged.attributes if staged else {}
        meta = Metadata(self, key, kind, attributes={**inherited, **(attributes or {})}, kind_meta=kind_meta)
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

    def compact(self, name: str) -> Metadata:
        """Merge the segments of an object that was appended to, as a new version with the same content.

        Raises:
            UnsupportedOptionError: objects of this kind have no segments.
            InvalidNameError: the name is one of a version, which never changes, or of a piece.
        """
        meta = self._metadata(self._finder.head(self._plain_key(name, "compact"), required=True))
        backend = self._backend(self.context.registry.by_kind(meta.kind), self)
        if not isinstance(backend, SupportsCompact):
            raise UnsupportedOptionError(f"{name!r} is a {meta.kind}, which has no segments to merge")
        result: Metadata = backend.compact(meta.name)
        return result

    # -- backends --------------------------------------------------------------------------------------------------

    def register_backend(self, kind: str, backend: type[DataBackend]) -> OmegaStore:
        """Store objects of this kind by this class, in all stores of the context; return this store."""
        self.context.registry.register(kind, backend)
        return self

    def get_backend(self, name: str) -> DataBackend:
        """Return the backend of a stored object. Raises ObjectNotFoundError."""
        ref = ObjectRef.parse_whole(name, "ask for the backend of")
        return self.get_backend_bykind(self._resolve(ref, required=True).kind)

    def get_backend_bykind(self, kind: str) -> DataBackend:
        """Return the backend of a kind. Raises UnknownKindError."""
        return self._backend(self.context.registry.by_kind(kind), self)

    def get_backend_byobj(self, obj: object, name: str = "") -> DataBackend:
        """Return the backend that would store this object. Raises UnsupportedObjectError."""
        return self._backend(self.context.registry.by_object(obj, name, prefix=self.prefix), self)

    def help(self, name: str | None = None) -> str:
        """Return what can be done with an object, or with every kind: what it stores and its options."""
        if name is not None:
            kinds = [self._resolve(ObjectRef.parse_whole(name, "ask for help on"), required=True).kind]
        else:
            kinds = self.context.registry.kinds
        return "\n\n".join(_describe(kind, self.context.registry.by_kind(kind)) for kind in kinds)

    # -- payloads, for backends ------------------------------------------------------------------------------------

    def collection(self, name: str) -> Collection:
        """Return the collection of an object; while it is being put, a fresh one that its new version will own."""
        key = self._plain_key(name, "give the collection of")
        if self._staged and self._staged.key == key:
            fresh = f"{self.object_store_key(name, 'rows')}.{self.context.new_id()}"
            return self.context.store.collection(self.payloads.register_collection(fresh).ref)
        meta = self.metadata(name)
        found = meta.collection if meta else None
        return found if found is not None else self.context.store.collection(self.object_store_key(name, "rows"))

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
        key = self._plain_key(name, "make a key for")
        whole = hashlib.sha256(f"{key.bucket}\0{key.prefix}\0{key.name}".encode()).hexdigest()
        slug = re.sub(r"[^A-Za-z0-9]+", "-", key.name).strip("-")[:40]
        return ".".join(part for part in (self.prefix.strip("/"), slug, whole[:24], ext) if part)

    # -- promotion -------------------------------------------------------------------------------------------------

    @overload
    def promote(
        self, name: str, other: OmegaStore, asname: str | None = None, *, dry_run: Literal[True], **options: Any
    ) -> PromotionPlan: ...
    @overload
    def promote(
        self, name: str, other: OmegaStore, asname: str | None = None, *, dry_run: Literal[False] = ..., **options: Any
    ) -> Metadata: ...
    def promote(
        self, name: str, other: OmegaStore, asname: str | None = None, *, dry_run: bool = False, **options: Any
    ) -> Metadata | PromotionPlan:
        """Copy an object to another bucket or context, replacing what is there; return the copy's metadata.

        Within a context no bytes are copied; across contexts only those that are missing. The same promotion again
        changes nothing.

        Args:
            name: the object, or a version of it: ``m@v1``.
            other: the store to copy to.
            asname: the name there; by default the same.
            dry_run: write nothing; return the plan of what would be done.
            options: ``tag=`` names the new version there. ``gates=[...]`` must let it pass, beside those that are
                declared; ``force='reason'`` promotes it even if they do not. ``with_data=True`` promotes the datasets
                that a model was fitted on before it. ``versions=3`` or ``'all'`` takes older versions along, and
                ``tags=True`` the tags of all that are taken.

        Raises:
            PromotionError: it can not be promoted there. PromotionRefusedError: a gate refused it; nothing was changed.
            UntrustedObjectError: it is not trusted where it is. InvalidNameError: it is a piece of an object, or the
            name there is no plain one.
        """
        source = self._resolve(ObjectRef.parse_whole(name, "promote"), required=True)
        do = plan if dry_run else promote
        return do(source, other, asname=asname, **options)

    def rollback(self, name: str, *, reason: str = "") -> Metadata:
        """Make what was live before the current version live again; return its metadata. Once more goes further back.

        Raises:
            ObjectNotFoundError: there is no such object.
            PromotionError: nothing was live before. ConflictError: something else became live meanwhile.
        """
        key = self._plain_key(name, "roll back")
        return roll_back(self._metadata(self._finder.head(key, required=True)), reason=reason)

    def approve(self, name: str, role: str, note: str = "", *, digest: str | None = None) -> HistoryEntry:
        """Record that this version of an object is approved as something, such as ``release``; return the record.

        Args:
            name: the object, or a version of it.
            role: as what.
            note: what else there is to say.
            digest: approve what has this digest where it comes from, and need not be here yet.
        """
        ref = ObjectRef.parse_whole(name, "approve")
        meta = self._resolve(ref, required=digest is None)
        version = meta.record if meta and digest in {None, meta.digest} else None
        said = digest or (version.digest if version else "")
        key = self.key_of(ref.name)
        return History(self.context).approve(key, version=version, digest=said, role=role, note=note)

    def history(self, name: str) -> Sequence[HistoryEntry]:
        """Return who promoted, rolled back or approved an object, when and why, oldest first.

        It is there for objects that were dropped, too.
        """
        return History(self.context).read(self._plain_key(name, "give the history of"))

    def sibling(self, prefix: str) -> OmegaStore:
        """Return the store of another type in the same bucket."""
        return self._sibling(prefix)

    def key_of(self, name: str) -> ObjectKey:
        """Return the key of the object of a plain name."""
        return self._plain_key(name, "give the key of")

    # -- archives --------------------------------------------------------------------------------------------------

    def to_archive(self, names: str | Sequence[str], path: str | Path) -> builtins.list[dict[str, Any]]:
        """Write objects into one signed file; return facts about each.

        Args:
            names: of objects, with all versions that are kept for good; or of versions: ``m@v1``.
            path: the file; it is replaced when the new one is complete.

        Raises:
            ObjectNotFoundError: there is no such object. UntrustedObjectError: it may not be loaded here.
            ArchiveError: the file can not be written.
        """
        listed = [names] if isinstance(names, str) else names
        return export_objects(self.context, [(self, name) for name in listed], Path(path))

    def from_archive(self, path: str | Path, names: str | Sequence[str] = ()) -> builtins.list[Imported]:
        """Bring objects of an archive into this store; return what became of each.

        They become the current versions of their names, as by a promotion; what is there already is not written again.

        Args:
            path: the archive.
            names: which objects; by default all that were in a store of this type.

        Raises:
            ArchiveError: the archive is not what it should be. UntrustedObjectError: nobody trusted has signed it.
        """
        listed = [names] if isinstance(names, str) else names
        wanted = [(self.prefix, name) for name in listed]
        return import_objects(
            self.context, Path(path), lambda _, prefix: self._sibling(prefix), wanted=wanted, prefixes=[self.prefix]
        )

    # -- inside ----------------------------------------------------------------------------------------------------

    def with_transient(self, objects: Mapping[str, Any]) -> OmegaStore:
        """Return a view of this store in which these names stand for these objects, which are stored nowhere."""
        return self._view(_transient={**self._transient, **objects})

    def with_pinned(self, meta: Metadata) -> OmegaStore:
        """Return a view of this store that does not look again for what this metadata is about."""
        return self._view(_pinned={**self._pinned, meta.name: meta})

    def with_reserved(self) -> OmegaStore:
        """Return a view of this store that puts objects under the names which the runtime keeps to itself."""
        return self._view(_may_reserve=True)

    def resolve(self, name: str) -> Metadata:
        """Return the metadata of an object or version.

        Raises:
            ObjectNotFoundError: there is no such object. InvalidNameError: the name is one of columns, rows or chunks.
        """
        return self._at(ObjectRef.parse_whole(name, "name"))

    def locate(self, name: str) -> Metadata:
        """Return the metadata of the object that data of this name are read from, which may be columns, rows or chunks.

        Raises:
            ObjectNotFoundError: there is no such object. ColumnNotFoundError: it has no such column.
            UnsupportedOptionError: objects of this kind have no columns, or are not read in chunks.
        """
        ref = self._parse(name)
        meta = self._at(ref)
        self._check_piece(meta, ref)
        return meta

    def __repr__(self) -> str:
        return f"OmegaStore(bucket={self.bucket!r}, prefix={self.prefix!r}, store={self.context.store.url!r})"

    def _view(self, **changes: Any) -> OmegaStore:
        view = copy.copy(self)
        for name, value in changes.items():
            setattr(view, name, value)
        return view

    def _staging(
        self, key: ObjectKey, cls: type[DataBackend], *, attributes: Mapping[str, Any] | None, tag: str | None
    ) -> OmegaStore:
        view = self._view(_stager=cls, _pinned={}, commits=Commits(self.context, self.payloads, tag=tag))
        view._staged = Metadata(view, key, "", attributes=attributes)  # noqa: SLF001 -- a copy of this store
        return view

    def _renewed(self, meta: Metadata, staged: Metadata) -> Metadata | None:
        """Return what is there as the draft of what is being put; None if another backend has put it."""
        if meta.key != staged.key:
            return meta
        return meta.renew(staged.attributes) if self.context.registry.is_by(meta.kind, self._stager) else None

    def _backend_class(
        self, obj: Any, key: ObjectKey, kind: str | None, *, append: bool, options: Mapping[str, Any]
    ) -> type[DataBackend]:
        """Return what is to store an object: as asked, as it is stored already if it is appended to, or the first."""
        registry = self.context.registry
        if kind:
            return registry.by_kind(kind)
        head = self.context.metadata.head(key) if append else None
        if head is not None and head.kind in registry.kinds:
            present = registry.by_kind(head.kind)
            if present.supports(obj, key.name, append_to=head.kind, **options):
                return present
        return registry.by_object(obj, key.name, prefix=key.prefix, **options)

    def _backend(self, cls: type[DataBackend], view: OmegaStore) -> DataBackend:
        """A backend of models finds its model here and its data among the datasets; any other keeps its data here."""
        if issubclass(cls, SupportsActions):
            return cls(data_store=self._sibling(DATA), model_store=view)
        return cls(data_store=view, model_store=self._sibling(MODELS))

    def _sibling(self, prefix: str) -> OmegaStore:
        return self if prefix == self.prefix else OmegaStore(self.context, prefix=prefix, bucket=self.bucket)

    def _plain_key(self, name: str, action: str) -> ObjectKey:
        return ObjectKey(self.bucket, self.prefix, ObjectRef.parse_plain(name, action).name)

    def _new_key(self, name: str, action: str) -> ObjectKey:
        key = self._plain_key(name, action)
        if not self._may_reserve:
            validate_new_name(key.name)
        return key

    def _parse(self, name: str, version: int | str | None = None) -> ObjectRef:
        ref = ObjectRef.parse(name)
        if version is None:
            return ref
        if ref.selector:
            raise InvalidNameError(f"{name!r} already names a version; leave out version={version!r}")
        return replace(ref, version=str(version)) if version != LATEST else ref

    def _at(self, ref: ObjectRef) -> Metadata:
        pinned = self._pinned.get(ref.name)
        found: Metadata = pinned if pinned and not ref.selector else self._resolve(ref, required=True)
        return found

    def _known(self, ref: ObjectRef) -> Metadata | None:
        """Return the metadata as whoever sees this view is to know it, if there is any."""
        pinned = self._pinned.get(ref.name)
        if pinned and not ref.selector:
            return pinned
        meta: Metadata | None = self._resolve(ref, required=False)
        return self._renewed(meta, self._staged) if meta and self._staged and not ref.selector else meta

    def _has(self, meta: Metadata, ref: ObjectRef) -> bool:
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
        backend = self._backend(self.context.registry.by_kind(meta.kind), self._view(_pinned={meta.name: meta}))
        return backend.summary(meta.name) if isinstance(backend, SupportsSummary) else {}

    def _resolve(self, ref: ObjectRef, *, required: bool) -> Any:
        head = self._finder.head(ObjectKey(self.bucket, self.prefix, ref.name), required=required)
        if head is None:
            return None
        if not ref.selector:
            return self._metadata(head)
        version = self._finder.version(head, ref, required=required)
        return self._metadata(head, version) if version else None

    def _metadata(self, head: Head, version: Version | None = None) -> Metadata:
        if version is None and head.version is not None and head.version.id == head.current.id:
            version = head.version
        return Metadata(self, head.key, version.kind if version else head.kind, head=head, version=version)


def _require_saved(meta: object, cls: type[DataBackend], name: str) -> Metadata:
    if not isinstance(meta, Metadata) or meta.head is None:
        raise StoreError(
            f"the backend {cls.__name__} did not return saved metadata for {name!r}: end put() with meta.save()"
        )
    return meta


def _describe(kind: str, cls: type[DataBackend]) -> str:
    describe = getattr(cls, "describe", None)
    text = str(describe()) if describe else inspect.getdoc(cls) or cls.__name__
    return text if text.startswith(kind) else f"{kind}: {text}"
