"""Ability of what runs tasks within the call that submits them: what the call has looked up is not looked up again.

A queue that takes tasks elsewhere does not have it; then each task looks up its object for itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from omega_domain.entities.task import Task
from omega_domain.repository.metadata import Metadata


class RunsHere(ABC):
    """Runs tasks here and now. A class has this ability by inheriting it, not by a method of the same name."""

    @abstractmethod
    def run(self, stages: Sequence[Sequence[Task]], *, known: Mapping[str, Metadata] | None = None) -> None:
        """Run tasks, see :meth:`~omega_domain.ports.task_queue.TaskQueue.submit`; all have ended when it returns.

        Args:
            stages: the tasks.
            known: metadata of the object of a task, by the id of the task, as far as they were looked up.
        """
