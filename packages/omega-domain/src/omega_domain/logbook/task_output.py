"""The output of tasks: what a task logs, prints and warns of is kept in the store, with the id of the task.

What is heard: records of the logging module, lines of stdout (as INFO) and stderr (as WARNING), warnings, and the
error that ends the task. Output of other processes that the task starts, and of libraries that write past Python,
goes to the console only.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from omega_domain.entities.task import Task
from omega_domain.logbook.hooks import current_listener, listening
from omega_domain.logbook.records import LINE_LIMIT, Origin, entry_of, error_entry, level_of, make_entry
from omega_domain.logbook.writer import LogWriter, unheard
from omega_domain.repository.context import Context

_LEVELS: Final = {"stdout": logging.INFO, "stderr": logging.WARNING}


@contextmanager
def captured(context: Context, task: Task, *, worker: str) -> Iterator[None]:
    """Keep what a task logs and prints in the block, from the level in its option ``logging``, or else from INFO.

    It is stored a second after it was said at the latest, and when the block ends. A store that is away neither fails
    nor holds up the task. Other tasks that run at the same time in this process are told apart.

    Args:
        context: where the records go.
        task: the task.
        worker: who runs it.

    Raises:
        UnsupportedOptionError: the option names no level.
    """
    output = TaskOutput(context, task, worker=worker, level=level_of(task.options.get("logging")))
    try:
        with listening(output):
            yield
    except BaseException as error:
        output.hear_error(error)
        raise
    finally:
        output.close()


def current_output() -> TaskOutput | None:
    """Return the output that is kept of what runs here; None if none is."""
    listener = current_listener()
    return listener if isinstance(listener, TaskOutput) else None


class TaskOutput:
    """What one task says.

    Args:
        context: where the records go.
        task: the task.
        worker: who runs it.
        level: number of the lowest level that is kept.

    Attributes:
        context: the same.
        task: the same.
        worker: the same.
        level: the same.
        writer: writes the records.
    """

    def __init__(self, context: Context, task: Task, *, worker: str, level: int) -> None:
        self.context = context
        self.task = task
        self.worker = worker
        self.level = level
        self.writer = LogWriter(context)
        self._origin = Origin.of(context, task=task, worker=worker)
        self._lines: dict[tuple[str, int], _Line] = {}
        self._lock = threading.RLock()

    def hear_record(self, record: logging.LogRecord) -> None:
        """Keep a record of the logging module."""
        if record.levelno >= self.level:
            with unheard():  # its arguments may log when they are asked for their text
                self.writer.write(entry_of(record, self._origin))

    def hear_warning(self, text: str) -> None:
        """Keep a warning."""
        self._keep(logging.WARNING, "py.warnings", text)

    def hear_text(self, stream: str, text: str) -> None:
        """Keep the lines that are complete now; the rest waits for its end, apart for each thread."""
        with self._lock:
            line = self._lines.setdefault((stream, threading.get_ident()), _Line())
            first, *others = text.split("\n")
            line.add(first)
            for piece in others:
                self._keep_line(stream, line)
                line.add(piece)
            if line.is_empty:
                del self._lines[stream, threading.get_ident()]

    def hear_error(self, error: BaseException) -> None:
        """Keep the error that ended the task, after what the task has said."""
        self._end_lines()
        self.writer.write(error_entry(error, self.task, self._origin))

    def close(self) -> None:
        """Store what was not stored yet; what can not be stored now is stored later, if this process lives on."""
        self._end_lines()
        self.writer.flush()

    def _end_lines(self) -> None:
        with self._lock:
            for (stream, _), line in self._lines.items():
                self._keep_line(stream, line)
            self._lines.clear()

    def _keep_line(self, stream: str, line: _Line) -> None:
        text = line.take()
        if text.strip():
            self._keep(_LEVELS[stream], stream, text)

    def _keep(self, level: int, logger: str, text: str) -> None:
        if level >= self.level:
            self.writer.write(make_entry(self._origin, level=level, logger=logger, message=text))


class _Line:
    """A line that has not ended yet; of one that is too long no more is held than is needed to cut it."""

    def __init__(self) -> None:
        self._text = ""

    def add(self, piece: str) -> None:
        """Add text without line ends; behind a carriage return the line starts anew, as a progress bar does."""
        body = piece.rstrip("\r")
        _, is_returned, last = body.rpartition("\r")
        if is_returned or (body and self._text.endswith("\r")):
            self._text = ""
        self._text = (self._text + last)[: LINE_LIMIT + 1]
        if len(body) < len(piece) and not self._text.endswith("\r"):
            self._text += "\r"

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added yet."""
        return not self._text

    def take(self) -> str:
        """Return the line, and start another one."""
        text, self._text = self._text.rstrip("\r"), ""
        return text
