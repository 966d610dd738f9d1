"""``om runtime result|status|cancel``: what became of tasks, and waiting for them with a sign of how far they are."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Argument, Option

from omega_cli import completion, output, rooms
from omega_cli.session import Session
from omega_domain.commands import words

if TYPE_CHECKING:
    from omega_domain.commands.task_facts import GroupFacts, TaskFacts, WorkerFacts
    from omega_domain.commands.tasks import RuntimeFacts, TaskValue
    from omega_domain.tasks.results import AsyncResult, GroupResult

OF_QUEUES: Final = ("label", "waiting", "workers")
NO_WORKER: Final = "no worker lives"
_OF_WORKERS: Final = ("name", "labels", "capacity", "seen")
_OF_TASKS: Final = ("id", "task", "status", "age", "took", "worker")
#: What all columns but the last need.
_NARROW: Final = 100
#: Tasks of several that people are shown; if there are more, those of this status first.
_SHOWN: Final = 20
_FIRST: Final = ("FAILURE", "STARTED", "PENDING", "SUCCESS")
#: Seconds between two looks at a task whose progress is shown: a share of what was waited so far, within these.
_MIN_PAUSE: Final = 0.01
_MAX_PAUSE: Final = 0.2
_SHARE: Final = 0.05


def result(
    ctx: typer.Context,
    task: Annotated[
        str, Argument(metavar="ID", help="Id of the task, or of several.", autocompletion=completion.tasks)
    ],
    timeout: Annotated[
        float | None, Option(min=0, metavar="SECONDS", help="How long to wait for it; the task goes on.")
    ] = None,
) -> None:
    """Print the result of a task, once it is there."""
    show_result(Session.of(ctx), task, timeout=timeout)


def status(
    ctx: typer.Context,
    task: Annotated[
        str | None, Argument(metavar="[ID]", help="Id of a task, or of several.", autocompletion=completion.tasks)
    ] = None,
    limit: Annotated[int, Option(min=0, help="How many of the last tasks; 0 for all.")] = 10,
) -> None:
    """Show workers, queues and the last tasks; or all that is known of one, or of several."""
    if task is None:
        output.answer(ctx, rooms.tasks.status, rooms.tasks.ShowRuntime(limit=limit), people=_show_runtime)
    else:
        output.answer(ctx, rooms.tasks.show, rooms.tasks.ShowTask(task=task), people=_show_task)


def cancel(
    ctx: typer.Context,
    tasks: Annotated[list[str], Argument(metavar="ID...", help="Ids of tasks.", autocompletion=completion.tasks)],
) -> None:
    """End tasks, whether they wait or run.

    One that has ended stays as it is.
    """
    request = rooms.tasks.CancelTasks(tasks=tuple(tasks))
    output.answer(ctx, rooms.tasks.cancel, request, ["id", "cancelled", "status"])


def show_workers(found: Iterable[WorkerFacts]) -> None:
    """Print workers for people."""
    output.print_rows([worker.row for worker in found], _OF_WORKERS, empty=NO_WORKER)


def show_result(session: Session, task_id: str, *, timeout: float | None = None) -> None:
    """Print what a task returned, once it has; who ends the waiting is told how to ask again.

    Raises:
        TaskTimeoutError: it has not ended by then.
        Exception: what the task raised.
    """
    try:
        found = _wait(session, session.omega.runtime.result(task_id), timeout)
    except KeyboardInterrupt:
        output.note(f"om: {_goes_on(session, task_id)}")
        raise
    output.show_object(session, {"id": found.id, "status": found.status}, found.value)


def _wait(session: Session, task: AsyncResult | GroupResult, timeout: float | None) -> TaskValue:
    from omega_domain.errors import TaskTimeoutError

    is_over = sys.stderr.isatty() and _watch(task, timeout)
    try:
        request = rooms.tasks.WaitForTask(task=task.id, timeout=0 if is_over else timeout)
        return session.run(rooms.tasks.result, request)
    except TaskTimeoutError:
        if task.ready():  # then it is what the task raised
            raise
        said = f"task {task.id} is {task.status} after {timeout:g} s"
        raise TaskTimeoutError(f"{said}; {_goes_on(session, task.id)}") from None


def _watch(task: AsyncResult | GroupResult, timeout: float | None) -> bool:
    """Show how far a task is until it has ended; return whether the time was over before."""
    from rich.console import Console
    from rich.text import Text

    start = time.monotonic()
    with Console(stderr=True).status("") as shown:
        while not task.ready():
            waited = time.monotonic() - start
            if timeout is not None and waited >= timeout:
                return True
            shown.update(Text(output.printable(_state(task))))
            time.sleep(min(max(_MIN_PAUSE, _SHARE * waited), _MAX_PAUSE))
    return False


def _state(task: AsyncResult | GroupResult) -> str:
    if hasattr(task, "results"):
        return f"{task.id}: {task.status}"
    record = task.record
    what = f"{record.kind} {record.name} {record.action}"
    if record.status == "PENDING":
        return f"{what}: waiting for a worker with the label {record.label}"
    far = words.progress(record.progress)
    return f"{what}: running on {record.worker}{f', {far}' if far else ''}"


def _goes_on(session: Session, task_id: str) -> str:
    given = {"--context": session.context, "--home": session.home}
    options = [word for name, value in given.items() if value for word in (name, value)]
    om = shlex.join(["om", *options, "runtime"])
    return f"the task goes on; ask for it by: {om} result {task_id}, or end it by: {om} cancel {task_id}"


def _show_runtime(found: RuntimeFacts) -> None:
    workers = [worker.row for worker in found.workers.values()]
    output.show_section("workers", workers, _OF_WORKERS, empty=NO_WORKER)
    output.show_section("queues", found.served, OF_QUEUES)
    output.print_line(f"tasks: {found.counted}")
    if found.recent:
        _show_tasks("last tasks", found.recent)


def _show_task(found: TaskFacts | GroupFacts) -> None:
    output.print_facts(found.outline)
    if tasks := getattr(found, "tasks", ()):
        places = sorted(range(len(tasks)), key=lambda place: _FIRST.index(tasks[place].status))
        _show_tasks(
            "tasks", [tasks[place] for place in sorted(places[:_SHOWN])]
        )  # those that tell most, in their order
        if len(tasks) > _SHOWN:
            output.note(f"there are {len(tasks) - _SHOWN:,} more: --json shows all")


def _show_tasks(title: str, found: Sequence[TaskFacts]) -> None:
    columns = _OF_TASKS if output.width() >= _NARROW else _OF_TASKS[:-1]
    output.show_section(title, [task.row for task in found], columns)
