"""Execution: what a worker does with a task. The same code runs in this process and in a worker elsewhere.

A task is run once: its record in the task log decides. A task that needs the result of one that failed is not run, and
fails likewise. Whatever was kept in the store for its arguments is dropped when it has ended.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from typing import Any

from omega_domain.entities.task import FAILURE, Argument, Task, TaskRecord
from omega_domain.ports.backend import SupportsActions
from omega_domain.services.actions import DATA_OF, READING
from omega_domain.services.arguments import Arguments
from omega_domain.services.context import DATA, MODELS, Context
from omega_domain.services.handover import handed_over
from omega_domain.services.linking import DefaultData, default_data
from omega_domain.services.metadata import Metadata
from omega_domain.services.store import OmegaStore
from omega_domain.services.task_log import TaskLog

TRANSIENT = ".omega/_memory"


class Executor:
    """Runs tasks of a context.

    Args:
        context: where objects and records are.
        worker: who is recorded as having run them.
    """

    def __init__(self, context: Context, *, worker: str | None = None) -> None:
        self._context = context
        self._log = TaskLog(context)
        self._worker = worker or local_worker()

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Run tasks here and now, stage by stage, each through the JSON that a broker would carry."""
        tasks = [task for stage in stages for task in stage]
        if len(tasks) > 1:
            self._log.announce(tasks)
        for text in [json.dumps(task.to_plain()) for task in tasks]:
            self.execute(text)

    def execute(self, text: str) -> None:
        """Run the task that this JSON describes, unless it has ended before; its record says how it went.

        What a task raises is kept in its record; only what ends the process, such as KeyboardInterrupt, is raised.
        """
        task = Task.from_plain(json.loads(text))
        if not self._log.start(task, worker=self._worker):
            return
        arguments = Arguments(self._context, self._log.codec, task.bucket)
        try:
            self._run(task, arguments)
        finally:
            arguments.discard(task.arguments)

    def _run(self, task: Task, arguments: Arguments) -> None:
        call = _Call(self._context, self._log, task, arguments)
        try:
            if (cause := self._failed_before(task)) is not None:
                self._log.fail_likewise(task, cause)
                return
            result = arguments.encode(call())
        except Exception as error:  # noqa: BLE001 -- it is the client's
            self._log.fail(task, error, kind=call.kind)
            if task.options.get("pdb"):
                _debug(error)
        except BaseException as error:
            self._log.fail(task, error, kind=call.kind)
            raise
        else:
            self._log.succeed(task, result)

    def _failed_before(self, task: Task) -> TaskRecord | None:
        return next((record for record in map(self._log.get, task.after) if record.status == FAILURE), None)


class _Call:
    """One call of an action on a model."""

    def __init__(self, context: Context, log: TaskLog, task: Task, arguments: Arguments) -> None:
        self._log = log
        self._task = task
        self._arguments = arguments
        self._models = OmegaStore(context, prefix=MODELS, bucket=task.bucket)
        self._transient: dict[str, Any] = {}
        self.kind: str | None = None

    def __call__(self) -> Any:
        name, action = self._task.name, self._task.action
        meta = handed_over(self._task.id) or self._models.resolve(name)
        self._models = self._models.with_pinned(meta) if action in READING else self._models
        backend: Any = self._models.get_backend_bykind(meta.kind)
        self.kind = meta.kind
        if action not in (backend.actions() if isinstance(backend, SupportsActions) else ()):
            raise NotImplementedError(f"{name!r} is a {self.kind}, which has no {action}()")
        args = self._names() if action in DATA_OF else self._values()
        kwargs = {key: self._arguments.decode(argument) for key, argument in self._task.kwargs.items()}
        backend.data_store = backend.data_store.with_transient(self._transient)
        return getattr(backend, action)(name, *args, **kwargs)

    def _values(self) -> list[Any]:
        return [self._value(argument) for argument in self._task.args if argument.type != "open"]

    def _names(self) -> list[str]:
        """Return the names of X and Y; what was not given is what the model is linked to, or was fitted on."""
        x, *rest = self._task.args
        given = self._name(x)
        names = [given or self._default(x).x]
        for y in rest:
            name = self._name(y)
            if name is None and (given is None or y.type == "fitted"):
                name = self._default(x, y).y
            if name is not None:
                names.append(name)
        return names

    def _default(self, *asked: Argument) -> DefaultData:
        fitted_first = any(argument.type == "fitted" for argument in asked)
        return default_data(self._models.resolve(self._task.name), fitted_first=fitted_first)

    def _name(self, argument: Argument) -> str | None:
        if argument.type in {"open", "fitted"}:
            return None
        if argument.type in {"dataset", "temporary"}:
            return str(argument.content)
        return self._name_of(self._value(argument))

    def _name_of(self, value: Any) -> str | None:
        """Return a name by which the backend gets this value; None if it is no data, such as the result of a fit."""
        if isinstance(value, Metadata):
            if value.prefix != DATA:
                return None
            name = f"{value.name}@{value.version}"
            if value.bucket == self._task.bucket:
                return name
            value = value.store.get(name)
        if value is None:
            return None
        name = f"{TRANSIENT}/{len(self._transient)}"
        self._transient[name] = value
        return name

    def _value(self, argument: Argument) -> Any:
        if argument.type == "result":
            return self._log.result(self._log.get(argument.content))
        if argument.type == "results":
            return [self._log.result(self._log.get(task_id)) for task_id in argument.content]
        return self._arguments.decode(argument)


def local_worker() -> str:
    """Return the name of this process as a worker."""
    return f"local@{socket.gethostname()}"


def _debug(error: Exception) -> None:
    import pdb  # noqa: PLC0415, T100 -- asked for by mode(pdb=True); slow to import

    pdb.post_mortem(error.__traceback__)
