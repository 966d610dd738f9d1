"""Dispatching: how recorded tasks get to workers, stage after stage, and again if they were lost on the way.

The store is the truth, the broker carries hints. Whatever the broker loses or brings twice, whoever dies at whatever
moment: the record of a task says whether it must run, and :meth:`Dispatch.sweep`, which every worker calls again and
again, gives to the broker once more what should have been there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Protocol

from omega_domain.entities.task import PENDING, Task, TaskRecord
from omega_domain.errors import (
    BrokerUnavailableError,
    TaskCancelledError,
    TaskError,
    TaskTimeLimitError,
    WorkerLostError,
)
from omega_domain.repository.context import Context
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.records import MAX_ATTEMPTS, TASKS, TaskRecords

RUNS: Final = "omega.runs"
_BATCH = 500


class Publish(Protocol):
    """Gives tasks to the broker; ``again`` says that they may have been started before."""

    def __call__(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        """Raises BrokerUnavailableError."""


Depth = Callable[[str], int | None]


class Dispatch:
    """Gets the tasks of a context to its workers.

    Args:
        context: where the records are.
        publish: gives tasks to the broker. Raises BrokerUnavailableError.
        depth: returns how many messages wait for a label in the broker; None if it can not tell.
    """

    def __init__(self, context: Context, publish: Publish, depth: Depth) -> None:
        self._context = context
        self._patience = context.patience
        self._publish = publish
        self._depth = depth
        self._records = TaskRecords(context)
        self._runs = context.store.collection(RUNS)
        self._tasks = context.store.collection(TASKS)

    def record(self, stages: Sequence[Sequence[Task]]) -> None:
        """Record tasks and give those of the first stage to the broker; see the port TaskQueue.

        Raises:
            BrokerUnavailableError: the broker can not be reached; none of them runs.
        """
        stages = [stage for stage in stages if stage]
        if not stages:
            return
        first, *later = self._open_run(stages) if len(stages) > 1 else stages
        rest = [task for stage in later for task in stage]
        try:
            if rest:
                self._records.announce(rest)
            self._records.announce(first, queued=True)
            self._publish(first)
        except BaseException:
            self._records.withdraw([*first, *rest])
            if later:
                self._close_run(str(first[0].run), len(stages))
            raise

    def ended(self, task: Task) -> None:
        """Take note that a task has ended: if it was the last of its stage, the next stage starts.

        Raises:
            BrokerUnavailableError: the broker can not be reached; a sweep will start it.
        """
        if task.run is None or task.is_last:
            return
        at_stage = {"_id": task.run, "stage": task.stage}
        self._runs.update_one(at_stage, {"$inc": {"left": -1}, "$set": {"touched": self._context.clock.now()}})
        entry = self._runs.find_one(at_stage)
        if entry is not None and entry["left"] <= 0:
            self._see_to(entry)

    def cancel(self, task_id: str) -> bool:
        """Record a task that has not ended as cancelled; return whether it was so.

        Raises:
            ObjectNotFoundError: there is no such task.
        """
        while not (record := self._records.get(task_id)).is_final:
            error = TaskCancelledError(f"task {task_id} ({record.action} of {record.name!r}) was cancelled")
            if self._give_up(record, error):
                return True
        return False

    def lost(self, task_id: str, *, holder: str) -> None:
        """Take note that the process which ran a task is dead, though its holder lives."""
        record = self._records.get(task_id)
        if record.status == PENDING and record.attempts == 0:  # it was begun without a word, see TaskRecords.begin
            self._requeue([record], attempts=1)
        elif not record.is_final and record.holder in {holder, None}:
            self._revive(record)

    def overran(self, task_id: str, *, holder: str, seconds: float) -> None:
        """Take note that a task was ended because it took longer than it was given."""
        record = self._records.get(task_id)
        if not record.is_final and record.holder == holder:
            what = f"{record.action} of {record.name!r}"
            error = TaskTimeLimitError(f"{what} took longer than its limit of {seconds:g} s on {record.worker}")
            self._give_up(record, error)

    def sweep(self, labels: Iterable[str]) -> int:
        """Give to the broker again what was lost; return how many tasks that were.

        Args:
            labels: the labels of the worker that calls.
        """
        count = sum(self._revive(record) for record in list(self._records.expired()))
        count += sum(self._requeue(self._lost_messages(label)) for label in labels)
        return count + self._sweep_runs()

    # -- lost tasks ------------------------------------------------------------------------------------------------

    def _revive(self, record: TaskRecord) -> bool:
        """Give a task to the broker again whose worker died; if that happens again and again, it fails."""
        if record.attempts < MAX_ATTEMPTS:
            return self._requeue([record]) > 0
        error = WorkerLostError(
            f"{record.action} of {record.name!r} was started {record.attempts} times, and each time its worker died, "
            f"the last time {record.worker}: it may need more memory than there is, or crash Python; try it by "
            "om.runtime.mode(local=True)"
        )
        self._give_up(record, error)
        return False

    def _lost_messages(self, label: str) -> list[TaskRecord]:
        """Return tasks that should wait in the broker but do not: nothing does, or later ones started long ago."""
        before = self._context.clock.now() - self._patience.requeue
        oldest = next(iter(self._records.queued_before(before, label=label, limit=1)), None)
        if oldest is None or oldest.queued is None:
            return []
        if self._depth(label):
            later = self._records.started_after(oldest.queued + self._patience.requeue, label=label)
            if later is None or later.queued is None:
                return []
            before = min(before, later.queued - self._patience.requeue)
        return self._records.queued_before(before, label=label, limit=_BATCH)

    def _requeue(self, records: Sequence[TaskRecord], *, attempts: int | None = None) -> int:
        tasks = [_task_of(record) for record in records if self._records.requeue(record, attempts=attempts)]
        if tasks:
            self._publish(tasks, again=True)
        return len(tasks)

    def _give_up(self, record: TaskRecord, error: Exception) -> bool:
        """Record a task as FAILURE, and go on with its run; return False if it has changed meanwhile."""
        if not self._end(record, error):
            return False
        if record.envelope:
            with suppress(BrokerUnavailableError):  # a sweep will start what comes next
                self.ended(_task_of(record))
        return True

    def _end(self, record: TaskRecord, error: Exception) -> bool:
        if not self._records.give_up(record, error):
            return False
        if record.envelope:  # else a process runs it that has submitted it to itself
            task = _task_of(record)
            Arguments(self._context, self._records.codec, task.bucket).discard(task.arguments)
        return True

    # -- runs of several stages ------------------------------------------------------------------------------------

    def _open_run(self, stages: Sequence[Sequence[Task]]) -> list[list[Task]]:
        run, last, now = self._context.new_id(), len(stages) - 1, self._context.clock.now()
        members = [
            {"_id": _stage_id(run, number), "members": [task.id for task in stage]}
            for number, stage in enumerate(stages)
        ]
        entry = {"_id": run, "stage": 0, "sizes": [len(stage) for stage in stages], "left": len(stages[0])}
        self._runs.insert_many([*members, {**entry, "opened": now, "touched": now}])
        return [
            [replace(task, run=run, stage=number, is_last=number == last) for task in stage]
            for number, stage in enumerate(stages)
        ]

    def _close_run(self, run: str, stages: int) -> None:
        self._runs.delete_many({"_id": {"$in": [_stage_id(run, stage) for stage in range(stages)]}})
        self._runs.delete_many({"_id": run})

    def _sweep_runs(self) -> int:
        """See after runs in which nothing has happened for a while: a worker may have died between two stages."""
        count, now = 0, self._context.clock.now()
        for entry in list(self._runs.find({"touched": {"$lt": now - self._patience.stuck}})):
            as_found = {name: entry[name] for name in ("_id", "stage", "touched")}
            if self._runs.update_one(as_found, {"$set": {"touched": now}}).matched_count:
                count += self._see_to(entry)
        return count

    def _see_to(self, entry: dict[str, Any] | None) -> int:
        """Start of a run what is due and nobody has started; return how many tasks that were."""
        count = 0
        while entry is not None:
            run, stage = entry["_id"], entry["stage"]
            records = self._members(run, stage)
            if records is None:  # whoever closed it has died meanwhile
                self._close_run(run, len(entry["sizes"]))
                break
            if len(records) < entry["sizes"][stage]:
                self._abandon(entry)
                break
            unfinished = [record for record in records if not record.is_final]
            count += self._requeue([record for record in unfinished if _was_never_queued(record)])
            entry = self._next_stage(entry, left=len(unfinished))
        return count

    def _next_stage(self, entry: dict[str, Any], *, left: int) -> dict[str, Any] | None:
        """Return a run in its next stage if this one has ended; None if not, or if somebody else sees to it."""
        run, stage, sizes = entry["_id"], entry["stage"], entry["sizes"]
        if stage + 1 == len(sizes):
            self._close_run(run, len(sizes))
            return None
        if left:
            self._runs.update_one({"_id": run, "stage": stage, "left": entry["left"]}, {"$set": {"left": left}})
            return None
        after = {"stage": stage + 1, "left": sizes[stage + 1], "touched": self._context.clock.now()}
        is_mine = self._runs.update_one({"_id": run, "stage": stage}, {"$set": after}).matched_count
        return {**entry, **after} if is_mine else None

    def _members(self, run: str, stage: int) -> list[TaskRecord] | None:
        """Return the records that there are of the tasks of a stage; None if the run is being closed."""
        entry = self._runs.find_one({"_id": _stage_id(run, stage)})
        return None if entry is None else list(self._records.get_many(entry["members"]).values())

    def _abandon(self, entry: dict[str, Any]) -> None:
        """End a run of which tasks have no record, unless its client may still be recording them."""
        if self._context.clock.now() - entry["opened"] < self._patience.abandoned:
            return
        stages = range(len(entry["sizes"]))
        for record in [record for stage in stages for record in self._members(entry["_id"], stage) or ()]:
            if not record.is_final:
                what = f"task {record.id} ({record.action} of {record.name!r})"
                self._end(record, TaskError(f"{what} was not run: others that it was submitted with have no record"))
        self._close_run(entry["_id"], len(stages))


def _stage_id(run: str, stage: int) -> str:
    return f"{run}/{stage}"


def _was_never_queued(record: TaskRecord) -> bool:
    return record.status == PENDING and record.queued is None


def _task_of(record: TaskRecord) -> Task:
    return Task.from_json(record.envelope)
