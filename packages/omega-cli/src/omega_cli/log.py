"""``om runtime log``: what tasks and clients have logged."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from typer import Option

from omega_cli import output, rooms
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.commands.logs import LogRecord

_ID_SHOWN: Final = 8
_INDENT: Final = "    "


def log(
    ctx: typer.Context,
    follow: Annotated[
        bool, Option("--follow", "-f", help="Go on printing what is logged, until the task of --task has ended.")
    ] = False,
    task: Annotated[
        str | None, Option(metavar="ID", help="Only what this task has logged, or these, if the id is of several.")
    ] = None,
    level: Annotated[str | None, Option(metavar="LEVEL", help="Only from this level on: DEBUG to CRITICAL.")] = None,
    limit: Annotated[int, Option(min=0, help="How many of the newest lines; 0 for all.")] = 100,
) -> None:
    """Print what tasks and clients have logged, oldest first.

    Of all buckets of the context, or the one of --bucket. A task keeps its output if it is called in
    mode(logging=True). With --follow, JSON is one object a line.
    """
    session = Session.of(ctx)
    asked: dict[str, Any] = {"task": task, "level": level, "limit": limit, "bucket": session.bucket}
    if not follow:
        found = session.run(rooms.logs.read, rooms.logs.ReadLog(**asked))
        output.show(session, found, people=_show)
        if not found and not session.as_json:
            _explain(session, task)
        return
    for record in session.run(rooms.logs.follow, rooms.logs.FollowLog(**asked)):
        output.print_line(output.as_json(record) if session.as_json else _as_text(record))
        sys.stdout.flush()


def _show(records: Iterable[LogRecord]) -> None:
    for record in records:
        output.print_line(_as_text(record))


def _as_text(record: LogRecord) -> str:
    """Return a record as people read it: what was said by whom, the traceback below."""
    when = record.time.replace(tzinfo=None).isoformat(" ", "milliseconds")
    who = f"[{record.task[:_ID_SHOWN]}] {record.name}" if record.task else f"[{record.author or '-'}]"
    said = "\n".join(filter(None, (record.message, record.traceback)))
    text = f"{when} {record.level:<8} {who} {record.logger}: {said}"
    return output.printable(text.rstrip("\n")).replace("\n", f"\n{_INDENT}")


def _explain(session: Session, task: str | None) -> None:
    """Say why there may be nothing. Raises ObjectNotFoundError if there is no such task."""
    if task is None:
        output.note("nothing was logged")
        return
    session.run(rooms.tasks.show, rooms.tasks.ShowTask(task=task))
    output.note(f"task {task} has logged nothing; its output is kept if it is called in mode(logging=True)")
