"""``om runtime log``: what tasks and clients have logged."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from omega_cli import output
from omega_cli.session import Session
from omega_domain.errors import ObjectNotFoundError

if TYPE_CHECKING:
    from omega_domain.logbook.reading import Logbook

_PAUSE: Final = 0.5
_ID_SHOWN: Final = 8
_INDENT: Final = "    "
#: What a terminal would act on instead of showing it.
_ESCAPED: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def log(
    ctx: typer.Context,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on printing what is logged, until the task of --task has ended.")
    ] = False,
    task: Annotated[
        str | None,
        typer.Option(metavar="ID", help="Only what this task has logged, or these, if the id is of several."),
    ] = None,
    level: Annotated[
        str | None, typer.Option(metavar="LEVEL", help="Only from this level on: DEBUG to CRITICAL.")
    ] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many of the newest lines; 0 for all.")] = 100,
) -> None:
    """Print what tasks and clients have logged, oldest first.

    Of all buckets of the context, or the one of --bucket. A task keeps its output if it is called in
    mode(logging=True).

    JSON: an array of {time, level, logger, message, task, worker, bucket, author, kind, name, traceback}; with
    --follow one such object a line.
    """
    session = Session.of(ctx)
    given = {"task__in": _tasks(session, task), "level__gte": level, "bucket": session.bucket}
    filters = {name: value for name, value in given.items() if value is not None}
    logbook = session.omega.logger.dataset
    if follow:
        _follow(session, logbook, filters, task=task, limit=limit)
        return
    records = logbook.get(limit=limit, **filters)
    if session.as_json:
        output.print_json(records)
        return
    _print(records, _as_text)
    if not records:
        _explain(session, task)


def _tasks(session: Session, task: str | None) -> list[str] | None:
    """Return the id of the task, or the ids of those that were submitted together under this one."""
    if task is None:
        return None
    try:
        found = session.runtime.result(task)
    except ObjectNotFoundError:  # its record may be gone, and yet its log be there
        return [task]
    return [result.id for result in getattr(found, "results", [found])]


def _follow(session: Session, logbook: Logbook, filters: Mapping[str, Any], *, task: str | None, limit: int) -> None:
    as_line = _as_json if session.as_json else _as_text
    page = None
    for is_last in _turns(session, task):
        page = logbook.tail(after=page, limit=limit, **filters)
        _print(page, as_line)
        if is_last:
            return
        time.sleep(_PAUSE)


def _turns(session: Session, task: str | None) -> Iterator[bool]:
    """Yield for each look at the log whether it is the last one: it is if the task had ended before it."""
    found = None if task is None else session.runtime.result(task)
    while True:
        yield found is not None and found.ready()


def _print(records: Sequence[Mapping[str, Any]], as_line: Callable[[Mapping[str, Any]], str]) -> None:
    for record in records:
        output.print_line(as_line(record))
    sys.stdout.flush()


def _as_json(record: Mapping[str, Any]) -> str:
    return json.dumps(output.plain(record), ensure_ascii=False)


def _as_text(record: Mapping[str, Any]) -> str:
    """Return a record as people read it: what was said by whom, the traceback below."""
    when = f"{record['time']:%Y-%m-%d %H:%M:%S}.{record['time'].microsecond // 1000:03d}"
    who = f"[{record['task'][:_ID_SHOWN]}] {record['name']}" if record["task"] else f"[{record['author'] or '-'}]"
    said = "\n".join(filter(None, (record["message"], record["traceback"])))
    text = f"{when} {record['level']:<8} {who} {record['logger']}: {said}"
    return text.rstrip("\n").translate(_ESCAPED).replace("\n", f"\n{_INDENT}")


def _explain(session: Session, task: str | None) -> None:
    """Say why there may be nothing. Raises ObjectNotFoundError if there is no such task."""
    if task is None:
        output.note("nothing was logged")
        return
    session.runtime.result(task)
    output.note(f"task {task} has logged nothing; its output is kept if it is called in mode(logging=True)")
