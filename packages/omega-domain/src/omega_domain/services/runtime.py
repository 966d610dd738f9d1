"""OmegaRuntime: trains, predicts and runs named objects. ``om.runtime`` is one."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement
from omega_domain.entities.task import Task
from omega_domain.ports.router import Router
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.services.arguments import Arguments
from omega_domain.services.canvas import Canvas, current_canvas
from omega_domain.services.execution import Executor
from omega_domain.services.handover import handing_over
from omega_domain.services.linking import link_dataset
from omega_domain.services.metadata import Metadata
from omega_domain.services.model_proxy import ModelProxy
from omega_domain.services.preflight import check_call
from omega_domain.services.results import AsyncResult, GroupResult, open_result
from omega_domain.services.task_log import TaskLog

if TYPE_CHECKING:
    from omega_domain.omega import Omega


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
        self._log = TaskLog(omega.context)
        self._local: Executor | None = None
        self._once = Requirement()
        self._always = Requirement()
        self._options: Mapping[str, Any] = {}
        self._canvas: Canvas | None = None

    # -- views -----------------------------------------------------------------------------------------------------

    def require(self, label: str | Mapping[str, Any] | None = None, *, always: bool = False) -> OmegaRuntime:
        """Return a view whose tasks go to workers with this label.

        Args:
            label: the label; None for what holds without it: that of ``always``, or of the object, or the default.
            always: whether views made from that view keep the label until they, too, are given one for always.

        Raises:
            InvalidNameError: this can not be a label.
        """
        asked = Requirement.parse(label, of="the caller")
        if always:
            return self._view(_always=Requirement(asked.label, always=True), _once=Requirement())
        return self._view(_once=asked)

    def mode(self, *, local: bool | None = None, logging: bool | None = None, pdb: bool | None = None) -> OmegaRuntime:
        """Return a view whose tasks run in another mode; what is None stays as it is.

        Args:
            local: run in this process, whatever label is required.
            logging: have the worker keep what the task logs.
            pdb: start the debugger where a task fails; for tasks in this process.
        """
        given = {name: value for name, value in {"logging": logging, "pdb": pdb}.items() if value is not None}
        changes: dict[str, Any] = {"_options": {**self._options, **given}}
        if local is not None:
            changes["_local"] = Executor(self._omega.context) if local else None
        return self._view(**changes)

    # -- tasks -----------------------------------------------------------------------------------------------------

    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model: ``om.runtime.model('m').predict('X')``."""
        return ModelProxy(self, name)

    def sequence(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run one after the other; each gets the result of the one before.

        The result goes to the first data argument that the task left open: a stored dataset by its name, other data as
        they are; what a fit returns is no data. A failing task ends the sequence.
        """
        return Canvas(self, self._log, "sequence")

    def parallel(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run beside each other."""
        return Canvas(self, self._log, "parallel")

    def mapreduce(self) -> Canvas:
        """Collect tasks in a ``with`` block, to run beside each other; the last one gets the list of their results."""
        return Canvas(self, self._log, "mapreduce")

    def result(self, task_id: str) -> AsyncResult | GroupResult:
        """Return the result of a task, or of tasks submitted together, by its id; in any process of the context.

        Raises:
            ObjectNotFoundError: nothing of this id was submitted in this context.
        """
        return open_result(self._log, task_id)

    # -- what there is ---------------------------------------------------------------------------------------------

    def labels(self) -> dict[str, list[str]]:
        """Return the live workers and their labels: ``{'worker@host': ['default']}``."""
        return {worker.name: list(worker.labels) for worker in self._router.workers()}

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what is known of the live workers, in plain JSON types, by name."""
        return {worker.name: worker.to_plain() for worker in self._router.workers()}

    def queues(self) -> dict[str, int]:
        """Return how many tasks wait for each label."""
        return dict(self._router.queues())

    def status(self) -> dict[str, Any]:
        """Return workers, queues and how many tasks there are of which status, in plain JSON types."""
        return {"workers": self.workers(), "queues": self.queues(), "tasks": self._log.counts()}

    def ping(self) -> dict[str, str]:
        """Return ``pong`` for every live worker."""
        return {worker.name: "pong" for worker in self._router.workers()}

    # -- inside ----------------------------------------------------------------------------------------------------

    def submit(self, name: str, action: str, data: Sequence[Any], kwargs: Mapping[str, Any]) -> AsyncResult:
        """Submit an action on a model; in the ``with`` block of a canvas, collect it.

        Args:
            name: name of the model.
            action: what to do with it.
            data: its data, in order; None for what is not given.
            kwargs: further arguments of the action.

        Raises:
            ObjectNotFoundError: there is no such model or dataset; nothing was submitted.
            NoWorkerError: no live worker serves the required label. CodecError: an argument can not travel.
        """
        canvas = self._canvas or current_canvas()
        meta = self._omega.models.resolve(name)
        check_call(self._omega.datasets, meta, action, data, kwargs, canvas=canvas)
        requirement, label = self._route(meta)
        arguments = Arguments(self._omega.context, self._log.codec, self._omega.bucket)
        args, named = arguments.encode_call(action, data, kwargs)
        task = Task(
            id=self._omega.context.new_id(),
            action=action,
            kind="model",
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
                    self.send([[task]])
            else:
                canvas.add(task, self._omega.context)
        except BaseException:
            arguments.discard(task.arguments)
            raise
        return AsyncResult(self._log, task.id)

    def send(self, stages: Sequence[Sequence[Task]]) -> None:
        """Submit tasks, see :meth:`~omega_domain.ports.task_queue.TaskQueue.submit`."""
        (self._local or self._queue).submit(stages)

    def link_dataset(self, name: str, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of a model for when none are given; return its metadata."""
        return link_dataset(self._omega.models, self._omega.datasets, name, Xname=Xname, Yname=Yname)

    def collecting(self, canvas: Canvas) -> OmegaRuntime:
        """Return a view whose tasks a canvas collects."""
        return self._view(_canvas=canvas)

    def _route(self, meta: Metadata) -> tuple[Requirement, str]:
        own = Requirement.parse(meta.attributes.get("require"), of=f"the attributes of {meta.name!r}")
        requirement = next((asked for asked in (self._once, self._always, own) if asked.label), Requirement())
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
