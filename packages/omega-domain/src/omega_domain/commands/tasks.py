"""Commands on tasks: call a model or script by name, see what became of tasks, end them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from omega_domain.commands.plain import ASIDE
from omega_domain.commands.registry import Command, command
from omega_domain.commands.task_facts import GroupFacts, QueueFacts, TaskFacts, WorkerFacts, queue_facts
from omega_domain.commands.words import counted
from omega_domain.entities.names import ObjectRef
from omega_domain.entities.task import Status
from omega_domain.errors import UnsupportedActionError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.runtime.runtime import OmegaRuntime
from omega_domain.tasks.actions import DATA_OF, READING, ModelAction
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult


@dataclass(frozen=True, kw_only=True)
class OnWorkers:
    """A call of an object by name, and which workers it is for.

    Attributes:
        name: name of the object; also ``name@tag``, ``name@3``.
        require: label of the workers that may run it.
        wait: let it wait in the queue, though no such worker lives.
        local: run it in this process.
    """

    name: str
    require: str | None = None
    wait: bool = False
    local: bool = field(default=False, metadata=ASIDE)

    @property
    def plain_name(self) -> str:
        """The name without version. Raises InvalidNameError."""
        return ObjectRef.parse(self.name).name

    def runtime_in(self, om: Omega) -> OmegaRuntime:
        """Return the runtime of this bucket, as the call asks for it."""
        return om.runtime.require(self.require, wait=self.wait).mode(local=True if self.local else None)


@dataclass(frozen=True, kw_only=True)
class CallOnWorkers(OnWorkers):
    """A call that is submitted.

    Attributes:
        timeout: seconds after which the worker ends it.
        logging: keep what it prints and logs.
        no_wait: return once it is submitted, without its value.
    """

    timeout: float | None = None
    logging: bool = False
    no_wait: bool = False

    def runtime_in(self, om: Omega) -> OmegaRuntime:
        """Return the runtime of this bucket, as the call asks for it."""
        return super().runtime_in(om).mode(timeout=self.timeout, logging=True if self.logging else None)


@dataclass(frozen=True, kw_only=True)
class SubmittedTask:
    """A task.

    Attributes:
        id: id of the task, or of several that were submitted together.
        status: PENDING, STARTED, SUCCESS or FAILURE.
    """

    id: str
    status: Status


@dataclass(frozen=True, kw_only=True)
class TaskValue(SubmittedTask):
    """A task that has ended, and what it returned.

    Attributes:
        value: what it returned.
    """

    value: Any


@dataclass(frozen=True, kw_only=True)
class CallModel(CallOnWorkers):
    """What is asked of a model.

    Attributes:
        action: what to do, such as ``fit``, ``predict``, ``score``.
        x: name of a dataset, also ``name[a,b]``; ``*`` is what the model was fitted on; for ``run`` a value.
        y: name of the dataset of the target.
        result: name of the dataset to store the result in.
        param: further parameters of the action, in plain JSON types.

    Raises:
        UnsupportedActionError: there is no such action.
        UnsupportedOptionError: the action takes no target.
    """

    action: ModelAction
    x: Any = None
    y: str | None = None
    result: str | None = None
    param: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.action not in get_args(ModelAction):  # it becomes the name of a method
            raise UnsupportedActionError(f"a model can not {self.action!r}; it can: {', '.join(get_args(ModelAction))}")
        if self.y is not None and "Y" not in DATA_OF.get(self.action, ()):
            those = ", ".join(action for action, data in DATA_OF.items() if "Y" in data)
            raise UnsupportedOptionError(f"{self.action} takes no target; those that do: {those}")

    @property
    def only_reads(self) -> bool:
        """Whether nothing is changed: neither the model nor a dataset."""
        return self.action in READING and "rName" not in self.arguments

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the action."""
        given = {"data" if self.action == "run" else "Xname": self.x, "Yname": self.y, "rName": self.result}
        return {**self.param, **{name: value for name, value in given.items() if value is not None}}


@command("tasks.model", right="runtime:run@{bucket}/{plain_name}", changes=True)
def call_model(om: Omega, request: CallModel) -> TaskValue | SubmittedTask:
    """Train or use a model by name."""
    call = getattr(request.runtime_in(om).model(request.name), request.action)
    return _answer(request, call(**request.arguments))


@dataclass(frozen=True, kw_only=True)
class RunScript(CallOnWorkers):
    """How a script is called.

    Attributes:
        args: arguments of its ``run(om, ...)`` by place, in plain JSON types.
        kwargs: those by name.
    """

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)


@command("tasks.script", right="runtime:run@{bucket}/{plain_name}", changes=True)
def run_script(om: Omega, request: RunScript) -> TaskValue | SubmittedTask:
    """Run a script by name."""
    script = request.runtime_in(om).script(request.name)
    return _answer(request, script.run(*request.args, **request.kwargs))


@dataclass(frozen=True, kw_only=True)
class ExplainTask(OnWorkers):
    """Which call is explained.

    Attributes:
        what: ``model`` or ``script``.
        action: what is asked of the object.
    """

    what: Literal["model", "script"] = "model"
    action: ModelAction = "run"


@dataclass(frozen=True, kw_only=True)
class TaskRoute:
    """Where a task would go, and why.

    Attributes:
        task: what it does.
        label: the label of the workers it would be for.
        why: why it is this label.
        queue: the queue of the broker; null for this process.
        waiting: how many tasks wait there.
        candidates: the live workers that serve the label.
        differences: by worker and package, the versions here and there; only of packages whose versions differ.
        problem: why the task would be refused.
    """

    task: str
    label: str
    why: str
    queue: str | None
    waiting: int
    candidates: tuple[str, ...]
    differences: Mapping[str, Mapping[str, tuple[str | None, ...]]]
    problem: str | None

    @property
    def outline(self) -> dict[str, Any]:
        """The facts for people, with a line for each package that differs."""
        lines = (
            f"{worker}: {package} {there or 'is missing'}, here {here or 'it is missing'}"
            for worker, packages in self.differences.items()
            for package, (here, there) in packages.items()
        )
        return {**vars(self), "candidates": list(self.candidates), "differences": "\n".join(lines)}


@command("tasks.explain", right="runtime:read@{bucket}/{plain_name}")
def explain(om: Omega, request: ExplainTask) -> TaskRoute:
    """Explain where a task would go and why; nothing is submitted."""
    found = request.runtime_in(om).explain(request.name, request.action, kind=request.what)
    return TaskRoute(**{**found, "candidates": tuple(found["candidates"])})


@dataclass(frozen=True, kw_only=True)
class WaitForTask:
    """Which task is waited for.

    Attributes:
        task: id of the task, or of several that were submitted together.
        timeout: seconds to wait at most; the task goes on.
    """

    task: str
    timeout: float | None = None


@command("tasks.result", right="runtime:read")
def result(om: Omega, request: WaitForTask) -> TaskValue:
    """Return what a task returned, once it has ended, or raise what it raised."""
    task = om.runtime.result(request.task)
    value = task.get(request.timeout)
    return TaskValue(id=task.id, status=task.status, value=value)


@dataclass(frozen=True, kw_only=True)
class ShowRuntime:
    """How much is shown of the runtime.

    Attributes:
        limit: how many of the last tasks; 0 for all.
    """

    limit: int = 10


@dataclass(frozen=True, kw_only=True)
class RuntimeFacts:
    """Workers, queues and tasks.

    Attributes:
        workers: the live workers, by name.
        queues: how many tasks wait for each label.
        tasks: how many tasks there are of each status.
        recent: the tasks that were submitted last, newest first.
    """

    workers: Mapping[str, WorkerFacts]
    queues: Mapping[str, int]
    tasks: Mapping[str, int]
    recent: tuple[TaskFacts, ...]

    @property
    def served(self) -> tuple[QueueFacts, ...]:
        """The queues, with how many workers serve each."""
        return queue_facts(self.queues, self.workers.values())

    @property
    def counted(self) -> str:
        """How many tasks there are of each status, for people."""
        return counted(self.tasks)


@command("tasks.status", right="runtime:read")
def status(om: Omega, request: ShowRuntime) -> RuntimeFacts:
    """Show workers, queues and the last tasks."""
    at = om.context.clock.now()
    return RuntimeFacts(
        workers={worker.name: WorkerFacts.of(worker, at) for worker in om.router.workers()},
        queues=om.runtime.queues(),
        tasks=TaskRecords(om.context).counts(),
        recent=tuple(TaskFacts.of(record, at) for record in om.runtime.recent(request.limit)),
    )


@dataclass(frozen=True, kw_only=True)
class ShowTask:
    """Which task is asked for.

    Attributes:
        task: id of the task, or of several that were submitted together.
    """

    task: str


@command("tasks.show", right="runtime:read")
def show(om: Omega, request: ShowTask) -> TaskFacts | GroupFacts:
    """Show what is known of a task, or of several that were submitted together."""
    found, at = om.runtime.result(request.task), om.context.clock.now()
    if isinstance(found, AsyncResult):
        return TaskFacts.of(found.record, at)
    ids = [member.id for member in found.results]
    records = TaskRecords(om.context).get_many(ids)
    tasks = tuple(TaskFacts.of(records[task_id], at) for task_id in ids if task_id in records)
    return GroupFacts(id=found.id, status=found.status, tasks=tasks)


@dataclass(frozen=True, kw_only=True)
class CancelTasks:
    """Which tasks are ended.

    Attributes:
        tasks: their ids.
    """

    tasks: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CancelledTask:
    """What became of a task that was to be ended.

    Attributes:
        id: id of the task, or of several.
        cancelled: whether there was anything left to end.
        status: what it is now.
    """

    id: str
    cancelled: bool
    status: Status


@command("tasks.cancel", right="runtime:run", changes=True)
def cancel(om: Omega, request: CancelTasks) -> tuple[CancelledTask, ...]:
    """End tasks, whether they wait or run; one that has ended stays as it is."""
    found = [om.runtime.result(task_id) for task_id in request.tasks]  # all must be known before one is ended
    ended = [om.runtime.cancel(one.id) for one in found]
    return tuple(
        CancelledTask(id=one.id, cancelled=was, status=one.status) for one, was in zip(found, ended, strict=True)
    )


def _answer(request: CallOnWorkers, task: AsyncResult) -> TaskValue | SubmittedTask:
    """Return the task, with its value if the request waits for it."""
    if request.no_wait:
        return SubmittedTask(id=task.id, status=task.status)
    value = task.get()
    return TaskValue(id=task.id, status=task.status, value=value)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (
    call_model,
    run_script,
    explain,
    result,
    status,
    show,
    cancel,
)
