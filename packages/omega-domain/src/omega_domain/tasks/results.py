"""Results of tasks, read from their records: the same answer in every process."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS, Status, TaskRecord
from omega_domain.errors import TaskTimeoutError
from omega_domain.tasks.records import GroupRecord, TaskRecords

#: Seconds between two looks at a record: a share of what was waited so far, within these.
MIN_PAUSE, MAX_PAUSE = 0.001, 0.1
PAUSE_SHARE = 0.05
#: Results of a group that are asked for at a time, while their values are waited for one after the other.
WINDOW = 20


class AsyncResult:
    """What a task returns, now or later.

    Args:
        records: of the tasks.
        task_id: id of the task.
        ended: records of tasks that are known to have ended, by id; results of a group share them.
    """

    def __init__(self, records: TaskRecords, task_id: str, *, ended: dict[str, TaskRecord] | None = None) -> None:
        self._records = records
        self._id = task_id
        self._ended = {} if ended is None else ended

    @property
    def id(self) -> str:
        """Id of the task."""
        return self._id

    @property
    def record(self) -> TaskRecord:
        """All that is known of the task.

        Raises:
            ObjectNotFoundError: it was never submitted.
        """
        record = self._ended.get(self._id) or self._records.get(self._id)
        if record.is_final:
            self._ended[self._id] = record
        return record

    @property
    def status(self) -> Status:
        """PENDING, STARTED, SUCCESS or FAILURE."""
        return self.record.status

    @property
    def traceback(self) -> str | None:
        """The worker's traceback if the task failed."""
        error = self.record.error
        return str(error["traceback"]) if error else None

    def ready(self) -> bool:
        """Tell whether the task has ended."""
        return self.record.is_final

    def successful(self) -> bool:
        """Tell whether the task has ended well."""
        return self.status == SUCCESS

    @property
    def progress(self) -> Mapping[str, Any] | None:
        """How far the task says it is: ``done``, ``total``, ``note``; None if it says nothing."""
        return self.record.progress

    def get(self, timeout: float | None = None) -> Any:
        """Return what the task returned, waiting for it.

        Args:
            timeout: seconds to wait at most.

        Raises:
            TaskTimeoutError: it has not ended by then; it goes on, ask again.
            Exception: what the task raised: the same type if it is Python's, ours or the backend's, else a
                TaskFailedError; with the worker's traceback as a note.
        """
        return self._records.result(_Waiting(timeout).end_of(self))

    def __repr__(self) -> str:
        return f"<AsyncResult: {self._id}>"

    def _repr_html_(self) -> str:
        record = self.record
        return _table(
            "AsyncResult", {"id": self._id, "status": record.status, "task": _what(record), "worker": record.worker}
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, AsyncResult) and other.id == self._id

    def __hash__(self) -> int:
        return hash(self._id)


class GroupResult:
    """What several tasks return that were submitted together, as a sequence, in parallel, or as mapreduce.

    Attributes:
        id: id of the group.
        results: of each task, in the order of their submission.
    """

    def __init__(self, records: TaskRecords, group: GroupRecord) -> None:
        self._records = records
        self._group = group
        self._ended: dict[str, TaskRecord] = {}
        self.id = group.id
        self.results = [AsyncResult(records, task_id, ended=self._ended) for task_id in group.members]

    @property
    def status(self) -> Status:
        """FAILURE if a task failed, SUCCESS if all succeeded, PENDING if none has started, else STARTED."""
        self._learn()
        known = {record.status for record in self._ended.values()}
        found = known | {record.status for record in self._records.get_many(self._unknown()).values()}
        if FAILURE in found:
            return FAILURE
        if found <= {SUCCESS}:
            return SUCCESS
        return PENDING if found == {PENDING} else STARTED

    @property
    def traceback(self) -> str | None:
        """The worker's traceback of the first task that failed."""
        return next((result.traceback for result in self.results if result.traceback), None)

    def ready(self) -> bool:
        """Tell whether all tasks have ended."""
        self._learn()
        return not self._unknown()

    def successful(self) -> bool:
        """Tell whether all tasks have ended well."""
        return self.status == SUCCESS

    def get(self, timeout: float | None = None) -> Any:
        """Return what the last task of a sequence or mapreduce returned, or the list of what parallel tasks returned.

        Raises:
            TaskTimeoutError: they have not ended by then.
            Exception: what the first task that failed raised.
        """
        values = self.getall(timeout)
        if self._group.form == "parallel":
            return values
        return values[-1] if values else None

    def getall(self, timeout: float | None = None) -> list[Any]:
        """Return what the tasks returned, in the order of their submission; raises as :meth:`get`."""
        wait = _Waiting(timeout)
        values = []
        for i, result in enumerate(self.results):
            self._learn(i)
            values.append(self._records.result(wait.end_of(result)))
        return values

    def collect(self, timeout: float | None = None) -> set[AsyncResult | GroupResult]:
        """Wait for all tasks, and return their results: those of parallel tasks as one group.

        Raises:
            TaskTimeoutError: they have not ended by then.
        """
        wait = _Waiting(timeout)
        for i, result in enumerate(self.results):
            self._learn(i)
            wait.end_of(result)
        members = self._group.members
        if self._group.form == "sequence":
            return set(self.results)
        if self._group.form == "parallel" or not members:
            return {self}
        mapped = GroupRecord(id=self.id, form="parallel", members=members[:-1])
        return {self.results[-1], GroupResult(self._records, mapped)}

    def _learn(self, start: int | None = None) -> None:
        """Read the records of those that have ended: of all, or of some from this place on if it is not known."""
        members = self._group.members
        if start is not None and members[start] in self._ended:
            return
        window = members if start is None else members[start : start + WINDOW]
        self._ended |= self._records.get_many(self._unknown(window), ended=True)

    def _unknown(self, members: Sequence[str] | None = None) -> list[str]:
        """Return the ids of the tasks that are not known here to have ended: of these, or of all."""
        return [
            task_id for task_id in (self._group.members if members is None else members) if task_id not in self._ended
        ]

    def __len__(self) -> int:
        return len(self.results)

    def __repr__(self) -> str:
        return f"<GroupResult: {self.id} [{', '.join(result.id for result in self.results)}]>"

    def _repr_html_(self) -> str:
        return _table("GroupResult", {"id": self.id, "status": self.status, "tasks": str(len(self))})

    def __eq__(self, other: object) -> bool:
        return isinstance(other, GroupResult) and (other.id, other.results) == (self.id, self.results)

    def __hash__(self) -> int:
        return hash(self.id)


def open_result(records: TaskRecords, task_id: str) -> AsyncResult | GroupResult:
    """Return the result of a task, or of tasks submitted together, by its id.

    Raises:
        ObjectNotFoundError: nothing of this id was submitted in this context.
    """
    group = records.find_group(task_id)
    if group is not None:
        return GroupResult(records, group)
    records.get(task_id)
    return AsyncResult(records, task_id)


class _Waiting:
    """Waits for the ends of tasks, for some seconds in all; the longer it has lasted, the less often it looks."""

    def __init__(self, timeout: float | None) -> None:
        self._timeout = timeout
        self._start = time.monotonic()

    def end_of(self, result: AsyncResult) -> TaskRecord:
        """Return the record of a task that has ended. Raises TaskTimeoutError."""
        while not (record := result.record).is_final:
            past = time.monotonic() - self._start
            pause = min(max(MIN_PAUSE, PAUSE_SHARE * past), MAX_PAUSE)
            if self._timeout is not None:
                if past >= self._timeout:
                    raise TaskTimeoutError(
                        f"task {result.id} ({_what(record)}) is {record.status} after {self._timeout} s; it goes on, "
                        f"ask again by om.runtime.result({result.id!r})"
                    )
                pause = min(pause, self._timeout - past)
            time.sleep(pause)
        return record


def _what(record: TaskRecord) -> str:
    return f"{record.kind} {record.name} {record.action}"


def _table(caption: str, facts: dict[str, str | None]) -> str:
    rows = "".join(f"<tr><th>{name}</th><td>{escape(value or '')}</td></tr>" for name, value in facts.items())
    return f"<table><caption>{caption}</caption>{rows}</table>"
