"""Waiting for tasks, with a sign of how far they are."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Any, Final

from omega_cli import output, task_facts
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.entities.task import TaskRecord
    from omega_domain.tasks.results import AsyncResult, GroupResult

#: Seconds between two looks at a task whose progress is shown: a share of what was waited so far, within these.
_MIN_PAUSE: Final = 0.01
_MAX_PAUSE: Final = 0.2
_SHARE: Final = 0.05


def show_result(session: Session, task: AsyncResult | GroupResult, *, timeout: float | None = None) -> None:
    """Print what a task returned, once it has; who ends the waiting is told how to ask again.

    Raises:
        TaskTimeoutError: it has not ended by then.
        Exception: what the task raised.
    """
    try:
        value = _wait(session, task, timeout)
    except KeyboardInterrupt:
        output.note(f"om: {_goes_on(session, task.id)}")
        raise
    output.show_object(session, {"id": task.id, "status": task.status}, value)


def _wait(session: Session, task: AsyncResult | GroupResult, timeout: float | None) -> Any:
    from omega_domain.errors import TaskTimeoutError

    is_over = sys.stderr.isatty() and _watch(task, timeout)
    try:
        return task.get(0 if is_over else timeout)
    except TaskTimeoutError:
        if task.ready():  # then it is what the task raised
            raise
        words = f"task {task.id} is {task.status} after {timeout:g} s"
        raise TaskTimeoutError(f"{words}; {_goes_on(session, task.id)}") from None


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
    record: TaskRecord | None = getattr(task, "record", None)
    if record is None:
        return f"{task.id}: {task.status}"
    what = task_facts.what(record)
    if record.status == "PENDING":
        return f"{what}: waiting for a worker with the label {record.label}"
    far = task_facts.progress(record.progress)
    return f"{what}: running on {record.worker}{f', {far}' if far else ''}"


def _goes_on(session: Session, task_id: str) -> str:
    given = {"--context": session.context, "--home": session.home}
    options = [word for name, value in given.items() if value for word in (name, value)]
    om = shlex.join(["om", *options, "runtime"])
    return f"the task goes on; ask for it by: {om} result {task_id}, or end it by: {om} cancel {task_id}"
