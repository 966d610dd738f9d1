"""Submission: from a call on a named object to its task, on the queue of the label that the task goes to."""

from __future__ import annotations

import logging as levels
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from omega_domain.entities.names import ObjectRef
from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import UnsupportedOptionError
from omega_domain.ports.router import Router
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.metadata import Metadata
from omega_domain.runtime.collected import Collected, current_collected
from omega_domain.runtime.preflight import check_call
from omega_domain.stores import OmegaStore, Stores
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.known import RunsHere
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult

Stages = Sequence[Sequence[Task]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """How the tasks of a runtime are made, and where they go. A call of a task takes these steps.

    ``call`` makes the task, ``route`` finds its label, ``enqueue`` gives it to the queue. What a queue does with it is
    the queue's: in this process it is run, on a cluster it is recorded and published.

    Attributes:
        stores: whose objects the tasks are about.
        queue: where tasks are submitted.
        router: finds the label that meets a requirement.
        records: of the tasks.
        omega: returns the Omega of a bucket, for scripts that run here; None if there is none.
        local: runs tasks in place of the queue; None for the queue.
        once: what is required of the worker.
        always: what is required of the worker if nothing else is.
        options: how to run tasks.
        collected: what collects the tasks; None for the canvas whose block the caller is in, if any.
        script: name of the script to be run after each task; None for none.
    """

    stores: Stores
    queue: TaskQueue
    router: Router
    records: TaskRecords
    omega: Callable[[str], Any] | None = None
    local: Executor | None = None
    once: Requirement = field(default_factory=Requirement)
    always: Requirement = field(default_factory=Requirement)
    options: Mapping[str, Any] = field(default_factory=dict)
    collected: Collected | None = None
    script: str | None = None

    # -- variants --------------------------------------------------------------------------------------------------

    def require(self, label: str | Mapping[str, Any] | None, *, always: bool, wait: bool) -> Submission:
        """Return one whose tasks go to workers with this label; see ``OmegaRuntime.require``."""
        asked = replace(Requirement.parse(label, of="the caller"), always=always, wait=wait)
        return replace(self, always=asked, once=Requirement()) if always else replace(self, once=asked)

    def mode(
        self, *, local: bool | None, logging: bool | str | None, pdb: bool | None, timeout: float | None
    ) -> Submission:
        """Return one whose tasks run in another mode; see ``OmegaRuntime.mode``."""
        given = {"logging": _checked_level(logging), "pdb": pdb, "timeout": _checked_timeout(timeout)}
        options = {name: value for name, value in given.items() if value is not None}
        changed = replace(self, options={**self.options, **options})
        if local is None:
            return changed
        return replace(changed, local=Executor(self.stores.context, omega=self.omega) if local else None)

    def callback(self, script: str | None) -> Submission:
        """Return one after whose tasks a script runs; see ``OmegaRuntime.callback``."""
        if script is not None:
            self.find("script", script)
        return replace(self, script=script)

    # -- the steps of a call ---------------------------------------------------------------------------------------

    def call(
        self, name: str, action: str, data: Sequence[Any], kwargs: Mapping[str, Any], *, kind: str = "model"
    ) -> AsyncResult:
        """Submit an action on a named object; in the ``with`` block of a canvas, collect it.

        Args:
            name: name of the object.
            action: what to do with it.
            data: its data, in order; None for what is not given.
            kwargs: further arguments of the action.
            kind: ``model``, ``script`` or ``job``.

        Raises:
            ObjectNotFoundError: there is no such object or dataset; nothing was submitted.
            NoWorkerError: no live worker serves the required label. CodecError: an argument can not travel.
        """
        collected = self.collected or current_collected()
        meta = self._find(kind, name, collected)
        if kind == "model":
            check_call(self.stores.datasets, meta, action, data, kwargs, collected=collected)
        requirement, label = self.route(meta)
        arguments = Arguments(self.stores.context, self.records.codec, self.stores.bucket)
        encode = partial(arguments.encode_call, action) if kind == "model" else arguments.encode_values
        args, named = encode(data, kwargs)
        task = Task(
            id=self.stores.context.new_id(),
            action=action,
            kind=kind,
            name=name,
            bucket=self.stores.bucket,
            context=self.stores.context.name,
            args=args,
            kwargs=named,
            requirement=requirement,
            label=label,
            options=self.options,
            submitted=self.stores.context.clock.now(),
        )
        try:
            if collected is None:
                self.enqueue([[task]], known={task.id: meta})
            else:
                collected.add(task, self.stores.context)
        except BaseException:
            arguments.discard(task.arguments)
            raise
        return AsyncResult(self.records, task.id)

    def requirement(self, meta: Metadata) -> tuple[Requirement, str]:
        """Return what a task on an object asks for, and why."""
        of = f"the attributes of {meta.name!r}"
        asked = (
            (self.once, "asked for by require()"),
            (self.always, "asked for by require(always=True)"),
            (Requirement.parse(meta.attributes.get("require"), of=of), f"required by {of}"),
        )
        found, why = next(((one, why) for one, why in asked if one.label), (Requirement(), "the default"))
        return replace(found, wait=self.once.wait or self.always.wait), why

    def route(self, meta: Metadata) -> tuple[Requirement, str]:
        """Return what a task on an object asks for, and the label that this comes to. Raises NoWorkerError."""
        requirement, _ = self.requirement(meta)
        if self.local is not None:
            return requirement, requirement.label or DEFAULT_LABEL
        return requirement, self.router.resolve(requirement)

    def enqueue(self, stages: Stages, *, known: Mapping[str, Metadata] | None = None) -> None:
        """Give tasks to the queue, see :meth:`~omega_domain.ports.task_queue.TaskQueue.submit`; then their callbacks.

        Args:
            stages: the tasks.
            known: metadata of the object of a task, by the id of the task, as far as they were looked up.
        """
        if self.script is not None:
            stages = [*stages, [self._call_back(task, self.script) for stage in stages for task in stage]]
        queue = self.local or self.queue
        if isinstance(queue, RunsHere):
            queue.run(stages, known=known)
        else:
            queue.submit(stages)

    def store_of(self, kind: str) -> OmegaStore:
        """Return the store of the objects of a kind of task."""
        return {"model": self.stores.models, "script": self.stores.scripts, "job": self.stores.jobs}[kind]

    def find(self, kind: str, name: str) -> Metadata:
        """Return the metadata of the object of a task. Raises ObjectNotFoundError."""
        ObjectRef.parse_whole(name, "name")
        return self.store_of(kind).metadata(name, required=True)

    def _find(self, kind: str, name: str, collected: Collected | None) -> Metadata:
        if collected is None:
            return self.find(kind, name)
        return collected.seen(kind, self.stores.bucket, name, partial(self.find, kind))

    def _call_back(self, task: Task, script: str) -> Task:
        """Return the task that runs a script with the result of another task."""
        return Task(
            id=self.stores.context.new_id(),
            action="run",
            kind="script",
            name=script,
            bucket=self.stores.bucket,
            context=task.context,
            args=(Argument("task", task.id), Argument("open", "forwarded")),
            requirement=task.requirement,
            label=task.label,
            options={name: value for name, value in task.options.items() if name != "timeout"},
            submitted=task.submitted,
        )


def _checked_level(level: bool | str | None) -> bool | str | None:  # noqa: FBT001 -- the option's value
    if isinstance(level, str) and level.upper() not in levels.getLevelNamesMapping():
        known = "DEBUG, INFO, WARNING, ERROR, CRITICAL"
        raise UnsupportedOptionError(f"logging={level!r} is no level: use True, or one of {known}")
    return level.upper() if isinstance(level, str) else level


def _checked_timeout(timeout: float | None) -> float | None:
    if timeout is not None and timeout < 0:
        raise UnsupportedOptionError(f"timeout={timeout!r} is no limit: give positive seconds, or 0 for none")
    return timeout
