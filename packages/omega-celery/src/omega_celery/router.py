"""The router: which workers live, as their entries in the store say, and which queue each label has."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from omega_celery.agreed import QueueNames
from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.ports.router import Router
from omega_domain.repository.context import Context
from omega_domain.tasks.workers import WorkerRegistry

#: Seconds for which labels that were seen to live are not looked up again.
FRESH: Final = 1.0


class RegistryRouter(Router):
    """Reads the entries of workers in the store of a context; neither broker nor workers are asked."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._registry = WorkerRegistry(context)
        self._names = QueueNames(context)
        self._seen: tuple[float, frozenset[str]] = (0.0, frozenset())

    def resolve(self, requirement: Requirement) -> str:
        """Return the required label. Raises NoWorkerError, naming those that live and how to start one."""
        label = requirement.label or DEFAULT_LABEL
        if requirement.wait or label in self._labels_seen():
            return label
        workers = self._registry.live()
        labels = frozenset(label for worker in workers for label in worker.labels)
        self._seen = (time.monotonic(), labels)
        if label not in labels:
            raise NoWorkerError(self._why(label, labels))
        return label

    def workers(self) -> Sequence[Worker]:
        """Return the live workers, by name."""
        return self._registry.live()

    def queue_of(self, label: str) -> str:
        """Return the name that the queue of a label has in the broker."""
        return self._names.of(label)

    def _labels_seen(self) -> frozenset[str]:
        moment, labels = self._seen
        return labels if time.monotonic() - moment < FRESH else frozenset()

    def _why(self, label: str, labels: frozenset[str]) -> str:
        start = f"start one by: om worker --label {shlex.quote(label)}"
        wait = f"or let the task wait for one: om.runtime.require({label!r}, wait=True)"
        if labels:
            lives = ", ".join(map(repr, sorted(labels)))
            return f"no worker lives that serves the label {label!r}; those that live serve {lives}; {start}, {wait}"
        dead = [worker for worker in self._registry.dead() if label in worker.labels]
        if dead:
            last = max(dead, key=lambda worker: worker.seen)
            ago = timedelta(seconds=int((self._context.clock.now() - last.seen).total_seconds()))
            died = f"{last.name} did, but was last heard of {ago} ago, so it must be dead"
            return f"no worker lives that serves the label {label!r}: {died}; {start}, {wait}"
        return f"no worker lives, so nobody serves the label {label!r}; {start}, {wait}"
