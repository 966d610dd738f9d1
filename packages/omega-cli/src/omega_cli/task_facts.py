"""Records of tasks as people read them, in tables and as facts, and as programs do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from omega_cli import output

if TYPE_CHECKING:
    from omega_domain.entities.task import TaskRecord

_COLUMNS: Final = ("id", "task", "status", "age", "took", "worker")
#: What all columns but the last need.
_NARROW: Final = 100
_PLAIN: Final = (
    *("id", "status", "kind", "name", "action", "bucket", "label", "data", "worker", "attempts", "progress"),
    *("submitted", "queued", "started", "ended"),
)


def columns() -> tuple[str, ...]:
    """Return the names of the facts that a table has place for."""
    return _COLUMNS if output.width() >= _NARROW else _COLUMNS[:-1]


def rows(records: Iterable[TaskRecord], now: datetime) -> list[dict[str, Any]]:
    """Return the main facts of tasks, for a table."""
    return [
        {
            "id": record.id,
            "task": what(record),
            "status": record.status,
            "age": output.age(record.submitted, now) if record.submitted else None,
            "took": output.duration(_took(record, now)),
            "worker": record.worker,
        }
        for record in records
    ]


def facts(record: TaskRecord, now: datetime) -> dict[str, Any]:
    """Return what is known of a task, for people."""
    return {
        "id": record.id,
        "status": record.status,
        "task": what(record),
        "bucket": record.bucket,
        "data": list(record.data),
        "label": record.label,
        "worker": record.worker,
        "attempts": record.attempts,
        "progress": progress(record.progress),
        "submitted": _moment(record.submitted, now),
        "started": _moment(record.started, now),
        "ended": _moment(record.ended, now),
        "waited": output.duration(_waited(record, now)),
        "took": output.duration(_took(record, now)),
        "error": _error(record.error),
    }


def plain(record: TaskRecord, now: datetime) -> dict[str, Any]:
    """Return what is known of a task, for programs: how long it waited and took is in seconds."""
    error = {name: record.error[name] for name in ("type", "message", "traceback")} if record.error else None
    return {
        **{name: getattr(record, name) for name in _PLAIN},
        "waited": _seconds(_waited(record, now)),
        "took": _seconds(_took(record, now)),
        "error": error,
    }


def what(record: TaskRecord) -> str:
    """Return what a task does: ``model forecast fit``."""
    return f"{record.kind} {record.name} {record.action}"


def progress(said: Mapping[str, Any] | None) -> str | None:
    """Return how far a task says it is: ``30 of 100 (30 %): loading``; None if it says nothing."""
    if not said:
        return None
    done, total, note = said["done"], said["total"], said["note"]
    share = f" of {_number(total)} ({100 * done / total:.0f} %)" if total else ""
    return f"{_number(done)}{share}{f': {note}' if note else ''}"


def counted(counts: Mapping[Any, int]) -> str:
    """Return how many tasks have which status."""
    return ", ".join(f"{count:,} {status}" for status, count in counts.items() if count) or "none"


def _error(error: Mapping[str, Any] | None) -> str | None:
    """Return the last line of a traceback."""
    return " ".join(f"{error['type'].rpartition('.')[2]}: {error['message']}".split()) if error else None


def _moment(when: datetime | None, now: datetime) -> str | None:
    return f"{output.moment(when)} UTC, {output.age(when, now)} ago" if when else None


def _waited(record: TaskRecord, now: datetime) -> timedelta | None:
    """Return how long a task waited to be started, or has waited until now."""
    if record.submitted is None:
        return None
    return (record.started or record.ended or now) - record.submitted


def _took(record: TaskRecord, now: datetime) -> timedelta | None:
    """Return how long a task ran, or has run until now."""
    if record.started is None or record.status == "PENDING":
        return None
    return (record.ended or now) - record.started


def _seconds(time: timedelta | None) -> float | None:
    return None if time is None else time.total_seconds()


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"
