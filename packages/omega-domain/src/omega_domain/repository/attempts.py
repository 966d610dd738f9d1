"""Attempts: which task runs here, and how a task that runs a second time finds what its first attempt has put.

A worker may die after it has put an object and before it could say so; then the task runs again elsewhere. So that
its puts take effect once, a version that a task puts has an id that follows from the task, the attempt, the object and
which put of it this is. A later attempt that comes to the same put finds the version of the former, and leaves it at
that.

And a worker may stand still for so long that others take over its task, and then go on. So a put looks at the head
that it is about to replace first, then whether its attempt is still the one that counts. If it is, then a later attempt
begins after that look: it finds this put, or is there first, and then the head is another one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Final
from uuid import UUID, uuid5

from omega_domain.entities.names import ObjectKey
from omega_domain.entities.task import Task
from omega_domain.errors import TaskError

_NAMESPACE: Final = UUID("5b0f3a52-6d0e-4c55-9a3e-0f6f5c1f2f0a")
#: Tries of a put against other writers after which a second attempt no longer finds it.
_TURNS: Final = 100

#: A ContextVar, because between a task and the puts that it makes lies code of users and their backends, which hands no
#: argument on.
_current: ContextVar[Attempt | None] = ContextVar("omega_attempt", default=None)


@dataclass(slots=True)
class Attempt:
    """One run of a task.

    Attributes:
        task: the task.
        number: which attempt it is, from 1.
        counts: tells whether nobody has ended the task or taken it over.
    """

    task: Task
    number: int = 1
    counts: Callable[[], bool] = lambda: True
    _puts: Counter[ObjectKey] = field(default_factory=Counter)

    def next_put(self, key: ObjectKey) -> Put:
        """Return the put of an object that the task is about to make."""
        self._puts[key] += 1
        return Put(self, key, self._puts[key])


@dataclass(frozen=True, slots=True)
class Put:
    """One put of an object by an attempt."""

    attempt: Attempt
    key: ObjectKey
    number: int

    def version_ids(self) -> Iterator[str]:
        """Iterate over the ids for the new version: one for each try, until nobody else is faster."""
        return (self._id_of(self.attempt.number, turn) for turn in count())

    def check(self) -> None:
        """Raise TaskError if the attempt does not count any more."""
        if not self.attempt.counts():
            task = self.attempt.task
            raise TaskError(
                f"{self.key.name!r} was not put: task {task.id} ({task.action} of {task.name!r}) was cancelled, or "
                "taken over by another worker"
            )

    @property
    def former_ids(self) -> frozenset[str]:
        """The ids that earlier attempts may have given to the version of the same put."""
        former = range(1, self.attempt.number)
        return frozenset(self._id_of(number, turn) for number in former for turn in range(_TURNS))

    def _id_of(self, attempt: int, turn: int) -> str:
        return uuid5(_NAMESPACE, f"{self.attempt.task.id}/{attempt}/{self.key}/{self.number}/{turn}").hex


def current_attempt() -> Attempt | None:
    """Return the attempt that runs in this thread or coroutine; None outside of tasks."""
    return _current.get()


@contextmanager
def attempting(task: Task, number: int, *, counts: Callable[[], bool] = lambda: True) -> Iterator[Attempt]:
    """Make this the current attempt, as long as the block lasts; see :class:`Attempt`."""
    attempt = Attempt(task, number, counts)
    token = _current.set(attempt)
    try:
        yield attempt
    finally:
        _current.reset(token)


def current_task() -> Task | None:
    """Return the task that runs in this thread or coroutine; None outside of tasks."""
    attempt = current_attempt()
    return None if attempt is None else attempt.task
