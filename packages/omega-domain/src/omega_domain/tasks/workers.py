"""Workers: which of them live, kept in the store, so that everybody knows at once and without a broker."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from omega_domain.entities.requirement import Worker
from omega_domain.errors import DuplicateDocumentError
from omega_domain.repository.context import Context

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
    """Entries of the workers of one context. A worker renews its own; an entry that is not renewed is of a dead one.

    Each entry has the lease of its worker, so that all judge it alike, whatever their own patience is.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._workers = context.store.collection(WORKERS)

    def enlist(self, worker: Worker) -> Worker:
        """Write the entry of a worker under a name that no live one has; return it with that name.

        If its own is taken, ``worker@host``, it is ``worker2@host`` and so on; two that ask at once get two names.
        """
        first, _, host = worker.name.partition("@")
        named, number = worker, 1
        while not self._take_name(named):
            number += 1
            named = replace(worker, name=f"{first}{number}@{host}")
        return named

    def announce(self, worker: Worker) -> None:
        """Write or renew the entry of a worker; it is seen now."""
        self._workers.update_one({"_id": worker.name}, {"$set": self._fields(worker)}, upsert=True)

    def withdraw(self, worker: Worker) -> None:
        """Remove the entry of a worker that stops, and those of workers that died long ago."""
        self._workers.delete_many({"_id": worker.name, "id": worker.id})
        self._workers.delete_many({"seen": {"$lt": self._context.clock.now() - _REMEMBERED}})

    def live(self) -> list[Worker]:
        """Return the workers that live, by name."""
        now = self._context.clock.now()
        return [worker for worker in self._all() if worker.lives(now)]

    def dead(self) -> list[Worker]:
        """Return the workers that died without a word, by name."""
        now = self._context.clock.now()
        return [worker for worker in self._all() if not worker.lives(now)]

    def longest_lease(self) -> timedelta:
        """Return the longest lease of all that are known, whether or not they live."""
        return max([self._context.patience.lease, *(worker.lease for worker in self._all())])

    def _take_name(self, worker: Worker) -> bool:
        """Write the entry of a worker if nobody has its name, or who has it is dead."""
        fields = self._fields(worker)
        found = self._workers.find_one({"_id": worker.name})
        if found is None:
            try:
                self._workers.insert_many([{"_id": worker.name, **fields}])
            except DuplicateDocumentError:
                return False
            return True
        if _to_worker(found).lives(self._context.clock.now()):
            return False
        unchanged = {"_id": worker.name, "id": found["id"], "seen": found["seen"]}
        return self._workers.update_one(unchanged, {"$set": fields}).matched_count > 0

    def _fields(self, worker: Worker) -> dict[str, Any]:
        return {**worker.to_plain(), "id": worker.id, "seen": self._context.clock.now()}

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
        id=entry["id"],
        name=entry["name"],
        labels=tuple(entry["labels"]),
        capacity=entry["capacity"],
        packages=entry["packages"],
        seen=entry["seen"],
        **({"lease": timedelta(seconds=entry["lease"])} if "lease" in entry else {}),
    )
