"""The task queue of this process: tasks are run when they are submitted, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from omega_domain.entities.task import Task
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.known import RunsHere


class InProcessTaskQueue(TaskQueue, RunsHere):
    """Runs tasks of a context in the thread that submits them; when ``submit`` returns, they have ended.

    Args:
        context: the context.
        omega: returns the Omega of a bucket, for scripts.
    """

    def __init__(self, context: Context, *, omega: Callable[[str], Any] | None = None) -> None:
        self._executor = Executor(context, omega=omega)

    @property
    def name(self) -> str:
        """``in-process``."""
        return "in-process"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Run the tasks, stage by stage."""
        self.run(stages)

    def run(self, stages: Sequence[Sequence[Task]], *, known: Mapping[str, Metadata] | None = None) -> None:
        """Run the tasks, stage by stage, with what the caller knows of their objects."""
        self._executor.run(stages, known=known)
