"""OmegaRuntime: trains, predicts and runs named objects. ``om.runtime`` is one."""

from __future__ import annotations

import copy
import logging as levels
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement
from omega_domain.entities.task import Argument, Task, TaskRecord
from omega_domain.errors import UnsupportedOptionError
from omega_domain.ports.router import Router
from omega_domain.ports.task_queue import SupportsCancel, TaskQueue
from omega_domain.repository.attempts import current_attempt
from omega_domain.repository.linking import link_dataset
from omega_domain.repository.metadata import Metadata
from omega_domain.runtime.canvas import Canvas, current_canvas
from omega_domain.runtime.explaining import explain
from omega_domain.runtime.model_proxy import ModelProxy
from omega_domain.runtime.preflight import check_call
from omega_domain.runtime.script_proxy import ScriptProxy
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.execution import Executor, local_worker
from omega_domain.tasks.known import handing_over
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult, GroupResult, open_result

if TYPE_CHECKING:
    from omega_domain.omega import Omega
    from omega_domain.stores import OmegaStore


class OmegaRuntime:
    """Trains, predicts and runs the objects of a bucket by name.

    ``require`` and ``mode`` return a new view and change nothing, so a runtime may be shared between threads.

    Args:
        omega: whose objects.
        queue: where tasks are submitted.
        router: finds the label that meets a requirement.
    """

    def __init__(self, omega: Omega, *, queue: TaskQueue, router: Router) -> None:
        self._omega = omega
        self._queue = queue
        self._router = router
        self._records = TaskRecords(omega.context)
        self._local: Executor | None = None
        self._once = Requirement()
        self._always = Requirement()
        self._options: Mapping[str, Any] = {}
        self._canvas: Canvas | None = None
        self._callback: str | None = None

    # -- views -----------------------------------------------------------------------------------------------------

    def require(
        self, label: str | Mapping[str, Any] | None = None, *, always: bool = False, wait: bool = False
    ) -> OmegaRuntime:
        """Return a view whose tasks go to workers with this label.

        Args:
            label: the label; None for what holds without it: that of ``always``, or of the object, or the default.
            always: whether views made from that view keep the label until they, too, are given one for always.
            wait: whether tasks may wait in the queue while no such worker lives, instead of being refused.

        Raises:
            InvalidNameError: this can not be a label.
        """
        asked = replace(Requirement.parse(label, of="the caller"), always=always, wait=wait)
        if always:
            return self._view(_always=asked, _once=Requirement())
        return self._view(_once=asked)

    def mode(
        self,
        *,
        local: bool | None = None,
        logging: bool | str | None = None,
        pdb: bool | None = None,
        timeout: float | None = None,
    ) -> OmegaRuntime:
        """Return a view whose tasks run in another mode; what is None stays as it is.

        Args:
            local: run in this process, whatever label is required.
            logging: keep what the task logs, prints and warns, for ``om.logger.dataset`` and ``om runtime log``; may be
                the name of the lowest level to keep, by default INFO.
            pdb: start the debugger where a task fails; for tasks in this process.
            timeout: seconds after which a worker ends the task, which then fails by a TaskTimeLimitError; 0 for no
                limit. A task in this process is not ended.

        Raises:
            UnsupportedOptionError: the timeout is negative, or no such level exists.
        """
        given = {"logging": _checked_level(logging), "pdb": pdb, "timeout": _checked_timeout(timeout)}
        options = {name: value for name, value in given.items() if value is not None}
        changes: dict[str, Any] = {"_options": {**self._options, **options}}
        if local is not None:
            changes["_local"] = Executor(self._omega.context, omega=self._omega.__getitem__) if local else None
        return self._view(**changes)

    def callback(self, script: str | None) -> OmegaRuntime:
        """Return a view whose tasks, when each has ended well or not, have this script run with their result.

        Its ``run(om, result)`` gets the :class:`~omega_domain.tasks.results.AsyncResult` of the task, and runs on
        the workers of the same label. None takes the callback away.

        Raises:
            ObjectNotFoundError: there is no such script.
        """
        if script is not None:
            self._omega.scripts.resolve(script)
        return self._view(_callback=script)

    # -- tasks -----------------------------------------------------------------------------------------------------

    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model: ``om.runtime.model('m').predict('X')``."""
        return ModelProxy(self, name)

    def script(self, name: str) -> ScriptProxy:
        """Return the actions of a script: ``om.runtime.script('s').run(1, b=2)``."""
        return ScriptProxy(self, name)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Record how far the task is that calls this, see ``AsyncResult.progress``; outside of tasks nothing happens.

        Args:
            done: how much is done.
            total: of how much.
            note: what it is doing.
        """
        attempt = current_attempt()
        if attempt is not None:
            self._records.report(attempt.task.id, {"done": done, "total": total, "note": note})

    def sequence(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run one after the other; each gets the result of the one before.

        The result goes to the first data argument that the task left open: a stored dataset by its name, other data as
        they are; what a fit returns is no data. A failing task ends the sequence.
        """
        return Canvas(self, self._records, "sequence")

    def parallel(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run beside each other."""
        return Canvas(self, self._records, "parallel")

    def mapreduce(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run beside each other; the last one gets the list of their results."""
        return Canvas(self, self._records, "mapreduce")

    def result(self, task_id: str) -> AsyncResult | GroupResult:
        """Return the result of a task, or of tasks submitted together, by its id; in any process of the context.

        Raises:
            ObjectNotFoundError: nothing of this id was submitted in this context.
        """
        return open_result(self._records, task_id)

    def cancel(self, task_id: str) -> bool:
        """End a task, or tasks submitted together, as FAILURE by a TaskCancelledError; what runs is interrupted.

        Returns:
            Whether there was anything left to cancel.

        Raises:
            ObjectNotFoundError: nothing of this id was submitted in this context.
        """
        found = open_result(self._records, task_id)
        ids = [result.id for result in found.results] if isinstance(found, GroupResult) else [task_id]
        if not isinstance(self._queue, SupportsCancel):
            return False  # tasks in this process have ended when they were submitted
        return self._queue.cancel(ids) > 0

    def recent(self, limit: int = 20) -> list[TaskRecord]:
        """Return the records of the tasks submitted last, newest first."""
        return self._records.recent(limit)

    # -- what there is ---------------------------------------------------------------------------------------------

    def labels(self) -> dict[str, list[str]]:
        """Return the live workers and their labels: ``{'worker@host': ['default']}``."""
        return {worker.name: list(worker.labels) for worker in self._router.workers()}

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what is known of the live workers, in plain JSON types, by name."""
        return {worker.name: worker.to_plain() for worker in self._router.workers()}

    def queues(self) -> dict[str, int]:
        """Return how many tasks wait for each label."""
        return self._records.waiting({DEFAULT_LABEL, *(label for labels in self.labels().values() for label in labels)})

    def status(self) -> dict[str, Any]:
        """Return workers, queues and how many tasks there are of which status, in plain JSON types."""
        return {"workers": self.workers(), "queues": self.queues(), "tasks": self._records.counts()}

    def ping(self) -> dict[str, str]:
        """Return ``pong`` for every live worker."""
        return {worker.name: "pong" for worker in self._router.workers()}

    def explain(self, name: str, action: str = "run", *, kind: str = "model") -> dict[str, Any]:
        """Return where a task would go and why, in plain JSON types; nothing is submitted.

        Returns:
            A dict of ``label``; ``why`` it is this one; ``queue``, where tasks go, None for this process; ``waiting``,
            how many are there;
            ``candidates``, the live workers that serve it; ``differences``, packages whose versions differ between here
            and a candidate: ``{worker: {package: [here, there]}}``; and ``problem``, why it would be refused.

        Raises:
            ObjectNotFoundError: there is no such object.
        """
        meta = self._store_of(kind).resolve(name)
        requirement, why = self._requirement(meta)
        here = local_worker() if self._local else None
        task = f"{kind} {name} {action}"
        return explain(self._router, self._records, requirement, task=task, why=why, here=here)

    # -- inside ----------------------------------------------------------------------------------------------------

    def submit(
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
        canvas = self._canvas or current_canvas()
        meta = self._resolve(kind, name, canvas)
        if kind == "model":
            check_call(self._omega.datasets, meta, action, data, kwargs, canvas=canvas)
        requirement, label = self._route(meta)
        arguments = Arguments(self._omega.context, self._records.codec, self._omega.bucket)
        encode = partial(arguments.encode_call, action) if kind == "model" else arguments.encode_values
        args, named = encode(data, kwargs)
        task = Task(
            id=self._omega.context.new_id(),
            action=action,
            kind=kind,
            name=name,
            bucket=self._omega.bucket,
            context=self._omega.context.name,
            args=args,
            kwargs=named,
            requirement=requirement,
            label=label,
            options=self._options,
            submitted=self._omega.context.clock.now(),
        )
        try:
            if canvas is None:
                with handing_over(task.id, meta):
                    self.send([[task], *self._callbacks([task])])
            else:
                canvas.add(task, self._omega.context)
        except BaseException:
            arguments.discard(task.arguments)
            raise
        return AsyncResult(self._records, task.id)

    def send(self, stages: Sequence[Sequence[Task]]) -> None:
        """Submit tasks, see :meth:`~omega_domain.ports.task_queue.TaskQueue.submit`."""
        (self._local or self._queue).submit(stages)

    def send_together(self, stages: Sequence[Sequence[Task]]) -> None:
        """Submit tasks of a canvas, and what is to be called back after them."""
        self.send([*stages, *self._callbacks([task for stage in stages for task in stage])])

    def link_dataset(self, name: str, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of a model for when none are given; return its metadata."""
        return link_dataset(self._omega.models, self._omega.datasets, name, Xname=Xname, Yname=Yname)

    def collecting(self, canvas: Canvas) -> OmegaRuntime:
        """Return a view whose tasks a canvas collects."""
        return self._view(_canvas=canvas)

    def _store_of(self, kind: str) -> OmegaStore:
        stores = {"model": self._omega.models, "script": self._omega.scripts, "job": self._omega.jobs}
        return stores[kind]

    def _resolve(self, kind: str, name: str, canvas: Canvas | None) -> Metadata:
        """Return the metadata of an object; a canvas, which submits all its tasks at once, asks for each once."""
        if canvas is None:
            return self._store_of(kind).resolve(name)
        key = (kind, self._omega.bucket, name)
        if key not in canvas.seen:
            canvas.seen[key] = self._store_of(kind).resolve(name)
        return canvas.seen[key]

    def _callbacks(self, tasks: Sequence[Task]) -> list[list[Task]]:
        """Return the stage that runs the callback once for each task; none if there is no callback."""
        if self._callback is None:
            return []
        return [[self._call_back(task, self._callback) for task in tasks]]

    def _call_back(self, task: Task, script: str) -> Task:
        return Task(
            id=self._omega.context.new_id(),
            action="run",
            kind="script",
            name=script,
            bucket=self._omega.bucket,
            context=task.context,
            args=(Argument("task", task.id), Argument("open", "forwarded")),
            requirement=task.requirement,
            label=task.label,
            options={name: value for name, value in task.options.items() if name != "timeout"},
            submitted=task.submitted,
        )

    def _requirement(self, meta: Metadata) -> tuple[Requirement, str]:
        """Return what a task on an object asks for, and why."""
        of = f"the attributes of {meta.name!r}"
        asked = (
            (self._once, "asked for by require()"),
            (self._always, "asked for by require(always=True)"),
            (Requirement.parse(meta.attributes.get("require"), of=of), f"required by {of}"),
        )
        found, why = next(((one, why) for one, why in asked if one.label), (Requirement(), "the default"))
        return replace(found, wait=self._once.wait or self._always.wait), why

    def _route(self, meta: Metadata) -> tuple[Requirement, str]:
        requirement, _ = self._requirement(meta)
        if self._local is not None:
            return requirement, requirement.label or DEFAULT_LABEL
        return requirement, self._router.resolve(requirement)

    def _view(self, **changes: Any) -> OmegaRuntime:
        view = copy.copy(self)
        for name, value in changes.items():
            setattr(view, name, value)
        return view

    def __repr__(self) -> str:
        where = "in this process" if self._local else self._queue.name
        label = self._once.label or self._always.label
        return f"OmegaRuntime(bucket={self._omega.bucket!r}, {where}{f', require={label!r}' if label else ''})"


def _checked_level(level: bool | str | None) -> bool | str | None:  # noqa: FBT001 -- the option's value
    if isinstance(level, str) and level.upper() not in levels.getLevelNamesMapping():
        known = "DEBUG, INFO, WARNING, ERROR, CRITICAL"
        raise UnsupportedOptionError(f"logging={level!r} is no level: use True, or one of {known}")
    return level.upper() if isinstance(level, str) else level


def _checked_timeout(timeout: float | None) -> float | None:
    if timeout is not None and timeout < 0:
        raise UnsupportedOptionError(f"timeout={timeout!r} is no limit: give positive seconds, or 0 for none")
    return timeout
