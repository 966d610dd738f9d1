"""The tasks that a canvas has collected: what they make, touch and forward, and whose ``with`` block one is in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Literal

from omega_domain.entities.names import ObjectRef
from omega_domain.entities.task import Task
from omega_domain.errors import TaskError
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.records import TaskRecords

Form = Literal["sequence", "parallel", "mapreduce"]

#: Ambient, because tasks of any runtime are collected inside the ``with`` block, which no call of theirs names.
_current: ContextVar[Collected | None] = ContextVar("omega_canvas", default=None)


def current_collected() -> Collected | None:
    """Return what is collected in the ``with`` block that the caller is in, in this thread or coroutine; else None."""
    return _current.get()


class Collected:
    """Tasks that are to be submitted together.

    Args:
        records: of the tasks.
        form: in which order they run, and which results go where.

    Attributes:
        form: the same.
        tasks: in the order in which they were collected.
        is_submitted: whether nothing can be collected any more.
    """

    def __init__(self, records: TaskRecords, form: Form) -> None:
        self._records = records
        self.form: Form = form
        self.tasks: list[Task] = []
        self.is_submitted = False
        self._seen: dict[tuple[str, str, str], Metadata] = {}

    def enter(self) -> None:
        """Let all tasks of this thread or coroutine be collected here. Raises TaskError inside another canvas."""
        if _current.get() is not None:
            raise TaskError(
                f"a {self.form} can not be put inside another canvas: leave the outer with block first, "
                "or collect its tasks in one canvas"
            )
        _current.set(self)

    def leave(self) -> None:
        """Let tasks be submitted by themselves again."""
        _current.set(None)

    def add(self, task: Task, context: Context) -> None:
        """Collect a task.

        Raises:
            TaskError: it is of another context.
        """
        if context is not self._records.context:
            raise TaskError(
                f"{task.action} of {task.name!r} belongs to the context {context.name!r}, this {self.form} to "
                f"{self._records.context.name!r}: tasks of two contexts can not be collected together"
            )
        if self.is_submitted:
            raise TaskError(f"this {self.form} was submitted before; collect further tasks in a new one")
        self.tasks.append(task)

    def seen(self, kind: str, bucket: str, name: str, find: Callable[[str], Metadata]) -> Metadata:
        """Return the metadata of an object, found once: all tasks are submitted at the same moment."""
        key = (kind, bucket, name)
        if key not in self._seen:
            self._seen[key] = find(name)
        return self._seen[key]

    @property
    def forwards(self) -> bool:
        """Whether the next task may get the result of another."""
        return self.form == "mapreduce" or (self.form == "sequence" and bool(self.tasks))

    def makes(self, bucket: str, name: str) -> bool:
        """Tell whether a task that was collected leaves a dataset of this name."""
        return any(task.bucket == bucket and name == self._result_name(task) for task in self.tasks)

    def touches(self, bucket: str, name: str) -> bool:
        """Tell whether a task that was collected is about this model."""
        return any(task.bucket == bucket and name == ObjectRef.parse(task.name).name for task in self.tasks)

    def discard(self) -> None:
        """Forget the tasks, and drop what was kept in the store for their arguments."""
        for task in self.tasks:
            Arguments(self._records.context, self._records.codec, task.bucket).discard(task.arguments)
        self.tasks.clear()

    def _result_name(self, task: Task) -> str | None:
        given = task.kwargs.get("rName")
        return self._records.codec.loads(given.content) if given else None
