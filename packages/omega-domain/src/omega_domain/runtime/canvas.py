"""Canvas: tasks that are collected in a ``with`` block and submitted together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from omega_domain.entities.names import ObjectRef
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import TaskError
from omega_domain.repository.context import Context
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import GroupResult

if TYPE_CHECKING:
    from omega_domain.repository.metadata import Metadata
    from omega_domain.runtime.model_proxy import ModelProxy
    from omega_domain.runtime.runtime import OmegaRuntime
    from omega_domain.runtime.script_proxy import ScriptProxy

Form = Literal["sequence", "parallel", "mapreduce"]

_current: ContextVar[Canvas | None] = ContextVar("omega_canvas", default=None)


def current_canvas() -> Canvas | None:
    """Return the canvas whose ``with`` block the caller is in, in this thread or coroutine; None if there is none."""
    return _current.get()


class Canvas:
    """Collects tasks, made by it or by any runtime inside its ``with`` block, and submits them by :meth:`run`.

    Args:
        runtime: whose tasks these are; it decides where they are submitted.
        log: where the group is recorded.
        form: in which order they run, and which results go where.

    Attributes:
        seen: metadata of the objects that its tasks are about, by kind, bucket and name.
    """

    def __init__(self, runtime: OmegaRuntime, records: TaskRecords, form: Form) -> None:
        self._runtime = runtime.collecting(self)
        self._records = records
        self._form = form
        self._tasks: list[Task] = []
        self.seen: dict[tuple[str, str, str], Metadata] = {}
        self._is_submitted = False

    def __enter__(self) -> Self:
        if _current.get() is not None:
            raise TaskError(
                f"a {self._form} can not be put inside another canvas: leave the outer with block first, "
                "or collect its tasks in one canvas"
            )
        _current.set(self)
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _current.set(None)
        if error is not None and not self._is_submitted:
            self._discard()

    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model; what they submit is collected."""
        return self._runtime.model(name)

    def script(self, name: str) -> ScriptProxy:
        """Return the actions of a script; what they submit is collected."""
        return self._runtime.script(name)

    def require(
        self, label: str | Mapping[str, Any] | None = None, *, always: bool = False, wait: bool = False
    ) -> OmegaRuntime:
        """Return a view whose tasks are collected, and go to workers with this label."""
        return self._runtime.require(label, always=always, wait=wait)

    def run(self) -> GroupResult:
        """Submit the tasks; return their results.

        Raises:
            TaskError: they were submitted before, or the last one of a mapreduce takes no results.
        """
        if self._is_submitted:
            raise TaskError(f"this {self._form} was submitted before; collect the tasks again in a new one")
        stages = _STAGES[self._form](self._tasks)
        self._is_submitted = True
        try:
            if self._tasks:
                self._runtime.send_together(stages)
        except BaseException:
            self._discard()
            raise
        return GroupResult(self._records, self._records.save_group(self._form, [task.id for task in self._tasks]))

    def add(self, task: Task, context: Context) -> None:
        """Collect a task; for runtimes.

        Raises:
            TaskError: it is of another context.
        """
        if context is not self._records.context:
            raise TaskError(
                f"{task.action} of {task.name!r} belongs to the context {context.name!r}, this {self._form} to "
                f"{self._records.context.name!r}: tasks of two contexts can not be collected together"
            )
        if self._is_submitted:
            raise TaskError(f"this {self._form} was submitted before; collect further tasks in a new one")
        self._tasks.append(task)

    @property
    def forwards(self) -> bool:
        """Whether the next task may get the result of another."""
        return self._form == "mapreduce" or (self._form == "sequence" and bool(self._tasks))

    def makes(self, bucket: str, name: str) -> bool:
        """Tell whether a task that was collected leaves a dataset of this name."""
        return any(task.bucket == bucket and name == self._result_name(task) for task in self._tasks)

    def touches(self, bucket: str, name: str) -> bool:
        """Tell whether a task that was collected is about this model."""
        return any(task.bucket == bucket and name == ObjectRef.parse(task.name).name for task in self._tasks)

    def _result_name(self, task: Task) -> str | None:
        given = task.kwargs.get("rName")
        return self._records.codec.loads(given.content) if given else None

    def _discard(self) -> None:
        for task in self._tasks:
            Arguments(self._records.context, self._records.codec, task.bucket).discard(task.arguments)
        self._tasks.clear()

    def __len__(self) -> int:
        return len(self._tasks)

    def __repr__(self) -> str:
        state = "submitted" if self._is_submitted else "not submitted"
        return f"<{self._form} of {len(self)} tasks, {state}>"


def _sequence(tasks: Sequence[Task]) -> list[list[Task]]:
    stages, before = [], None
    for task in tasks:
        follower = task if before is None else _after(task, [before], Argument("result", before.id))
        stages.append([follower])
        before = task
    return stages


def _parallel(tasks: Sequence[Task]) -> list[list[Task]]:
    return [list(tasks)]


def _mapreduce(tasks: Sequence[Task]) -> list[list[Task]]:
    if not tasks:
        return []
    *mapped, last = tasks
    if all(argument.type != "open" for argument in last.args):
        raise TaskError(
            f"the last task of a mapreduce gets the results of the others, but {last.action} of {last.name!r} "
            "has all its data: leave them out"
        )
    return [mapped, [_after(last, mapped, Argument("results", [task.id for task in mapped]))]]


def _after(task: Task, before: Sequence[Task], forwarded: Argument) -> Task:
    """Return the task to be run after others, with what they return in its first open argument."""
    args = list(task.args)
    place = next((i for i, argument in enumerate(args) if argument.type == "open"), None)
    if place is not None:
        args[place] = forwarded
    return replace(task, args=tuple(args), after=tuple(other.id for other in before))


_STAGES = {"sequence": _sequence, "parallel": _parallel, "mapreduce": _mapreduce}
