"""``om runtime result|status|cancel``: what became of tasks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from omega_cli import completion, output, task_facts, waiting, workers
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.entities.task import TaskRecord

#: Tasks of several that people are shown; if there are more, those of this status first.
_SHOWN: Final = 20
_FIRST: Final = ("FAILURE", "STARTED", "PENDING", "SUCCESS")


def result(
    ctx: typer.Context,
    task: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the task, or of several.", autocompletion=completion.tasks)
    ],
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="How long to wait for it; the task goes on.")
    ] = None,
) -> None:
    """Print the result of a task, once it is there.

    JSON: {id, status, value}.
    """
    session = Session.of(ctx)
    waiting.show_result(session, session.runtime.result(task), timeout=timeout)


def status(
    ctx: typer.Context,
    task: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Id of a task, or of several.", autocompletion=completion.tasks),
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many of the last tasks; 0 for all.")] = 10,
) -> None:
    """Show workers, queues and the last tasks; or all that is known of one.

    JSON: {workers, queues, tasks, recent}, where recent is an array of tasks. With an ID {id, status, kind, name,
    action, bucket, label, data, worker, attempts, progress, submitted, queued, started, ended, waited, took, error};
    for several that were submitted together {id, status, tasks}.
    """
    session = Session.of(ctx)
    if task is None:
        _show_all(session, limit)
        return
    found = session.runtime.result(task)
    if hasattr(found, "results"):
        _show_group(session, {"id": task, "status": found.status}, [member.id for member in found.results])
    else:
        _show_task(session, found.record)


def cancel(
    ctx: typer.Context,
    task: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of tasks.", autocompletion=completion.tasks)],
) -> None:
    """End tasks, whether they wait or run.

    One that has ended stays as it is.

    JSON: an array of {id, cancelled, status}.
    """
    session = Session.of(ctx)
    found = [session.runtime.result(task_id) for task_id in task]  # all must be known before one is ended
    session.changing()
    ended = [session.runtime.cancel(task_id) for task_id in task]
    rows = [{"id": one.id, "cancelled": was, "status": one.status} for one, was in zip(found, ended, strict=True)]
    output.show_rows(session, rows, ["id", "cancelled", "status"])


def _show_all(session: Session, limit: int) -> None:
    found = session.runtime.status()
    recent = session.runtime.recent(limit)
    now = session.omega.context.clock.now()
    if session.as_json:
        output.print_json({**found, "recent": [task_facts.plain(record, now) for record in recent]})
        return
    alive = list(found["workers"].values())
    output.show_section("workers", workers.rows(alive, now), workers.COLUMNS, empty=workers.NONE)
    output.show_section("queues", workers.queue_rows(found["queues"], alive), workers.QUEUE_COLUMNS)
    output.print_line(f"tasks: {task_facts.counted(found['tasks'])}")
    if recent:
        output.show_section("last tasks", task_facts.rows(recent, now), task_facts.columns())


def _show_task(session: Session, record: TaskRecord) -> None:
    facts = task_facts.plain if session.as_json else task_facts.facts
    output.show_facts(session, facts(record, session.omega.context.clock.now()))


def _show_group(session: Session, facts: Mapping[str, Any], ids: Sequence[str]) -> None:
    from omega_domain.tasks.records import TaskRecords

    found = TaskRecords(session.omega.context).get_many(ids)
    records = [found[task_id] for task_id in ids if task_id in found]
    now = session.omega.context.clock.now()
    if session.as_json:
        output.print_json({**facts, "tasks": [task_facts.plain(record, now) for record in records]})
        return
    output.show_facts(session, {**facts, "counts": task_facts.counted(Counter(record.status for record in records))})
    output.show_section("tasks", task_facts.rows(_telling(records), now), task_facts.columns())
    if len(records) > _SHOWN:
        output.note(f"there are {len(records) - _SHOWN:,} more: --json shows all")


def _telling(records: Sequence[TaskRecord]) -> list[TaskRecord]:
    """Return the tasks that tell most about all, in their order."""
    places = sorted(range(len(records)), key=lambda place: _FIRST.index(records[place].status))
    return [records[place] for place in sorted(places[:_SHOWN])]
