"""Execution: what a worker does with a task. The same code runs in this process and in a worker elsewhere.

A task is run once: its record decides. A task that needs the result of one that failed is not run, and
fails likewise. Whatever was kept in the store for its arguments is dropped when it has ended.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

from omega_domain.entities.names import DATA, RESERVED
from omega_domain.entities.task import FAILURE, Argument, Lease, Task, TaskRecord
from omega_domain.errors import StoreUnavailableError, UnsupportedActionError
from omega_domain.logbook.task_output import captured
from omega_domain.ports.backend import SupportsActions
from omega_domain.repository.attempts import attempting
from omega_domain.repository.context import Context
from omega_domain.repository.linking import DefaultData, default_data
from omega_domain.repository.metadata import Metadata
from omega_domain.repository.objects import showing
from omega_domain.stores import OmegaStore
from omega_domain.tasks.actions import DATA_OF, PREFIX_OF, READING
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.known import RunsHere
from omega_domain.tasks.records import MAX_ATTEMPTS, TaskRecords
from omega_domain.tasks.results import AsyncResult

TRANSIENT = f"{RESERVED}/_memory"
MAX_PAUSE = 1.0

T = TypeVar("T")


class Executor(RunsHere):
    """Runs tasks of a context.

    Args:
        context: where objects and records are.
        worker: who is recorded as having run them.
        holder: the worker process that takes the tasks, and that renews its leases; None for a process that runs its
            own tasks.
        omega: returns the Omega of a bucket, for scripts.
        patience: seconds to wait for a store that is away before a lease or result is given up.
        is_stopping: tells whether an error means that this process is being stopped.
    """

    def __init__(
        self,
        context: Context,
        *,
        worker: str | None = None,
        holder: str | None = None,
        omega: Callable[[str], Any] | None = None,
        patience: float = 0.0,
        is_stopping: Callable[[BaseException], bool] = lambda _: False,
    ) -> None:
        self._context = context
        self._records = TaskRecords(context)
        self._worker = worker or local_worker()
        self._holder = holder
        self._omega = omega
        self._patience = patience
        self._is_stopping = is_stopping
        self._stores: dict[tuple[str, str], OmegaStore] = {}

    def run(self, stages: Sequence[Sequence[Task]], *, known: Mapping[str, Metadata] | None = None) -> None:
        """Run tasks here and now, stage by stage, each through the JSON that a broker would carry.

        Args:
            stages: the tasks.
            known: metadata of the object of a task, by the id of the task, as far as they were looked up.
        """
        tasks = [task for stage in stages for task in stage]
        if len(tasks) > 1:
            self._records.announce(tasks)
        found = known or {}
        for task_id, text in [(task.id, task.to_json()) for task in tasks]:
            self.execute(text, known=found.get(task_id))

    def execute(self, text: str, *, fresh: bool = False, known: Metadata | None = None) -> Task | None:
        """Run the task that this JSON describes, unless it has ended before; its record says how it went.

        What a task raises is kept in its record. What ends the process, such as KeyboardInterrupt, is raised as well;
        a holder raises it only if it is being stopped.

        Args:
            text: the task.
            fresh: whether it surely was not started before; then one that changes nothing is recorded at its end only.
            known: metadata of its object, if that was just looked up; else it is looked up here.

        Returns:
            The task if it has ended here; None if there was nothing to run, or somebody else has taken it over.
        """
        task = Task.from_json(text)
        lease = self._take(task, text, fresh=fresh)
        if lease is None:
            return None
        arguments = Arguments(self._context, self._records.codec, task.bucket)
        has_ended = False
        try:
            has_ended = self._run(task, lease, arguments, known=known)
        finally:
            if has_ended or self._holder is None:  # else who runs it next needs them
                self._patiently(lambda: arguments.discard(task.arguments))
        return task if has_ended else None

    def _take(self, task: Task, text: str, *, fresh: bool) -> Lease | None:
        if fresh and self._holder is not None and _only_reads(task):
            return self._records.begin(worker=self._worker, holder=self._holder)
        return self._patiently(
            lambda: self._records.start(task, worker=self._worker, holder=self._holder, envelope=text)
        )

    def _run(self, task: Task, lease: Lease, arguments: Arguments, *, known: Metadata | None = None) -> bool:
        """Run a task that was taken; return whether it has ended here."""
        call = _Call(self._records, task, arguments, objects=self._store_of(task), omega=self._omega, known=known)
        try:
            with attempting(task, lease.attempt, counts=self._counts(task, lease)), self._output(task):
                if (cause := self._failed_before(task)) is not None:
                    return self._patiently(lambda: self._records.fail_likewise(task, cause, lease=lease))
                result = arguments.encode(call())
        except StoreUnavailableError as error:
            again = self._try_again(task, lease, arguments)
            return self._fail(task, error, lease, call.kind) if again is None else again
        except Exception as error:  # noqa: BLE001 -- it is the client's
            has_ended = self._fail(task, error, lease, call.kind)
            # a worker has nobody at its terminal, and a task may come from others
            if task.options.get("pdb") and self._holder is None:
                _debug(error)
            return has_ended
        except BaseException as error:
            if self._is_stopping(error):
                raise  # the task is not to blame: its lease ends, and others run it
            has_ended = self._fail(task, error, lease, call.kind)
            if self._holder is None:
                raise
            return has_ended
        if self._patiently(lambda: self._records.succeed(task, result, lease=lease)):
            return True
        arguments.discard([result])
        return False

    def _store_of(self, task: Task) -> OmegaStore:
        """Return the store of the object that a task is about, which is made once."""
        place = (PREFIX_OF[task.kind], task.bucket)
        if place not in self._stores:
            self._stores[place] = OmegaStore(self._context, prefix=place[0], bucket=place[1])
        return self._stores[place]

    def _counts(self, task: Task, lease: Lease) -> Callable[[], bool]:
        """Return what tells whether a lease holds; nobody takes a task from the process that submitted it to itself."""
        return (lambda: True) if lease.holder is None else lambda: self._records.holds(task, lease)

    def _output(self, task: Task) -> AbstractContextManager[None]:
        is_kept = bool(task.options.get("logging"))
        return captured(self._context, task, worker=self._worker) if is_kept else nullcontext()

    def _try_again(self, task: Task, lease: Lease, arguments: Arguments) -> bool | None:
        """Run a task again during which the store was away; None if that is not safe, or was tried often enough."""
        if not self._patience or task.kind != "model" or lease.attempt >= MAX_ATTEMPTS:
            return None
        again = self._patiently(lambda: self._records.start_again(task, lease))
        return again is not None and self._run(task, again, arguments)

    def _fail(self, task: Task, error: BaseException, lease: Lease, kind: str | None) -> bool:
        return self._patiently(lambda: self._records.fail(task, error, lease=lease, kind=kind))

    def _patiently(self, do: Callable[[], T]) -> T:
        """Do something with the store, again while it is away, as long as the patience lasts."""
        give_up = time.monotonic() + self._patience
        pause = 0.05
        while True:
            try:
                return do()
            except StoreUnavailableError:
                if time.monotonic() + pause > give_up:
                    raise
                time.sleep(pause)
                pause = min(2 * pause, MAX_PAUSE)

    def _failed_before(self, task: Task) -> TaskRecord | None:
        if not task.after:
            return None
        records = self._records.get_many(task.after)
        return next((records[id_] for id_ in task.after if id_ in records and records[id_].status == FAILURE), None)


class _Call:
    """One call of an action on a named object."""

    def __init__(
        self,
        records: TaskRecords,
        task: Task,
        arguments: Arguments,
        *,
        objects: OmegaStore,
        omega: Callable[[str], Any] | None,
        known: Metadata | None,
    ) -> None:
        self._records = records
        self._task = task
        self._arguments = arguments
        self._omega = omega
        self._known = known
        self._models = objects
        self._transient: dict[str, Any] = {}
        self.kind: str | None = None

    def __call__(self) -> Any:
        name, action = self._task.name, self._task.action
        meta = self._known or self._models.metadata(name, required=True)
        models = self._models
        backend: Any = models.get_backend(meta) if action in READING else models.get_backend_bykind(meta.kind)
        self.kind = meta.kind
        if action not in (backend.actions() if issubclass(type(backend), SupportsActions) else ()):
            raise UnsupportedActionError(f"{name!r} is a {self.kind}, which has no {action}()")
        if self._task.kind != "model":
            return self._run_script(backend)
        args = self._names(meta) if action in DATA_OF else self._values()
        kwargs = {key: self._arguments.decode(argument) for key, argument in self._task.kwargs.items()}
        if self._transient:
            backend.data_store = showing(backend.data_store, self._transient)
        return getattr(backend, action)(name, *args, **kwargs)

    def _run_script(self, backend: Any) -> Any:
        """Run a script; the last argument is what the task before has returned, if the script is one of several."""
        *given, last = self._task.args
        args = [self._value(argument) for argument in given]
        kwargs = {key: self._arguments.decode(argument) for key, argument in self._task.kwargs.items()}
        if last.type != "open":
            kwargs["forwarded"] = self._value(last)
        if self._omega is None:
            raise UnsupportedActionError(
                f"{self._task.name!r} can not be run here: this runtime was not given an Omega"
            )
        return getattr(backend, self._task.action)(self._task.name, *args, om=self._omega(self._task.bucket), **kwargs)

    def _values(self) -> list[Any]:
        return [self._value(argument) for argument in self._task.args if argument.type != "open"]

    def _names(self, model: Metadata) -> list[str]:
        """Return the names of X and Y; what was not given is what the model is linked to, or was fitted on."""
        x, *rest = self._task.args
        given = self._name(x)
        names = [given or _default(model, x).x]
        for y in rest:
            name = self._name(y)
            if name is None and (given is None or y.type == "fitted"):
                name = _default(model, x, y).y
            if name is not None:
                names.append(name)
        return names

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
            value = value.objects.get(name)
        if value is None:
            return None
        name = f"{TRANSIENT}/{len(self._transient)}"
        self._transient[name] = value
        return name

    def _value(self, argument: Argument) -> Any:
        if argument.type == "result":
            return self._records.result(self._records.get(argument.content))
        if argument.type == "results":
            records = self._records.get_many(argument.content)
            return [self._records.result(records[task_id]) for task_id in argument.content]
        if argument.type == "task":
            return AsyncResult(self._records, argument.content)
        return self._arguments.decode(argument)


def _default(model: Metadata, *asked: Argument) -> DefaultData:
    return default_data(model, fitted_first=any(argument.type == "fitted" for argument in asked))


def _only_reads(task: Task) -> bool:
    """Whether a task leaves nothing but its record, so that it may as well run twice."""
    writes = "rName" in task.kwargs or task.run is not None or bool(task.options)
    return task.kind == "model" and task.action in READING and not writes


def local_worker() -> str:
    """Return the name of this process as a worker."""
    return f"local@{socket.gethostname()}"


def _debug(error: Exception) -> None:
    import pdb  # noqa: PLC0415, T100 -- asked for by mode(pdb=True); slow to import

    pdb.post_mortem(error.__traceback__)
