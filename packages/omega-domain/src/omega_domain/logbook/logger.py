"""``om.logger``: a logger of Python's whose records go to the store, from clients, scripts and models."""

from __future__ import annotations

import logging
from functools import partial

from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.records import Origin, entry_of
from omega_domain.logbook.task_output import TaskOutput, current_output
from omega_domain.logbook.writer import LogWriter, is_unheard, unheard
from omega_domain.repository.attempts import current_task
from omega_domain.repository.context import Context


class OmegaLogger(logging.Logger):
    """Keeps what it is told in the store, and does not print it; ``dataset`` reads it.

    It has the methods of ``logging.Logger``. Its level, unless one is set, is that of the task whose output is kept, or
    else INFO. No method fails because the store is away: records wait until it is back.

    Args:
        context: in which records are kept.
        bucket: name of the bucket that they are said to come from.
        name: said to be the logger.

    Attributes:
        dataset: what all loggers and tasks of the context have kept.
    """

    def __init__(self, context: Context, *, bucket: str, name: str = "omega") -> None:
        super().__init__(name)
        self._context = context
        self._bucket = bucket
        self._writer = LogWriter(context)
        self.dataset = Logbook(context, flush=partial(_flush, context, self._writer))

    def getEffectiveLevel(self) -> int:  # noqa: N802 -- the name of the standard library
        """Return the number of the lowest level that is kept."""
        output = current_output()
        return self.level or (output.level if output is not None else logging.INFO)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 -- the name of the standard library
        """Tell whether records of this level are kept."""
        return not self.disabled and level > self.manager.disable and level >= self.getEffectiveLevel()

    def getChild(self, suffix: str) -> OmegaLogger:  # noqa: N802 -- the name of the standard library
        """Return a logger of this bucket with a longer name."""
        child = OmegaLogger(self._context, bucket=self._bucket, name=f"{self.name}.{suffix}")
        child.setLevel(self.level)
        return child

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802 -- the name of the standard library
        """Keep a record."""
        if is_unheard():
            return
        output = _output_in(self._context)
        task = current_task() or (output.task if output else None)
        worker = output.worker if output else None
        origin = Origin.of(self._context, task=task, bucket=self._bucket, worker=worker)
        with unheard():  # its arguments may log when they are asked for their text
            entry = entry_of(record, origin)
        if output is not None:
            output.writer.write(entry)
            return
        self._writer.write(entry)
        if task is not None and not self._writer.is_failing:
            self._writer.flush()  # whoever gets the result of the task finds what it has said


def _output_in(context: Context) -> TaskOutput | None:
    """Return the output that is kept in this context of what runs here; None if none is."""
    output = current_output()
    return output if output is not None and output.context is context else None


def _flush(context: Context, writer: LogWriter) -> None:
    output = _output_in(context)
    if output is not None:
        output.writer.flush()
    writer.flush()
