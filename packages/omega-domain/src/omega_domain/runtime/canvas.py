"""Canvas: tasks that are collected in a ``with`` block and submitted together."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Generic, Protocol, Self, TypeVar

from omega_domain.entities.task import Argument, Task
from omega_domain.errors import TaskError
from omega_domain.runtime.collected import Collected
from omega_domain.runtime.model_proxy import ModelProxy
from omega_domain.runtime.script_proxy import ScriptProxy
from omega_domain.runtime.submission import Submission
from omega_domain.tasks.results import GroupResult


class Calls(Protocol):
    """What a canvas needs of a runtime: calls by name, and views that require something of the worker."""

    @abstractmethod
    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model."""

    @abstractmethod
    def script(self, name: str) -> ScriptProxy:
        """Return the actions of a script."""

    @abstractmethod
    def require(
        self, label: str | Mapping[str, Any] | None = None, *, always: bool = False, wait: bool = False
    ) -> Self:
        """Return a view whose tasks go to workers with this label."""


R = TypeVar("R", bound=Calls)


class Canvas(Generic[R]):
    """Collects tasks, made by it or by any runtime inside its ``with`` block, and submits them by :meth:`run`.

    Args:
        runtime: a view of the runtime whose tasks are collected here.
        submission: submits the tasks of that runtime.
        collected: the tasks.
    """

    def __init__(self, runtime: R, submission: Submission, collected: Collected) -> None:
        self._runtime = runtime
        self._submission = submission
        self._collected = collected

    def __enter__(self) -> Self:
        self._collected.enter()
        return self

    def __exit__(
        self, type_: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._collected.leave()
        if error is not None and not self._collected.is_submitted:
            self._collected.discard()

    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model; what they submit is collected."""
        return self._runtime.model(name)

    def script(self, name: str) -> ScriptProxy:
        """Return the actions of a script; what they submit is collected."""
        return self._runtime.script(name)

    def require(self, label: str | Mapping[str, Any] | None = None, *, always: bool = False, wait: bool = False) -> R:
        """Return a view of the runtime whose tasks are collected, and go to workers with this label."""
        return self._runtime.require(label, always=always, wait=wait)

    def run(self) -> GroupResult:
        """Submit the tasks; return their results.

        Raises:
            TaskError: they were submitted before, or the last one of a mapreduce takes no results.
        """
        tasks, form, records = self._collected.tasks, self._collected.form, self._submission.records
        if self._collected.is_submitted:
            raise TaskError(f"this {form} was submitted before; collect the tasks again in a new one")
        stages = _STAGES[form](tasks)
        self._collected.is_submitted = True
        try:
            if tasks:
                self._submission.enqueue(stages)
        except BaseException:
            self._collected.discard()
            raise
        return GroupResult(records, records.save_group(form, [task.id for task in tasks]))

    def __len__(self) -> int:
        return len(self._collected.tasks)

    def __repr__(self) -> str:
        state = "submitted" if self._collected.is_submitted else "not submitted"
        return f"<{self._collected.form} of {len(self)} tasks, {state}>"


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
