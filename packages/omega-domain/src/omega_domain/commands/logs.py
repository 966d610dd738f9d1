"""Commands on the log: read what tasks and clients have logged, and follow it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_domain.errors import ObjectNotFoundError
from omega_domain.logbook.reading import Logbook
from omega_domain.omega import Omega
from omega_domain.tasks.results import AsyncResult, GroupResult

#: Seconds between two looks at a log that is followed.
PAUSE: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class ReadLog:
    """Which records of the log are asked for.

    Attributes:
        task: only what this task has logged, or these, if the id is of several.
        level: only from this level on: DEBUG to CRITICAL.
        limit: how many of the newest; 0 for all.
        bucket: only what was logged about this bucket; by default about all of the context.
    """

    task: str | None = None
    level: str | None = None
    limit: int = 100
    bucket: str | None = None

    def filters_in(self, om: Omega) -> dict[str, Any]:
        """Return the filters of a logbook that this comes to."""
        given = {"task__in": self._tasks_in(om), "level__gte": self.level, "bucket": self.bucket}
        return {name: value for name, value in given.items() if value is not None}

    def _tasks_in(self, om: Omega) -> list[str] | None:
        """Return the id of the task, or the ids of those that were submitted together under this one."""
        if self.task is None:
            return None
        try:
            found = om.runtime.result(self.task)
        except ObjectNotFoundError:  # its record may be gone, and yet its log be there
            return [self.task]
        return [one.id for one in (found.results if isinstance(found, GroupResult) else [found])]


@dataclass(frozen=True, kw_only=True)
class LogRecord:
    """What was logged.

    Attributes:
        time: when, in UTC.
        level: DEBUG, INFO, WARNING, ERROR or CRITICAL.
        logger: name of the logger; ``stdout`` and ``stderr`` for what was printed.
        message: what was said.
        task: id of the task; null outside of tasks.
        worker: who runs the task.
        bucket: name of the bucket.
        author: who works in the context.
        kind: ``model``, ``script`` or ``job``: what the task is about.
        name: name of that object.
        traceback: the traceback of an error.
    """

    time: datetime
    level: str
    logger: str
    message: str
    task: str | None
    worker: str | None
    bucket: str | None
    author: str | None
    kind: str | None
    name: str | None
    traceback: str | None


@command("logs.read", right="runtime:read")
def read(om: Omega, request: ReadLog) -> tuple[LogRecord, ...]:
    """Return what tasks and clients have logged, oldest first."""
    found = om.logger.dataset.get(limit=request.limit, **request.filters_in(om))
    return tuple(LogRecord(**record) for record in found)


@dataclass(frozen=True, kw_only=True)
class FollowLog(ReadLog):
    """Which records of the log are asked for, and those that come."""


@command("logs.follow", right="runtime:read", streams="gives records")
def follow(om: Omega, request: FollowLog) -> Iterator[LogRecord]:
    """Return what tasks and clients have logged and go on to log, until the task has ended if one is named."""
    task = None if request.task is None else om.runtime.result(request.task)
    return _followed(om.logger.dataset, request.filters_in(om), task, limit=request.limit)


def _followed(
    logbook: Logbook, filters: Mapping[str, Any], task: AsyncResult | GroupResult | None, *, limit: int
) -> Iterator[LogRecord]:
    page = None
    while True:
        is_last = task is not None and task.ready()  # asked before the look, so that the look finds all that it said
        page = logbook.tail(after=page, limit=limit, **filters)
        yield from (LogRecord(**record) for record in page)
        if is_last:
            return
        time.sleep(PAUSE)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (read, follow)
