"""OmegaStore, of which ``om.datasets``, ``om.models``, ``om.jobs``, ``om.scripts`` are; and the four of a bucket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, Self, cast, overload

from omega_domain.archives.exporting import export_objects, import_objects
from omega_domain.archives.importing import Imported
from omega_domain.entities.head import Head
from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS, ObjectRef, validate_tag
from omega_domain.entities.promotion import HistoryEntry, PromotionPlan
from omega_domain.errors import UnsupportedOptionError, VersionNotFoundError
from omega_domain.ports.backend import DataBackend, SupportsCompact
from omega_domain.ports.promotion import Promotion, PromotionRequest
from omega_domain.promotion.promoting import CopyingPromotion
from omega_domain.repository.context import Context
from omega_domain.repository.dropping import drop_object, drop_version
from omega_domain.repository.history import History
from omega_domain.repository.linking import link_dataset
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.objects import Objects

_COPYING: Final = CopyingPromotion()


class OmegaStore(Objects):
    """Keeps objects by name, in one bucket of a context; drops, tags, links, promotes and archives them.

    Args:
        context: the adapters to work on.
        prefix: what tells the stores of a bucket apart: ``data/``, ``models/``, ``jobs/``, ``scripts/``.
        bucket: name of the bucket.
    """

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
        self._backend(self.context.registry.by_kind(meta.kind), self._pinning(meta)).drop(ref.name)
        drop_object(self.context, self.commits, meta.key, uid=meta.record.uid)
        return True

    def tag(self, name: str, tag: str) -> Metadata:
        """Give a version of an object a further name; return its metadata. A tag moves if it was somewhere else."""
        validate_tag(tag)
        meta = self._resolve(ObjectRef.parse_whole(name, "tag"), required=True)
        record, ref = meta.record, meta.ref

        def tagged(head: Head) -> Head:
            if ref.id in head.dropped_versions or self.context.metadata.version(ref.id) is None:
                raise VersionNotFoundError(f"version {ref.seq} of {name!r} was dropped meanwhile; it was not tagged")
            return replace(head, tags={**head.tags, tag: ref})

        return self._metadata(self.commits.update(meta.key, tagged, uid=record.uid if record else None), record)

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
        result: Any = backend.compact(meta.name)
        merged: Metadata = result
        return merged

    def link_dataset(self, name: str, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of a model for when it is fitted or used without any; return its metadata.

        Raises:
            ObjectNotFoundError: there is no such model or dataset.
        """
        return link_dataset(self, self.sibling(DATA), name, Xname=Xname, Yname=Yname)

    # -- backends --------------------------------------------------------------------------------------------------

    def register_backend(self, kind: str, backend: type[DataBackend]) -> Self:
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
        if name is None:
            return self.context.registry.help()
        return self.context.registry.help(
            [self._resolve(ObjectRef.parse_whole(name, "ask for help on"), required=True).kind]
        )

    # -- promotion -------------------------------------------------------------------------------------------------

    @overload
    def promote(
        self, name: str, other: Objects, asname: str | None = None, *, dry_run: Literal[True], **options: Any
    ) -> PromotionPlan: ...
    @overload
    def promote(
        self, name: str, other: Objects, asname: str | None = None, *, dry_run: Literal[False] = ..., **options: Any
    ) -> Metadata: ...
    def promote(
        self, name: str, other: Objects, asname: str | None = None, *, dry_run: bool = False, **options: Any
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
            name there is no plain one. UnsupportedOptionError: there is no such option.
        """
        source = self._resolve(ObjectRef.parse_whole(name, "promote"), required=True)
        _refuse_unknown(options, name)
        request = PromotionRequest(source=source, target=other, asname=asname, **options)
        if dry_run:
            return _promotion_to(other).plan(request)
        return cast("Metadata", _promotion_to(other).promote(request))  # the target's, which is of this repository

    def rollback(self, name: str, *, reason: str = "") -> Metadata:
        """Make what was live before the current version live again; return its metadata. Once more goes further back.

        Raises:
            ObjectNotFoundError: there is no such object.
            PromotionError: nothing was live before. ConflictError: something else became live meanwhile.
        """
        live = self._resolve(ObjectRef.parse_plain(name, "roll back"), required=True)
        return cast("Metadata", _promotion_to(self).roll_back(live, reason=reason))  # as of promote

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
        return History(self.context).approve(self.key_of(ref.name), version=version, digest=said, role=role, note=note)

    def history(self, name: str) -> Sequence[HistoryEntry]:
        """Return who promoted, rolled back or approved an object, when and why, oldest first.

        It is there for objects that were dropped, too.
        """
        return History(self.context).read(self._plain_key(name, "give the history of"))

    # -- archives --------------------------------------------------------------------------------------------------

    def to_archive(self, names: str | Sequence[str], path: str | Path) -> list[dict[str, Any]]:
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

    def from_archive(self, path: str | Path, names: str | Sequence[str] = ()) -> list[Imported]:
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
            self.context, Path(path), lambda _, prefix: self.sibling(prefix), wanted=wanted, prefixes=[self.prefix]
        )


class Stores:
    """The stores of one bucket of a context, each made when it is first asked for.

    Args:
        context: the context.
        bucket: name of the bucket.
    """

    def __init__(self, context: Context, bucket: str) -> None:
        self.context = context
        self.bucket = bucket

    @cached_property
    def datasets(self) -> OmegaStore:
        """Datasets of this bucket."""
        return self.of(DATA)

    @cached_property
    def models(self) -> OmegaStore:
        """Models of this bucket."""
        return self.of(MODELS)

    @cached_property
    def jobs(self) -> OmegaStore:
        """Notebooks of this bucket."""
        return self.of(JOBS)

    @cached_property
    def scripts(self) -> OmegaStore:
        """Scripts of this bucket."""
        return self.of(SCRIPTS)

    def of(self, prefix: str) -> OmegaStore:
        """Return a new store of the type that this prefix stands for."""
        return OmegaStore(self.context, prefix=prefix, bucket=self.bucket)


def _refuse_unknown(options: Mapping[str, Any], name: str) -> None:
    known = [field.name for field in fields(PromotionRequest) if field.name not in {"source", "target", "asname"}]
    if unknown := [option for option in options if option not in known]:
        raise UnsupportedOptionError(
            f"{', '.join(map(repr, unknown))} can not be used to promote {name!r}: there are {', '.join(known)}"
        )


def _promotion_to(target: Objects) -> Promotion:
    """Return how objects get into a store: as its context says, or by copying."""
    return target.context.promotion or _COPYING
