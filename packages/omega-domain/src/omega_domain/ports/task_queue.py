"""Port of the task queue: how tasks get to workers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from omega_domain.entities.task import Task


class TaskQueue(Protocol):
    """Carries tasks to workers. Results are not its business: a worker writes them to the records in the store.

    Duties: a task travels as the JSON of :meth:`Task.to_plain` and nothing else; once :meth:`submit` has returned,
    every task has a record, and ends as SUCCESS or FAILURE; safe to use from many threads.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """What people call it, without secrets: ``in-process``, ``celery``."""

    @abstractmethod
    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Submit tasks.

        The tasks of a stage may run beside each other, in any order, each on a queue of its ``label``. A stage starts
        when all tasks of the stage before have ended, whether well or not; a task that finds one of those in its
        ``after`` failed does not run but fails likewise (see :mod:`omega_domain.tasks.execution`). So a single task
        is ``[[task]]``, a sequence ``[[a], [b], [c]]``, a parallel run ``[[a, b, c]]``, and mapreduce
        ``[[a, b], [c]]``.

        Raises:
            TaskError: they could not be submitted; then none of them runs.
        """


@runtime_checkable
class SupportsCancel(Protocol):
    """Ability of queues whose tasks may still be on their way when ``submit`` has returned."""

    @abstractmethod
    def cancel(self, task_ids: Sequence[str]) -> int:
        """End tasks as FAILURE by a TaskCancelledError, and interrupt those that run; return how many it met."""
