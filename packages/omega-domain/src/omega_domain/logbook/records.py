"""Log records as they are kept in the store: plain documents, bounded, of valid text."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from omega_domain.entities.task import Task
from omega_domain.errors import UnsupportedOptionError
from omega_domain.repository.context import Context

LOGS: Final = "omega.logs"
#: What is said of a record to those who read it; the other fields are for order and for following.
FIELDS: Final = (
    "time",
    "level",
    "logger",
    "message",
    "task",
    "worker",
    "bucket",
    "author",
    "kind",
    "name",
    "traceback",
)
#: Bytes of a message, and of a traceback, that are kept.
LINE_LIMIT: Final = 16 * 1024
TRACEBACK_LIMIT: Final = 64 * 1024

_CUT: Final = " … [cut: longer than 16 kB]"
_CUT_BEFORE: Final = "[cut: only the last 64 kB]\n… "


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where records come from.

    Attributes:
        bucket: name of the bucket.
        author: who works in the context.
        task: id of the task; None outside of tasks.
        worker: who runs the task.
        kind: ``model``, ``script`` or ``job``: what the task is about.
        name: name of that object.
    """

    bucket: str
    author: str
    task: str | None = None
    worker: str | None = None
    kind: str | None = None
    name: str | None = None

    @classmethod
    def of(cls, context: Context, *, task: Task | None, bucket: str | None = None, worker: str | None = None) -> Origin:
        """Return the origin of what a task says in a context; the bucket is the task's, or else the given one."""
        if task is None:
            return cls(bucket=bucket or "", author=context.author)
        return cls(
            bucket=bucket or task.bucket,
            author=context.author,
            task=task.id,
            worker=worker,
            kind=task.kind,
            name=task.name,
        )

    def to_plain(self) -> dict[str, str | None]:
        """Return the fields as a document has them."""
        return {name: None if value is None else valid(value) for name, value in self._fields().items()}

    def _fields(self) -> Mapping[str, str | None]:
        return {name: getattr(self, name) for name in self.__slots__}


def level_of(option: object) -> int:
    """Return the number of a level that is given by name or number; True and None stand for INFO.

    Raises:
        UnsupportedOptionError: there is no such level.
    """
    if option is None or option is True:
        return logging.INFO
    if isinstance(option, int) and option is not False:
        return option
    found = logging.getLevelNamesMapping().get(str(option).upper())
    if found is None:
        names = ", ".join(repr(name) for name in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
        raise UnsupportedOptionError(f"{option!r} is no level of logging; there are {names}")
    return found


def entry_of(record: logging.LogRecord, origin: Origin) -> dict[str, Any]:
    """Return what is kept of a record of the logging module."""
    details = [_traceback_of(record), record.stack_info]
    return make_entry(
        origin,
        level=record.levelno,
        logger=record.name,
        message=_message_of(record),
        details="\n".join(filter(None, details)) or None,
        level_name=record.levelname,
    )


def error_entry(error: BaseException, task: Task, origin: Origin) -> dict[str, Any]:
    """Return what is kept of the error that ended a task."""
    return make_entry(
        origin,
        level=logging.ERROR,
        logger="omega.task",
        message=f"{task.action} of {task.name!r} failed: {type(error).__name__}: {_text_of(error)}",
        details="".join(traceback.format_exception(error)),
    )


def make_entry(
    origin: Origin, *, level: int, logger: str, message: str, details: str | None = None, level_name: str = ""
) -> dict[str, Any]:
    """Return a document without time and ``_id``, cut to what is kept."""
    return {
        "level": valid(level_name or logging.getLevelName(level)),
        "levelno": level,
        "logger": valid(logger),
        "message": _cut(message),
        **origin.to_plain(),
        "traceback": None if details is None else _cut_before(details),
    }


def valid(text: str) -> str:
    """Return text that every store can hold: halves of surrogate pairs are written as escapes."""
    return text.encode("utf-8", "backslashreplace").decode()


def _cut(text: str) -> str:
    data = text[: LINE_LIMIT + 1].encode("utf-8", "backslashreplace")
    if len(data) <= LINE_LIMIT:
        return data.decode()
    return data[:LINE_LIMIT].decode("utf-8", "ignore") + _CUT


def _cut_before(text: str) -> str:
    data = text[-TRACEBACK_LIMIT - 1 :].encode("utf-8", "backslashreplace")
    if len(data) <= TRACEBACK_LIMIT:
        return data.decode()
    return _CUT_BEFORE + data[-TRACEBACK_LIMIT:].decode("utf-8", "ignore")


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 -- whatever the arguments do when they are formatted
        return f"{_text_of(record.msg)} [could not be put into words: {type(error).__name__}: {_text_of(error)}]"


def _traceback_of(record: logging.LogRecord) -> str | None:
    if record.exc_info and record.exc_info[1] is not None:
        return "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
    return record.exc_text


def _text_of(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 -- whatever its __str__ does
        return f"<{type(value).__name__} without text>"
