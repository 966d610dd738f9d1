"""The heart of a worker: renews its entry and its leases, and looks after tasks that were lost."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

import structlog
from celery.worker import state

from omega_domain.entities.requirement import Worker
from omega_domain.errors import BrokerUnavailableError, OmegaError, StoreUnavailableError
from omega_domain.repository.context import Context
from omega_domain.tasks.dispatching import Dispatch
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.workers import WorkerRegistry


class Heart(threading.Thread):
    """Beats in the parent process of a worker, whatever its tasks do, and whether or not its broker answers.

    It looks after the lost tasks of others only while it has reached the store for the length of the longest lease of
    all workers: when a store comes back, all must get the time to renew their leases first.

    Args:
        context: the context of the worker.
        dispatch: gives lost tasks to the broker again.
        worker: the worker.
        running: returns the ids of the tasks that it runs.
    """

    def __init__(
        self,
        context: Context,
        dispatch: Dispatch,
        worker: Worker,
        running: Callable[[], Iterable[str]] | None = None,
    ) -> None:
        super().__init__(name="omega-heart", daemon=True)
        self._lease, self._beat = (each.total_seconds() for each in (context.patience.lease, context.patience.beat))
        self._registry = WorkerRegistry(context)
        self._tasks = TaskRecords(context)
        self._dispatch = dispatch
        self._worker = worker
        self._running = running or running_tasks
        self._notes: deque[Callable[[], None]] = deque()
        self._seen: set[str] = set()
        self._steady_since: float | None = None
        self._last = time.monotonic()
        self._wake, self._due = threading.Event(), threading.Event()
        self._carer = threading.Thread(target=self._care_until_the_end, name="omega-carer", daemon=True)
        self._is_open = True
        self._is_over = False
        self._log = structlog.get_logger("omega.heart")

    def begin(self) -> None:
        """Announce the worker, and start to beat; a worker that has found its broker again is announced at once."""
        if self.is_alive():
            self._wake.set()
        else:
            self.beat()
            self.start()

    def close(self) -> None:
        """Announce that no further tasks are taken; those that run are still looked after."""
        self._is_open = False
        self._wake.set()

    def lost(self, task_id: str) -> None:
        """Take note that the process died that ran a task."""
        self._note(lambda: self._dispatch.lost(task_id, holder=self._worker.id))

    def overran(self, task_id: str, seconds: float) -> None:
        """Take note that a task was ended at its time limit."""
        self._note(lambda: self._dispatch.overran(task_id, holder=self._worker.id, seconds=seconds))

    def run(self) -> None:
        """Beat until the end; a thread beside it does what a broker that hangs could stop."""
        self._carer.start()
        while not self._is_over:
            self._wake.wait(self._beat)
            self._wake.clear()
            if self._is_done(self._renew):
                self._due.set()

    def beat(self) -> None:
        """Beat once; what goes wrong is logged, and done again by the next beat."""
        if self._is_done(self._renew):
            self._is_done(self._care)

    def _care_until_the_end(self) -> None:
        while not self._is_over:
            self._due.wait()
            self._due.clear()
            self._is_done(self._care)

    def _is_done(self, do: Callable[[], None]) -> bool:
        try:
            do()
        except OmegaError as error:
            if not isinstance(error, BrokerUnavailableError):
                self._steady_since = None
            self._log.warning("no beat", worker=self._worker.name, reason=str(error))
        except Exception:  # noqa: BLE001 -- whatever it is, the next beat must come
            self._log.exception("no beat", worker=self._worker.name)
        else:
            return True
        return False

    def _renew(self) -> None:
        """Tell the store that the worker and its tasks live."""
        now = time.monotonic()
        if now - self._last > self._lease / 2:
            self._steady_since = None  # this machine was asleep: others must get the time to renew their leases
        self._last = now
        running = set(self._running())
        self._tasks.renew(running, holder=self._worker.id)
        for task_id in running & self._seen:
            self._tasks.adopt(task_id, worker=self._worker.name, holder=self._worker.id)
        self._seen = running
        if self._is_open:
            self._registry.announce(self._worker)
        else:
            self._registry.withdraw(self._worker)
        if self._steady_since is None:
            self._steady_since = now

    def _care(self) -> None:
        """Look after lost tasks, which takes the broker."""
        while self._notes:
            self._see_to(self._notes[0])
            self._notes.popleft()
        if self._is_open and self._has_watched():
            count = self._dispatch.sweep(self._worker.labels)
            if count:
                self._log.warning("gave lost tasks to the broker again", tasks=count)

    def _has_watched(self) -> bool:
        """Tell whether the store was there long enough for all workers to renew their leases."""
        since = self._steady_since
        watched = 0.0 if since is None else time.monotonic() - since
        return watched >= self._lease and watched >= self._registry.longest_lease().total_seconds()

    def _see_to(self, do: Callable[[], None]) -> None:
        """Do what a note says; what can not be done now stays noted, what can never be done is logged."""
        try:
            do()
        except (BrokerUnavailableError, StoreUnavailableError):
            raise
        except OmegaError as error:
            self._log.warning("a task can not be looked after", worker=self._worker.name, reason=str(error))

    def _note(self, do: Callable[[], None]) -> None:
        self._notes.append(do)
        self._wake.set()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._is_open = False
        self._is_over = True
        self._wake.set()
        self._due.set()
        for thread in (self, self._carer):
            if thread.is_alive():
                thread.join(timeout=self._beat)
        if self._is_done(self._renew) and not self._carer.is_alive():
            self._is_done(self._care)


def running_tasks() -> list[str]:
    """Return the ids of the tasks that Celery's worker in this process runs."""
    while True:
        try:
            return [request.id for request in list(state.active_requests)]
        except RuntimeError:  # another thread has changed it meanwhile
            continue
