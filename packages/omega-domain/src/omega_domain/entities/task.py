"""Tasks: the envelope that carries a call to a worker, the lease of who runs it, and the record that it leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement

PENDING: Final = "PENDING"
STARTED: Final = "STARTED"
SUCCESS: Final = "SUCCESS"
FAILURE: Final = "FAILURE"
FINAL: Final = frozenset({SUCCESS, FAILURE})

Status = Literal["PENDING", "STARTED", "SUCCESS", "FAILURE"]
ArgumentType = Literal["value", "claim", "dataset", "temporary", "fitted", "open", "result", "results", "task"]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a task.

    Attributes:
        type: what ``content`` is.

            * ``value``: the value, as JSON text of the codec; ``claim``: the name of the parcel that holds it;
            * ``dataset``: name of a dataset; ``temporary``: name of one that is dropped when the task is done;
            * ``fitted``: ``X`` or ``Y`` that the object is linked to or was last fitted on;
            * ``open``: ``X`` or ``Y`` was not given; the same as ``fitted`` if there is no other;
            * ``result``: id of the task whose result it is; ``results``: ids of tasks, for the list of their results;
            * ``task``: id of the task that is meant itself, as an AsyncResult.
        content: in plain JSON types.
    """

    type: ArgumentType
    content: Any

    def to_plain(self) -> list[Any]:
        """Return a list for JSON."""
        return [self.type, self.content]

    @classmethod
    def from_plain(cls, plain: list[Any]) -> Argument:
        """Rebuild from :meth:`to_plain`."""
        type_, content = plain
        return cls(type_, content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A call of an action on a named object, on its way to a worker.

    Attributes:
        id: unique; also the idempotency key: a task that has ended is not run again.
        action: what to do, such as ``predict``.
        kind: kind of the object reference: ``model``, ``script`` or ``job``.
        name: name of the object, with version if one was given.
        bucket: bucket in which all names of this task are.
        context: name of the context it was submitted from.
        args: the data, in the order of the action's parameters.
        kwargs: further arguments.
        requirement: what it asks of the worker.
        label: the label that the requirement came to; the name of the queue.
        after: ids of tasks that must have succeeded before.
        options: how to run it, such as ``{'logging': True}``.
        run: id of the run whose stages it is part of, if there are several.
        stage: which of the stages, from 0.
        is_last: whether no stage comes after.
        submitted: when it was made, in UTC.
    """

    id: str
    action: str
    kind: str
    name: str
    bucket: str
    context: str
    args: tuple[Argument, ...] = ()
    kwargs: Mapping[str, Argument] = field(default_factory=dict)
    requirement: Requirement = field(default_factory=Requirement)
    label: str = DEFAULT_LABEL
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    run: str | None = None
    stage: int = 0
    is_last: bool = True
    submitted: datetime
    #: The envelope once it was written; a copy with other fields begins without.
    _json: str = field(default="", init=False, repr=False, compare=False)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """All arguments."""
        return (*self.args, *self.kwargs.values())

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "id": self.id,
            "action": self.action,
            "kind": self.kind,
            "name": self.name,
            "bucket": self.bucket,
            "context": self.context,
            "args": [argument.to_plain() for argument in self.args],
            "kwargs": {name: argument.to_plain() for name, argument in self.kwargs.items()},
            "requirement": self.requirement.to_plain(),
            "label": self.label,
            "after": list(self.after),
            "options": dict(self.options),
            "run": self.run,
            "stage": self.stage,
            "is_last": self.is_last,
            "submitted": self.submitted.isoformat(),
        }

    def to_json(self) -> str:
        """Return the envelope as a broker carries it; the same text for the same task."""
        if not self._json:
            text = json.dumps(self.to_plain(), separators=(",", ":"), ensure_ascii=False)
            object.__setattr__(self, "_json", text)
        return self._json

    @classmethod
    def from_json(cls, text: str) -> Task:
        """Rebuild from :meth:`to_json`."""
        return cls.from_plain(json.loads(text))

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Task:
        """Rebuild from :meth:`to_plain`."""
        fields = dict(plain)
        fields["args"] = tuple(Argument.from_plain(argument) for argument in plain["args"])
        fields["kwargs"] = {name: Argument.from_plain(argument) for name, argument in plain["kwargs"].items()}
        fields["requirement"] = Requirement.from_plain(plain["requirement"])
        fields["after"] = tuple(plain["after"])
        fields["submitted"] = datetime.fromisoformat(plain["submitted"])
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """That somebody runs a task, since when, and until when nobody else may.

    Attributes:
        worker: who is recorded as running it.
        holder: the worker process; None for a process that runs its own tasks.
        started: when, in UTC.
        attempt: which attempt it is, from 1.
        is_recorded: whether the record of the task says so.
    """

    worker: str
    holder: str | None
    started: datetime
    attempt: int = 1
    is_recorded: bool = True

    def to_fields(self, *, lasts: timedelta) -> dict[str, Any]:
        """Return the fields of the record; ``lasts`` is how long a holder has it if it is not renewed."""
        return {
            "status": STARTED,
            "worker": self.worker,
            "holder": self.holder,
            "started": self.started,
            "attempts": self.attempt,
            "lease": self.started + lasts if self.holder else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRecord:
    """What is known of a task, kept in the store.

    Attributes:
        id: id of the task.
        status: PENDING, STARTED, SUCCESS or FAILURE.
        action: what it does.
        kind: kind of the object reference.
        name: name of the object.
        bucket: where its names are.
        label: label of the workers it was for.
        data: names of its datasets, and ``<in memory>`` for other data.
        worker: who runs or ran it.
        attempts: how often it was started.
        submitted: when it was made, in UTC.
        started: when it was last started.
        ended: when it ended.
        result: what it returned: a ``value`` or a ``claim``.
        error: what it raised; see :mod:`omega_domain.tasks.errors`.
        progress: how far it says it is: ``done``, ``total``, ``note``.
        holder: which worker process has taken it; no other one may end it.
        lease: until when that holds, unless it is renewed; None if it is not limited.
        queued: when it was last given to the broker; None if it never was, or waits for others.
        envelope: the task as JSON text, to give it to the broker again; empty if there was no need.
    """

    id: str
    status: Status
    action: str = ""
    kind: str = ""
    name: str = ""
    bucket: str = ""
    label: str = DEFAULT_LABEL
    data: tuple[str, ...] = ()
    worker: str | None = None
    attempts: int = 0
    submitted: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None
    result: Argument | None = None
    error: Mapping[str, Any] | None = None
    progress: Mapping[str, Any] | None = None
    holder: str | None = None
    lease: datetime | None = None
    queued: datetime | None = None
    envelope: str = ""

    @property
    def is_final(self) -> bool:
        """Whether the task has ended."""
        return self.status in FINAL
