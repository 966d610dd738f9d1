"""Omega: a context and a bucket of it, with its stores and its runtime."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, Final

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.inprocess.task_queue import InProcessTaskQueue
from omega_domain.archives import backups, exporting, importing
from omega_domain.deliveries import receiving
from omega_domain.entities.delivery import Received
from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS, validate_bucket
from omega_domain.errors import InvalidNameError, SettingsError
from omega_domain.logbook.logger import OmegaLogger
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.promotion import Promotion
from omega_domain.ports.router import Router
from omega_domain.ports.store import Store
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.context import Context
from omega_domain.runtime.runtime import OmegaRuntime
from omega_domain.stores import OmegaStore, Stores
from omega_domain.upkeep import checking, collecting

DEFAULT_BUCKET = "omega"
_PREFIXES: Final = {"datasets": DATA, "data": DATA, "models": MODELS, "jobs": JOBS, "scripts": SCRIPTS}
STORE_NAMES: Final = ("datasets", "models", "jobs", "scripts")


class Omega:
    """A context and a bucket of it.

    Made by ``omega_ml.setup()``, or from a chosen set of adapters: ``Omega(metadata=…, store=…)``.

    Args:
        context: the context; or give its parts:
        metadata: heads and versions.
        store: payloads.
        queue: where tasks are submitted; by default they run in this process.
        router: which queue meets a requirement; by default this process meets all.
        promotion: how objects get here from other buckets and contexts; by default they are copied.
        bucket: name of the bucket.
        contexts: opens another context by its name; by default none is known.
        fields: further fields of :class:`~omega_domain.repository.context.Context`.
    """

    context: Context
    bucket: str

    def __init__(
        self,
        context: Context | None = None,
        *,
        metadata: MetadataStore | None = None,
        store: Store | None = None,
        queue: TaskQueue | None = None,
        router: Router | None = None,
        promotion: Promotion | None = None,
        bucket: str = DEFAULT_BUCKET,
        contexts: Callable[[str], Omega] | None = None,
        **fields: Any,
    ) -> None:
        if context is None:
            if metadata is None or store is None:
                raise SettingsError(
                    "Omega needs a context, or both metadata= and store=; omega_ml.setup() chooses them"
                )
            context = Context(metadata=metadata, store=store, **{"clock": SystemClock(), **fields})
        self.context = context if promotion is None else replace(context, promotion=promotion)
        self.bucket = validate_bucket(bucket)
        self._stores = Stores(self.context, self.bucket)
        self._queue = queue
        self._router = router
        self._buckets: dict[str, Omega] = {self.bucket: self}
        self._contexts = contexts
        self._opened: dict[str, Omega] = {}

    def __getitem__(self, bucket: str | None) -> Omega:
        """Return this context on another bucket; the same object for the same name. It need not exist yet."""
        name = DEFAULT_BUCKET if bucket in {None, "default"} else validate_bucket(str(bucket))
        if name not in self._buckets:
            other = Omega(self.context, queue=self.queue, router=self.router, bucket=name)
            other._buckets, other._contexts, other._opened = self._buckets, self._contexts, self._opened
            self._buckets.setdefault(name, other)
        return self._buckets[name]

    def in_context(self, name: str) -> Omega:
        """Return another context that the settings describe, on the bucket that they say; opened once for each name.

        Raises:
            SettingsError: no such context is described, or this Omega was made of adapters and knows no other.
        """
        if self._contexts is None:
            raise SettingsError(
                f"the context {name!r} is not known to an Omega that was made of adapters; open it by "
                f"omega_ml.setup(context={name!r}), or give Omega contexts="
            )
        if name not in self._opened:
            self._opened.setdefault(name, self._contexts(name))
        return self._opened[name]

    @property
    def buckets(self) -> list[str]:
        """Names of the buckets that hold objects, sorted."""
        return self.context.metadata.buckets()

    @property
    def datasets(self) -> OmegaStore:
        """Datasets of this bucket."""
        return self._stores.datasets

    @property
    def models(self) -> OmegaStore:
        """Models of this bucket."""
        return self._stores.models

    @property
    def jobs(self) -> OmegaStore:
        """Notebooks of this bucket."""
        return self._stores.jobs

    @property
    def scripts(self) -> OmegaStore:
        """Scripts of this bucket."""
        return self._stores.scripts

    @property
    def queue(self) -> TaskQueue:
        """Where tasks are submitted."""
        if self._queue is None:
            self._queue = InProcessTaskQueue(self.context, omega=self.__getitem__)
        return self._queue

    @property
    def router(self) -> Router:
        """What finds the queue for a requirement."""
        if self._router is None:
            self._router = InProcessRouter()
        return self._router

    @cached_property
    def runtime(self) -> OmegaRuntime:
        """Trains, predicts and runs objects of this bucket by name."""
        return OmegaRuntime(self._stores, queue=self.queue, router=self.router, omega=self.__getitem__)

    @cached_property
    def logger(self) -> OmegaLogger:
        """A logger whose records are kept in the store, and read by ``logger.dataset.get()``."""
        return OmegaLogger(self.context, bucket=self.bucket)

    def collect(
        self, *, grace: timedelta | None = None, dry_run: bool = False, force: bool = False
    ) -> collecting.CollectReport:
        """Remove what nothing can reach any more from the whole context; see ``om gc``."""
        return collecting.collect(self.context, grace=grace, dry_run=dry_run, force=force)

    def check(self, *, deep: bool = True, progress: Callable[[str], None] | None = None) -> list[checking.Finding]:
        """Return what is damaged or garbage in the whole context; see ``om fsck``."""
        return checking.check(self.context, deep=deep, progress=progress)

    def usage(self, bucket: str | None = None) -> checking.UsageReport:
        """Return what takes how much space, in the whole context or one bucket; see ``om du``."""
        return checking.usage(self.context, bucket=bucket)

    def export(self, names: str | Sequence[str], path: str | Path) -> list[dict[str, Any]]:
        """Write objects of this bucket into one signed file; return facts about each; see ``om export``.

        Args:
            names: store and name of objects, such as ``models/m``, ``datasets/sales@v1``.
            path: the file; it is replaced when the new one is complete.

        Raises:
            ObjectNotFoundError: there is no such object. InvalidNameError: a name does not begin with its store.
            UntrustedObjectError: an object may not be loaded here. ArchiveError: the file can not be written.
        """
        listed = [names] if isinstance(names, str) else names
        wanted = [(self._store(self.bucket, prefix), name) for prefix, name in map(_store_and_name, listed)]
        return exporting.export_objects(self.context, wanted, Path(path))

    def import_archive(self, path: str | Path, names: str | Sequence[str] = ()) -> list[importing.Imported]:
        """Bring objects of an archive into this bucket; return what became of each; see ``om import``.

        Args:
            path: the archive.
            names: store and name of the objects, such as ``models/m``; by default all.

        Raises:
            ArchiveError: the archive is not what it should be. UntrustedObjectError: nobody trusted has signed it.
        """
        listed = [names] if isinstance(names, str) else names
        wanted = [_store_and_name(name) for name in listed]
        return exporting.import_objects(
            self.context, Path(path), lambda _, prefix: self._store(self.bucket, prefix), wanted=wanted
        )

    def describe_archive(self, path: str | Path) -> dict[str, Any]:
        """Return what an archive says of itself, whoever made it, and whose signature it has. Raises ArchiveError."""
        return exporting.describe_archive(self.context, Path(path))

    def receive(self, folder: str | Path, *, dry_run: bool = False, force: str | None = None) -> list[Received]:
        """Promote what others have sent by files in a folder, if the gates here let it pass; see ``om receive``.

        Args:
            folder: the folder, to which a context with ``promotion = "folder:…"`` was promoted to elsewhere.
            dry_run: only ask the gates.
            force: why it is done even if a gate refuses; the reason is recorded.

        Returns:
            What became of each file; one that is refused does not hold up the others.

        Raises:
            ArchiveError: the folder can not be read.
        """
        return receiving.receive(self.context, Path(folder), dry_run=dry_run, force=force)

    def backup(self, folder: str | Path) -> backups.BackupReport:
        """Add a backup of the whole context to a folder; only what is new is written; see ``om backup``.

        Raises:
            ArchiveError: it can not be written, or something of the objects is missing.
        """
        return backups.back_up(self.context, Path(folder))

    def restore(
        self, folder: str | Path, *, at: datetime | None = None, names: str | Sequence[str] = ()
    ) -> list[importing.Imported]:
        """Make the objects of a backup what they were, in all buckets; others are left alone; see ``om restore``.

        Args:
            folder: the folder of backups.
            at: the last backup until then; by default the last of all.
            names: store and name of objects, such as ``models/m``; by default all.

        Raises:
            ArchiveError: there is no such backup, or it is damaged. UntrustedObjectError: nobody trusted has signed it.
        """
        listed = [names] if isinstance(names, str) else names
        wanted = [_store_and_name(name) for name in listed]
        return backups.restore(self.context, Path(folder), self._store, at=at, wanted=wanted)

    def __repr__(self) -> str:
        return (
            f"Omega(context={self.context.name!r}, bucket={self.bucket!r}, store={self.context.store.url!r}, "
            f"runtime={self._runtime_name!r})"
        )

    def _repr_html_(self) -> str:
        rows = {
            "context": self.context.name,
            "bucket": self.bucket,
            "store": self.context.store.url,
            "runtime": self._runtime_name,
        }
        cells = "".join(f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in rows.items())
        return f"<table><caption>Omega</caption>{cells}</table>"

    def _store(self, bucket: str, prefix: str) -> OmegaStore:
        return OmegaStore(self.context, prefix=prefix, bucket=bucket)

    @property
    def _runtime_name(self) -> str:
        return self.queue.name


def _store_and_name(text: str) -> tuple[str, str]:
    """Take ``models/m`` apart into prefix and name."""
    store, slash, name = text.partition("/")
    prefix = _PREFIXES.get(store)
    if prefix is None or not slash:
        raise InvalidNameError(f"{text!r} does not say in which store it is: write {'/…, '.join(STORE_NAMES)}/…")
    return prefix, name
