"""OmegaRuntime: trains, predicts and runs named objects. ``om.runtime`` is one."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Self

from omega_domain.entities.requirement import DEFAULT_LABEL
from omega_domain.entities.task import TaskRecord
from omega_domain.ports.router import Router
from omega_domain.ports.task_queue import SupportsCancel, TaskQueue
from omega_domain.repository.attempts import current_attempt
from omega_domain.repository.metadata import Metadata
from omega_domain.runtime.canvas import Canvas
from omega_domain.runtime.collected import Collected, Form
from omega_domain.runtime.explaining import explain
from omega_domain.runtime.model_proxy import ModelProxy
from omega_domain.runtime.script_proxy import ScriptProxy
from omega_domain.runtime.submission import Submission
from omega_domain.stores import Stores
from omega_domain.tasks.execution import local_worker
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult, GroupResult, open_result


class OmegaRuntime:
    """Trains, predicts and runs the objects of a bucket by name.

    ``require`` and ``mode`` return a new view and change nothing, so a runtime may be shared between threads.

    Args:
        stores: whose objects.
        queue: where tasks are submitted.
        router: finds the label that meets a requirement.
        omega: returns the Omega of a bucket, for scripts that run in this process.
    """

    def __init__(
        self, stores: Stores, *, queue: TaskQueue, router: Router, omega: Callable[[str], Any] | None = None
    ) -> None:
        self._records = TaskRecords(stores.context)
        self._submission = Submission(stores=stores, queue=queue, router=router, records=self._records, omega=omega)

    # -- views -----------------------------------------------------------------------------------------------------

    def require(
        self, label: str | Mapping[str, Any] | None = None, *, always: bool = False, wait: bool = False
    ) -> Self:
        """Return a view whose tasks go to workers with this label.

        Args:
            label: the label; None for what holds without it: that of ``always``, or of the object, or the default.
            always: whether views made from that view keep the label until they, too, are given one for always.
            wait: whether tasks may wait in the queue while no such worker lives, instead of being refused.

        Raises:
            InvalidNameError: this can not be a label.
        """
        return self._view(self._submission.require(label, always=always, wait=wait))

    def mode(
        self,
        *,
        local: bool | None = None,
        logging: bool | str | None = None,
        pdb: bool | None = None,
        timeout: float | None = None,
    ) -> Self:
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
        return self._view(self._submission.mode(local=local, logging=logging, pdb=pdb, timeout=timeout))

    def callback(self, script: str | None) -> Self:
        """Return a view whose tasks, when each has ended well or not, have this script run with their result.

        Its ``run(om, result)`` gets the :class:`~omega_domain.tasks.results.AsyncResult` of the task, and runs on
        the workers of the same label. None takes the callback away.

        Raises:
            ObjectNotFoundError: there is no such script.
        """
        return self._view(self._submission.callback(script))

    # -- tasks -----------------------------------------------------------------------------------------------------

    def model(self, name: str) -> ModelProxy:
        """Return the actions of a model: ``om.runtime.model('m').predict('X')``."""
        return ModelProxy(self._submission, name)

    def script(self, name: str) -> ScriptProxy:
        """Return the actions of a script: ``om.runtime.script('s').run(1, b=2)``."""
        return ScriptProxy(self._submission, name)

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

    def sequence(self) -> Canvas[Self]:
        """Collect tasks in a ``with`` block, to run one after the other; each gets the result of the one before.

        The result goes to the first data argument that the task left open: a stored dataset by its name, other data as
        they are; what a fit returns is no data. A failing task ends the sequence.
        """
        return self._collect("sequence")

    def parallel(self) -> Canvas[Self]:
        """Collect tasks in a ``with`` block, to run beside each other."""
        return self._collect("parallel")

    def mapreduce(self) -> Canvas[Self]:
        """Collect tasks in a ``with`` block, to run beside each other; the last one gets the list of their results."""
        return self._collect("mapreduce")

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
        queue = self._submission.queue
        if not isinstance(queue, SupportsCancel):
            return False  # tasks in this process have ended when they were submitted
        return queue.cancel(ids) > 0

    def recent(self, limit: int = 20) -> list[TaskRecord]:
        """Return the records of the tasks submitted last, newest first."""
        return self._records.recent(limit)

    # -- what there is ---------------------------------------------------------------------------------------------

    def labels(self) -> dict[str, list[str]]:
        """Return the live workers and their labels: ``{'worker@host': ['default']}``."""
        return {worker.name: list(worker.labels) for worker in self._submission.router.workers()}

    def workers(self) -> dict[str, dict[str, Any]]:
        """Return what is known of the live workers, in plain JSON types, by name."""
        return {worker.name: worker.to_plain() for worker in self._submission.router.workers()}

    def queues(self) -> dict[str, int]:
        """Return how many tasks wait for each label."""
        return self._records.waiting({DEFAULT_LABEL, *(label for labels in self.labels().values() for label in labels)})

    def status(self) -> dict[str, Any]:
        """Return workers, queues and how many tasks there are of which status, in plain JSON types."""
        return {"workers": self.workers(), "queues": self.queues(), "tasks": self._records.counts()}

    def ping(self) -> dict[str, str]:
        """Return ``pong`` for every live worker."""
        return {worker.name: "pong" for worker in self._submission.router.workers()}

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
        meta = self._submission.find(kind, name)
        requirement, why = self._submission.requirement(meta)
        here = local_worker() if self._submission.local else None
        task = f"{kind} {name} {action}"
        return explain(self._submission.router, self._records, requirement, task=task, why=why, here=here)

    def link_dataset(self, name: str, Xname: str, Yname: str | None = None) -> Metadata:
        """Make datasets the data of a model for when none are given; return its metadata."""
        return self._submission.stores.models.link_dataset(name, Xname, Yname)

    def _collect(self, form: Form) -> Canvas[Self]:
        collected = Collected(self._records, form)
        submission = replace(self._submission, collected=collected)
        return Canvas(self._view(submission), submission, collected)

    def _view(self, submission: Submission) -> Self:
        view = copy.copy(self)
        view._submission = submission  # noqa: SLF001 -- a copy of this runtime
        return view

    def __repr__(self) -> str:
        submission = self._submission
        where = "in this process" if submission.local else submission.queue.name
        label = submission.once.label or submission.always.label
        required = f", require={label!r}" if label else ""
        return f"OmegaRuntime(bucket={submission.stores.bucket!r}, {where}{required})"
