"""Facts about tasks and workers: for programs, and in the words for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from omega_domain.commands import words
from omega_domain.commands.plain import ASIDE
from omega_domain.entities.requirement import Worker
from omega_domain.entities.task import PENDING, Status, TaskRecord


@dataclass(frozen=True, kw_only=True)
class TaskFailure:
    """What a task raised.

    Attributes:
        type: the class, with its module.
        message: what it says.
        traceback: the traceback of the worker.
    """

    type: str
    message: str
    traceback: str

    @classmethod
    def of(cls, error: Mapping[str, Any]) -> TaskFailure:
        """Return what is told of an error, as a record has it."""
        return cls(**{name: error[name] for name in ("type", "message", "traceback")})

    @property
    def line(self) -> str:
        """The last line of the traceback, for people."""
        return " ".join(f"{self.type.rpartition('.')[2]}: {self.message}".split())


@dataclass(frozen=True, kw_only=True)
class TaskFacts:
    """What is known of a task.

    Attributes:
        id: id of the task.
        status: PENDING, STARTED, SUCCESS or FAILURE.
        kind: kind of its object: ``model``, ``script`` or ``job``.
        name: name of the object.
        action: what it does.
        bucket: where its names are.
        label: label of the workers it was for.
        data: names of its datasets, and ``<in memory>`` for other data.
        worker: who runs or ran it.
        attempts: how often it was started.
        progress: how far it says it is: ``done``, ``total``, ``note``.
        submitted: when it was made, in UTC.
        queued: when it was last given to the broker; null if it never was, or waits for others.
        started: when it was last started.
        ended: when it ended.
        waited: how long it waited to be started, or has waited until now.
        took: how long it ran, or has run until now.
        error: what it raised.
        at: when this was so.
    """

    id: str
    status: Status
    kind: str
    name: str
    action: str
    bucket: str
    label: str
    data: tuple[str, ...]
    worker: str | None
    attempts: int
    progress: Mapping[str, Any] | None
    submitted: datetime | None
    queued: datetime | None
    started: datetime | None
    ended: datetime | None
    waited: timedelta | None
    took: timedelta | None
    error: TaskFailure | None
    at: datetime = field(metadata=ASIDE)

    @classmethod
    def of(cls, record: TaskRecord, at: datetime) -> TaskFacts:
        """Return the facts of a record, as they are at a time."""
        begun = record.started is not None and record.status != PENDING
        return cls(
            id=record.id,
            status=record.status,
            kind=record.kind,
            name=record.name,
            action=record.action,
            bucket=record.bucket,
            label=record.label,
            data=record.data,
            worker=record.worker,
            attempts=record.attempts,
            progress=record.progress,
            submitted=record.submitted,
            queued=record.queued,
            started=record.started,
            ended=record.ended,
            waited=_between(record.submitted, record.started or record.ended or at),
            took=_between(record.started if begun else None, record.ended or at),
            error=TaskFailure.of(record.error) if record.error else None,
            at=at,
        )

    @property
    def task(self) -> str:
        """What it does: ``model forecast fit``."""
        return f"{self.kind} {self.name} {self.action}"

    @property
    def age(self) -> timedelta | None:
        """How long ago it was submitted."""
        return _between(self.submitted, self.at)

    @property
    def row(self) -> dict[str, Any]:
        """The main facts for people: id, task, status, age, took, worker."""
        return {
            "id": self.id,
            "task": self.task,
            "status": self.status,
            "age": words.age(self.submitted, self.at) if self.submitted else None,
            "took": words.duration(self.took),
            "worker": self.worker,
        }

    @property
    def outline(self) -> dict[str, Any]:
        """All facts for people."""
        return {
            "id": self.id,
            "status": self.status,
            "task": self.task,
            "bucket": self.bucket,
            "data": list(self.data),
            "label": self.label,
            "worker": self.worker,
            "attempts": self.attempts,
            "progress": words.progress(self.progress),
            **{name: self._moment(getattr(self, name)) for name in ("submitted", "started", "ended")},
            "waited": words.duration(self.waited),
            "took": words.duration(self.took),
            "error": self.error.line if self.error else None,
        }

    def _moment(self, when: datetime | None) -> str | None:
        return f"{words.moment(when)} UTC, {words.age(when, self.at)} ago" if when else None


@dataclass(frozen=True, kw_only=True)
class GroupFacts:
    """What is known of tasks that were submitted together.

    Attributes:
        id: id of all of them.
        status: FAILURE if a task failed, SUCCESS if all succeeded, PENDING if none has started, else STARTED.
        tasks: the tasks of which there still is a record, in the order of their submission.
    """

    id: str
    status: Status
    tasks: tuple[TaskFacts, ...]

    @property
    def outline(self) -> dict[str, Any]:
        """The facts for people, without each task: id, status, counts."""
        counts = words.counted(Counter(task.status for task in self.tasks))
        return {"id": self.id, "status": self.status, "counts": counts}


@dataclass(frozen=True, kw_only=True)
class WorkerFacts:
    """What is known of a worker that lives.

    Attributes:
        name: name of the worker.
        labels: the labels of tasks that it runs.
        capacity: how many tasks it runs at a time.
        packages: versions of the packages that matter there.
        seen: when it was last heard of, in UTC.
        lease: how long it counts as living after that.
        at: when this was so.
    """

    name: str
    labels: tuple[str, ...]
    capacity: int
    packages: Mapping[str, str]
    seen: datetime
    lease: timedelta
    at: datetime = field(metadata=ASIDE)

    @classmethod
    def of(cls, worker: Worker, at: datetime) -> WorkerFacts:
        """Return the facts of a worker, as they are at a time."""
        names = ("name", "labels", "capacity", "packages", "seen", "lease")
        return cls(**{name: getattr(worker, name) for name in names}, at=at)

    @property
    def age(self) -> timedelta:
        """How long ago it was last heard of."""
        return self.at - self.seen

    @property
    def row(self) -> dict[str, Any]:
        """The facts for people: name, labels, capacity, and seen how long ago."""
        seen = f"{words.age(self.seen, self.at)} ago"
        return {"name": self.name, "labels": list(self.labels), "capacity": self.capacity, "seen": seen}


@dataclass(frozen=True, kw_only=True)
class QueueFacts:
    """What waits for a label.

    Attributes:
        label: the label.
        waiting: how many tasks wait for it.
        workers: how many live workers serve it.
    """

    label: str
    waiting: int
    workers: int


def queue_facts(waiting: Mapping[str, int], workers: Iterable[WorkerFacts]) -> tuple[QueueFacts, ...]:
    """Return how many tasks wait for each label, and how many workers serve it, by label."""
    served = [label for worker in workers for label in worker.labels]
    return tuple(
        QueueFacts(label=label, waiting=waiting[label], workers=served.count(label)) for label in sorted(waiting)
    )


def _between(start: datetime | None, end: datetime) -> timedelta | None:
    return None if start is None else end - start
