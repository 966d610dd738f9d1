"""Omega: a context and a bucket of it, with its stores and its runtime."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cached_property
from html import escape
from typing import Any

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.inprocess.task_queue import InProcessTaskQueue
from omega_domain.entities.names import DATA, JOBS, MODELS, SCRIPTS, validate_bucket
from omega_domain.errors import SettingsError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.router import Router
from omega_domain.ports.store import Store
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.services import checking, collecting
from omega_domain.services.context import Context
from omega_domain.services.logger import OmegaLogger
from omega_domain.services.runtime import OmegaRuntime
from omega_domain.services.store import OmegaStore

DEFAULT_BUCKET = "omega"


class Omega:
    """A context and a bucket of it.

    Made by ``omega_ml.setup()``, or from a chosen set of adapters: ``Omega(metadata=…, store=…)``.

    Args:
        context: the context; or give its parts:
        metadata: heads and versions.
        store: payloads.
        queue: where tasks are submitted; by default they run in this process.
        router: which queue meets a requirement; by default this process meets all.
        bucket: name of the bucket.
        fields: further fields of :class:`~omega_domain.services.context.Context`.
    """

    def __init__(
        self,
        context: Context | None = None,
        *,
        metadata: MetadataStore | None = None,
        store: Store | None = None,
        queue: TaskQueue | None = None,
        router: Router | None = None,
        bucket: str = DEFAULT_BUCKET,
        **fields: Any,
    ) -> None:
        if context is None:
            if metadata is None or store is None:
                raise SettingsError(
                    "Omega needs a context, or both metadata= and store=; omega_ml.setup() chooses them"
                )
            context = Context(metadata=metadata, store=store, **{"clock": SystemClock(), **fields})
        self.context = context
        self.bucket = validate_bucket(bucket)
        self._queue = queue
        self._router = router
        self._buckets: dict[str, Omega] = {self.bucket: self}

    def __getitem__(self, bucket: str | None) -> Omega:
        """Return this context on another bucket; the same object for the same name. It need not exist yet."""
        name = DEFAULT_BUCKET if bucket in {None, "default"} else validate_bucket(str(bucket))
        if name not in self._buckets:
            other = Omega(self.context, queue=self.queue, router=self.router, bucket=name)
            other._buckets = self._buckets
            self._buckets.setdefault(name, other)
        return self._buckets[name]

    @property
    def buckets(self) -> list[str]:
        """Names of the buckets that hold objects, sorted."""
        return self.context.metadata.buckets()

    @cached_property
    def datasets(self) -> OmegaStore:
        """Datasets of this bucket."""
        return OmegaStore(self.context, prefix=DATA, bucket=self.bucket)

    @cached_property
    def models(self) -> OmegaStore:
        """Models of this bucket."""
        return OmegaStore(self.context, prefix=MODELS, bucket=self.bucket)

    @cached_property
    def jobs(self) -> OmegaStore:
        """Notebooks of this bucket."""
        return OmegaStore(self.context, prefix=JOBS, bucket=self.bucket)

    @cached_property
    def scripts(self) -> OmegaStore:
        """Scripts of this bucket."""
        return OmegaStore(self.context, prefix=SCRIPTS, bucket=self.bucket)

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
        return OmegaRuntime(self, queue=self.queue, router=self.router)

    @cached_property
    def logger(self) -> OmegaLogger:
        """A logger whose records are kept in the store, and read by ``logger.dataset.get()``."""
        return OmegaLogger(self.context, bucket=self.bucket)

    def collect(self, *, grace: timedelta | None = None, dry_run: bool = False) -> collecting.CollectReport:
        """Remove what nothing can reach any more from the whole context; see ``om gc``."""
        return collecting.collect(self.context, grace=grace, dry_run=dry_run)

    def check(self, *, deep: bool = True, progress: Callable[[str], None] | None = None) -> list[checking.Finding]:
        """Return what is damaged or garbage in the whole context; see ``om fsck``."""
        return checking.check(self.context, deep=deep, progress=progress)

    def usage(self, bucket: str | None = None) -> checking.UsageReport:
        """Return what takes how much space, in the whole context or one bucket; see ``om du``."""
        return checking.usage(self.context, bucket=bucket)

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

    @property
    def _runtime_name(self) -> str:
        return self.queue.name
