"""Dispatching: how recorded tasks get to workers, stage after stage, and again if they were lost on the way.

The store is the truth, the broker carries hints. Whatever the broker loses or brings twice, whoever dies at whatever
moment: the record of a task says whether it must run, and :meth:`Dispatch.sweep`, which every worker calls again and
again, gives to the broker once more what should have been there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

from omega_domain.entities.task import PENDING, Task, TaskRecord
from omega_domain.errors import TaskCancelledError, TaskTimeLimitError, WorkerLostError
from omega_domain.services.arguments import Arguments
from omega_domain.services.context import Context
from omega_domain.services.task_log import MAX_ATTEMPTS, TASKS, TaskLog

RUNS: Final = "omega.runs"
#: How long a task is left to the broker before it is given to it again, if nothing waits there.
REQUEUE_AFTER: Final = timedelta(seconds=30)
#: How long nothing must have happened in a run of several stages before somebody looks whether it is stuck.
STUCK_AFTER: Final = timedelta(seconds=60)
#: How long a run whose tasks are not all recorded is left to who submits it.
ABANDONED_AFTER: Final = timedelta(hours=1)
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
        self._publish = publish
        self._depth = depth
        self._log = TaskLog(context)
        self._runs = context.store.collection(RUNS)
        self._tasks = context.store.collection(TASKS)

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Record tasks and give those of the first stage to the broker; see the port TaskQueue.

        Raises:
            BrokerUnavailableError: the broker can not be reached; none of them runs.
        """
        stages = [stage for stage in stages if stage]
        if not stages:
            return
        first, *later = self._open_run(stages) if len(stages) > 1 else stages
        rest = [task for stage in later for task in stage]
        self._log.announce(rest)
        self._log.announce(first, queued=True)
        try:
            self._publish(first)
        except BaseException:
            self._log.withdraw([*first, *rest])
            raise

    def ended(self, task: Task) -> None:
        """Take note that a task has ended: if it was the last of its stage, the next stage starts."""
        if task.run is None or task.is_last:
            return
        at_stage = {"_id": task.run, "stage": task.stage}
        self._runs.update_one(at_stage, {"$inc": {"left": -1}, "$set": {"touched": self._context.clock.now()}})
        self._advance(task.run, task.stage)

    def cancel(self, task_id: str) -> bool:
        """Record a task that has not ended as cancelled; return whether it was so.

        Raises:
            ObjectNotFoundError: there is no such task.
        """
        while not (record := self._log.get(task_id)).is_final:
            error = TaskCancelledError(f"task {task_id} ({record.action} of {record.name!r}) was cancelled")
            if self._give_up(record, error):
                return True
        return False

    def lost(self, task_id: str, *, holder: str) -> None:
        """Take note that the process which ran a task is dead, though its holder lives."""
        record = self._log.get(task_id)
        if not record.is_final and record.holder in {holder, None}:  # None if it was begun without a word
            self._revive(record)

    def overran(self, task_id: str, *, holder: str, seconds: float) -> None:
        """Take note that a task was ended because it took longer than it was given."""
        record = self._log.get(task_id)
        if not record.is_final and record.holder == holder:
            what = f"{record.action} of {record.name!r}"
            error = TaskTimeLimitError(f"{what} took longer than its limit of {seconds:g} s on {record.worker}")
            self._give_up(record, error)

    def sweep(self, labels: Iterable[str]) -> int:
        """Give to the broker again what was lost; return how many tasks that were.

        Args:
            labels: the labels of the worker that calls.
        """
        count = sum(self._revive(record) for record in list(self._log.expired()))
        before = self._context.clock.now() - REQUEUE_AFTER
        for label in labels:
            if self._log.queued_before(before, label=label, limit=1) and not self._depth(label):
                count += self._requeue(self._log.queued_before(before, label=label, limit=_BATCH))
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

    def _requeue(self, records: Sequence[TaskRecord]) -> int:
        tasks = [_task_of(record) for record in records if self._log.requeue(record)]
        if tasks:
            self._publish(tasks, again=True)
        return len(tasks)

    def _give_up(self, record: TaskRecord, error: Exception) -> bool:
        if not self._log.give_up(record, error):
            return False
        if record.envelope:
            task = _task_of(record)
            Arguments(self._context, self._log.codec, task.bucket).discard(task.arguments)
            self.ended(task)
        return True

    # -- runs of several stages ------------------------------------------------------------------------------------

    def _open_run(self, stages: Sequence[Sequence[Task]]) -> list[list[Task]]:
        run, last = self._context.new_id(), len(stages) - 1
        members = [
            {"_id": _stage_id(run, number), "members": [task.id for task in stage]}
            for number, stage in enumerate(stages)
        ]
        entry = {"_id": run, "stage": 0, "sizes": [len(stage) for stage in stages], "left": len(stages[0])}
        self._runs.insert_many([*members, {**entry, "touched": self._context.clock.now()}])
        return [
            [replace(task, run=run, stage=number, is_last=number == last) for task in stage]
            for number, stage in enumerate(stages)
        ]

    def _advance(self, run: str, stage: int) -> None:
        """Start the next stage of a run if this one has ended; one of all that come here does."""
        entry = self._runs.find_one({"_id": run, "stage": stage})
        if entry is None or entry["left"] > 0 or self._unfinished(run, stage):
            return
        done = {"_id": run, "stage": stage, "left": {"$lte": 0}}
        after = {"stage": stage + 1, "left": entry["sizes"][stage + 1], "touched": self._context.clock.now()}
        if self._runs.update_one(done, {"$set": after}).matched_count:
            self._start_stage(run, stage + 1, is_last=stage + 2 == len(entry["sizes"]))

    def _start_stage(self, run: str, stage: int, *, is_last: bool) -> int:
        waiting = [record for record in self._unfinished(run, stage) if _was_never_queued(record)]
        count = self._requeue(waiting)
        done = [run, _stage_id(run, stage), _stage_id(run, stage - 1)] if is_last else [_stage_id(run, stage - 1)]
        self._runs.delete_many({"_id": {"$in": done}})
        return count

    def _unfinished(self, run: str, stage: int) -> list[TaskRecord]:
        """Return the records of the tasks of a stage that have not ended."""
        entry = self._runs.find_one({"_id": _stage_id(run, stage)})
        records = self._log.get_many(entry["members"] if entry else ())
        return [record for record in records.values() if not record.is_final]

    def _sweep_runs(self) -> int:
        """See after runs in which nothing has happened for a while: a worker may have died between two stages."""
        count = 0
        for entry in list(self._runs.find({"touched": {"$lt": self._context.clock.now() - STUCK_AFTER}})):
            run, stage = entry["_id"], entry["stage"]
            is_last = stage + 1 == len(entry["sizes"])
            count += self._start_stage(run, stage, is_last=is_last)
            if not is_last:
                left = len(self._unfinished(run, stage))
                fields = {"left": left, "touched": self._context.clock.now()}
                self._runs.update_one({"_id": run, "stage": stage, "left": entry["left"]}, {"$set": fields})
                self._advance(run, stage)
        return count


def _stage_id(run: str, stage: int) -> str:
    return f"{run}/{stage}"


def _was_never_queued(record: TaskRecord) -> bool:
    return record.status == PENDING and record.queued is None


def _task_of(record: TaskRecord) -> Task:
    return Task.from_json(record.envelope)
