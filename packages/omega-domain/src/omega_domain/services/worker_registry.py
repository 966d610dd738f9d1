"""The registry of workers: who lives, kept in the store, so that everybody knows at once and without a broker."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from omega_domain.entities.requirement import Worker
from omega_domain.services.context import Context
from omega_domain.services.task_log import LEASE

WORKERS: Final = "omega.workers"
#: Packages whose versions must agree between who submits a task and who runs it.
PACKAGES: Final = (
    "omega-domain",
    "omega-backends",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "cloudpickle",
    "joblib",
)
#: How long the entry of a worker that died is remembered, for messages.
_REMEMBERED: Final = timedelta(days=1)


class WorkerRegistry:
    """Entries of the workers of one context. A worker renews its own; an entry that is not renewed is of a dead one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workers = context.store.collection(WORKERS)

    def announce(self, worker: Worker) -> None:
        """Write or renew the entry of a worker; it is seen now."""
        fields = {**worker.to_plain(), "labels": list(worker.labels), "seen": self._context.clock.now()}
        self._workers.update_one({"_id": worker.id}, {"$set": fields}, upsert=True)

    def withdraw(self, worker: Worker) -> None:
        """Remove the entry of a worker that stops, and those of workers that died long ago."""
        self._workers.delete_many({"_id": worker.id})
        self._workers.delete_many({"seen": {"$lt": self._context.clock.now() - _REMEMBERED}})

    def live(self) -> list[Worker]:
        """Return the workers that live, by name."""
        return [worker for worker in self._all() if worker.seen > self._horizon]

    def dead(self) -> list[Worker]:
        """Return the workers that died without a word, by name."""
        return [worker for worker in self._all() if worker.seen <= self._horizon]

    def free_name(self, wanted: str) -> str:
        """Return a name that no live worker has: ``worker@host``, else ``worker2@host`` and so on."""
        taken = {worker.name for worker in self.live()}
        first, _, host = wanted.partition("@")
        name, number = wanted, 1
        while name in taken:
            number += 1
            name = f"{first}{number}@{host}"
        return name

    @property
    def _horizon(self) -> datetime:
        return self._context.clock.now() - LEASE

    def _all(self) -> Sequence[Worker]:
        return sorted(map(_to_worker, self._workers.find()), key=lambda worker: worker.name)


def installed_packages() -> dict[str, str]:
    """Return the versions of Python and of the packages that matter here, without importing them."""
    return {"python": platform.python_version(), **{name: found for name in PACKAGES if (found := _version(name))}}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _to_worker(entry: dict[str, Any]) -> Worker:
    return Worker(
        id=entry["_id"],
        name=entry["name"],
        labels=tuple(entry["labels"]),
        capacity=entry["capacity"],
        packages=entry["packages"],
        seen=entry["seen"],
    )
