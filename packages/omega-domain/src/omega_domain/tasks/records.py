"""Records of tasks: one for every task, in the store, so that any process can tell what became of it.

A record is also what makes a task run once: a worker leases it by compare-and-swap, for as long as it renews its lease,
and only who holds the lease can end it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, TypeVar

from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS, Argument, Lease, Task, TaskRecord
from omega_domain.entities.version import sha256_hex
from omega_domain.errors import DuplicateDocumentError, ObjectNotFoundError
from omega_domain.repository.context import Context
from omega_domain.tasks.actions import READING
from omega_domain.tasks.arguments import Arguments
from omega_domain.tasks.codec import task_codec
from omega_domain.tasks.errors import error_from_plain, error_to_plain

TASKS = "omega.tasks"
GROUPS = "omega.groups"
IN_MEMORY = "<in memory>"

#: How often a task is started at most, if its workers die. Not a setting: a worker whose limit is lower would drop the
#: messages of a task that one with a higher limit gives to the broker again and again.
MAX_ATTEMPTS: Final = 3
UNFINISHED: Final = (PENDING, STARTED)

T = TypeVar("T")

#: Records that are written, and asked for, at a time.
_BATCH = 500
_ASKED_FOR = 100
_FIELDS = frozenset(field.name for field in fields(TaskRecord))


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRecord:
    """Tasks that were submitted together.

    Attributes:
        id: unique.
        form: ``sequence``, ``parallel`` or ``mapreduce``.
        members: ids of the tasks, in the order of their submission.
    """

    id: str
    form: str
    members: tuple[str, ...]


class TaskRecords:
    """Writes and reads the records of tasks in one context.

    Attributes:
        context: the context.
        codec: how values of tasks are written.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.codec = task_codec(context)
        self._tasks = context.store.collection(TASKS)
        self._groups = context.store.collection(GROUPS)

    # -- the life of a task ----------------------------------------------------------------------------------------

    def announce(self, tasks: Iterable[Task], *, queued: bool = False) -> None:
        """Record tasks as PENDING, if they have no record yet; a queue does this before it lets them go.

        Args:
            tasks: the tasks.
            queued: whether they are about to be given to the broker now.
        """
        fields = {"queued": self.context.clock.now() if queued else None}
        for batch in _batches(tasks):
            documents = [{**_describe(task), **fields} for task in batch]
            try:
                self._tasks.insert_many(documents)
            except DuplicateDocumentError:
                for document in documents:
                    self._tasks.update_one({"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True)

    def withdraw(self, tasks: Iterable[Task]) -> None:
        """Remove the records of tasks that nobody has started."""
        for batch in _batches(tasks):
            self._tasks.delete_many({"_id": {"$in": [task.id for task in batch]}, "status": PENDING, "attempts": 0})

    def begin(self, *, worker: str, holder: str) -> Lease:
        """Return the lease on a task that changes nothing but its record, and is recorded when it ends only.

        So it may run twice beside each other; one of the two is recorded. If it takes long, :meth:`adopt` records that
        it was started.
        """
        return Lease(worker=worker, holder=holder, started=self.context.clock.now(), is_recorded=False)

    def start(self, task: Task, *, worker: str, holder: str | None = None, envelope: str | None = None) -> Lease | None:
        """Take a task and record it as STARTED.

        Args:
            task: the task.
            worker: who is recorded as running it.
            holder: the worker process that leases it, which must renew the lease, and which runs only what was
                announced just so; None for a process that runs its own tasks.
            envelope: the task as JSON, if that is known.

        Returns:
            The lease; None if there is nothing to run: the task has ended, is run by another holder, was started too
            often, or was never announced as it is.
        """
        lease = Lease(worker=worker, holder=holder, started=self.context.clock.now())
        fields = self._fields(lease)
        if holder is None and self._insert(task, fields, envelope):
            return lease
        if holder is not None and self._change(_untouched(task), fields):
            return lease
        known = {"digest": _digest(task)} if holder else {}
        return self._start_again({"_id": task.id, "status": {"$in": list(UNFINISHED)}, **known}, lease)

    def succeed(self, task: Task, result: Argument, *, lease: Lease) -> bool:
        """Record a task as SUCCESS; return False, and change nothing, if the lease was lost."""
        return self._end(task, {"status": SUCCESS, "result": result.to_plain()}, lease)

    def fail(self, task: Task, error: BaseException, *, lease: Lease, kind: str | None = None) -> bool:
        """Record a task as FAILURE, as :meth:`succeed`; ``kind`` is that of its object."""
        return self._end(task, {"status": FAILURE, "error": error_to_plain(error, self.codec, kind=kind)}, lease)

    def fail_likewise(self, task: Task, cause: TaskRecord, *, lease: Lease) -> bool:
        """Record a task as FAILURE because another one, that it needs, failed."""
        error = dict(cause.error or {})
        note = f"Task {task.id} ({task.action} of {task.name!r}) was not run, because task {cause.id} failed."
        error["notes"] = [*error.get("notes", ()), note]
        return self._end(task, {"status": FAILURE, "error": error}, lease)

    def report(self, task_id: str, progress: Mapping[str, Any]) -> None:
        """Record how far a task is."""
        self._change({"_id": task_id, "status": STARTED}, {"progress": dict(progress)})

    # -- leases ----------------------------------------------------------------------------------------------------

    def adopt(self, task_id: str, *, worker: str, holder: str) -> None:
        """Record as STARTED a task that was begun some time ago, see :meth:`begin`, if it is not recorded so."""
        lease = Lease(worker=worker, holder=holder, started=self.context.clock.now())
        reads = {"kind": "model", "action": {"$in": sorted(READING)}}
        self._change({"_id": task_id, "status": PENDING, "attempts": 0, **reads}, self._fields(lease))

    def renew(self, task_ids: Iterable[str], *, holder: str) -> None:
        """Renew the leases of a holder."""
        lease = self.context.clock.now() + self.context.patience.lease
        for task_id in task_ids:
            self._change({"_id": task_id, "status": STARTED, "holder": holder}, {"lease": lease})

    def expired(self) -> Iterator[TaskRecord]:
        """Iterate over the tasks whose lease was not renewed, so that their worker must be dead."""
        return self._find({"status": STARTED, "lease": {"$lt": self.context.clock.now()}})

    def queued_before(self, moment: datetime, *, label: str, limit: int) -> list[TaskRecord]:
        """Return the first of the tasks that were given to the broker before this time, and that nobody has started."""
        waiting = {"status": PENDING, "label": label, "queued": {"$lt": moment}}
        return list(map(_to_record, self._tasks.find(waiting, sort=[("queued", 1)], limit=limit)))

    def started_after(self, moment: datetime, *, label: str) -> TaskRecord | None:
        """Return a task that was given to the broker after this time, and that somebody has started; None if none."""
        started = {"status": {"$in": [STARTED, SUCCESS, FAILURE]}, "attempts": {"$gt": 0}}
        return next(self._find({**started, "label": label, "queued": {"$gt": moment}}, limit=1), None)

    def start_again(self, task: Task, lease: Lease) -> Lease | None:
        """Begin a further attempt at a task; None if the lease on it was lost."""
        if not lease.is_recorded:
            return self.start(task, worker=lease.worker, holder=lease.holder)
        record = self.get(task.id)
        if record.status != STARTED or record.holder != lease.holder:
            return None
        again = replace(lease, attempt=record.attempts + 1, started=self.context.clock.now())
        return again if self._change(_unchanged(record), self._fields(again)) else None

    def holds(self, task: Task, lease: Lease) -> bool:
        """Tell whether nobody has ended a task or taken it over since it was taken.

        A lease that was not recorded yet is recorded now, see :meth:`begin`: from now on it counts that there is one.
        """
        if not lease.is_recorded:
            until = self.context.clock.now() + self.context.patience.lease
            self._change(_untouched(task), {**self._fields(lease), "lease": until})
        return self._tasks.find_one(_held(task, lease)) is not None

    def requeue(self, record: TaskRecord, *, attempts: int | None = None) -> bool:
        """Record a task as PENDING, about to be given to the broker again; False if it has changed meanwhile.

        Args:
            record: of the task.
            attempts: how often it was started, if the record does not know.
        """
        fields = {"status": PENDING, "holder": None, "lease": None, "queued": self.context.clock.now()}
        return self._change(_unchanged(record), fields if attempts is None else {**fields, "attempts": attempts})

    def give_up(self, record: TaskRecord, error: BaseException) -> bool:
        """Record a task as FAILURE from outside of it; False if it has changed meanwhile."""
        return self._close(_unchanged(record), {"status": FAILURE, "error": error_to_plain(error, self.codec)})

    # -- reading ---------------------------------------------------------------------------------------------------

    def get(self, task_id: str) -> TaskRecord:
        """Return the record of a task.

        Raises:
            ObjectNotFoundError: there is none.
        """
        document = self._tasks.find_one({"_id": task_id})
        if document is None:
            raise ObjectNotFoundError(
                f"no task {task_id!r} in the context {self.context.name!r}: it was never submitted here "
                "(tasks of a sequence, parallel or mapreduce are submitted by its run())"
            )
        return _to_record(document)

    def get_many(self, task_ids: Iterable[str], *, ended: bool = False) -> dict[str, TaskRecord]:
        """Return the records that there are of these tasks, by id; if asked, of those only that have ended."""
        state = {"status": {"$in": [SUCCESS, FAILURE]}} if ended else {}
        batches = _batches(task_ids, size=_ASKED_FOR)
        return {record.id: record for ids in batches for record in self._find({"_id": {"$in": ids}, **state})}

    def recent(self, limit: int) -> list[TaskRecord]:
        """Return the records of the tasks submitted last, newest first."""
        return [_to_record(document) for document in self._tasks.find(sort=[("submitted", -1)], limit=limit)]

    def result(self, record: TaskRecord) -> Any:
        """Return what a task returned, or raise what it raised."""
        if record.error is not None:
            raise error_from_plain(record.error, self.codec, self.context.registry)
        nothing = Argument("value", "null")
        return Arguments(self.context, self.codec, record.bucket).decode(record.result or nothing)

    def counts(self) -> dict[str, int]:
        """Return how many tasks have which status."""
        return {
            status: self._tasks.count_documents({"status": status}) for status in (PENDING, STARTED, SUCCESS, FAILURE)
        }

    def waiting(self, labels: Iterable[str] = ()) -> dict[str, int]:
        """Return how many tasks wait for each label: for these, and for all others that something waits for."""
        counts = {label: self._waiting({"label": label}) for label in labels}
        while other := self._tasks.find_one({"status": PENDING, "label": {"$nin": list(counts)}}):
            counts[other["label"]] = self._waiting({"label": other["label"]})
        return counts

    def needed(self) -> set[tuple[str, str]]:
        """Return bucket and name of what is kept in the store for the arguments of tasks that have not ended."""
        waiting = self._find({"status": {"$in": list(UNFINISHED)}})
        tasks = [Task.from_json(record.envelope) for record in waiting if record.envelope]
        kept = {"claim", "temporary"}
        return {(task.bucket, arg.content) for task in tasks for arg in task.arguments if arg.type in kept}

    def count_ended(self, *, before: datetime) -> int:
        """Return how many tasks ended before this time."""
        return self._tasks.count_documents({"ended": {"$lt": before}})

    def forget(self, *, before: datetime) -> int:
        """Remove the records of tasks that ended before this time; return how many."""
        return self._tasks.delete_many({"ended": {"$lt": before}}).deleted_count

    # -- groups ----------------------------------------------------------------------------------------------------

    def save_group(self, form: str, members: Sequence[str]) -> GroupRecord:
        """Record which tasks were submitted together."""
        group = GroupRecord(id=self.context.new_id(), form=form, members=tuple(members))
        self._groups.insert_many([{"_id": group.id, "form": form, "members": list(members)}])
        return group

    def find_group(self, group_id: str) -> GroupRecord | None:
        """Return the record of tasks submitted together; None if there is none of this id."""
        found = self._groups.find_one({"_id": group_id})
        return GroupRecord(id=found["_id"], form=found["form"], members=tuple(found["members"])) if found else None

    # -- inside ----------------------------------------------------------------------------------------------------

    def _insert(self, task: Task, lease: Mapping[str, Any], envelope: str | None) -> bool:
        try:
            self._tasks.insert_many([{**_describe(task, envelope), **lease, "envelope": ""}])
        except DuplicateDocumentError:
            return False
        return True

    def _start_again(self, wanted: Mapping[str, Any], lease: Lease) -> Lease | None:
        """Take a task that was there before: one that nobody holds any more."""
        found = self._tasks.find_one(wanted)
        if found is None or (found["status"] == STARTED and found["lease"] and found["lease"] > lease.started):
            return None
        if lease.holder is not None and found["attempts"] >= MAX_ATTEMPTS:
            return None  # who sweeps ends it
        again = replace(lease, attempt=int(found["attempts"]) + 1)
        return again if self._change(_unchanged(_to_record(found)), self._fields(again)) else None

    def _fields(self, lease: Lease) -> dict[str, Any]:
        return lease.to_fields(lasts=self.context.patience.lease)

    def _end(self, task: Task, fields: Mapping[str, Any], lease: Lease) -> bool:
        if not lease.is_recorded and self._close(_untouched(task), {**self._fields(lease), **fields}):
            return True
        return self._close(_held(task, lease), fields)

    def _close(self, wanted: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
        ended = {"ended": self.context.clock.now(), "lease": None, "envelope": "", "digest": ""}
        return self._change(wanted, {**fields, **ended})

    def _change(self, wanted: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
        return self._tasks.update_one(wanted, {"$set": dict(fields)}).matched_count > 0

    def _find(self, wanted: Mapping[str, Any], *, limit: int = 0) -> Iterator[TaskRecord]:
        return map(_to_record, self._tasks.find(wanted, limit=limit))

    def _waiting(self, wanted: Mapping[str, Any]) -> int:
        return self._tasks.count_documents({"status": PENDING, **wanted})


def _describe(task: Task, envelope: str | None = None) -> dict[str, Any]:
    envelope = envelope or task.to_json()
    return {
        "_id": task.id,
        "status": PENDING,
        "action": task.action,
        "kind": task.kind,
        "name": task.name,
        "bucket": task.bucket,
        "label": task.label,
        "data": [arg.content if arg.type == "dataset" else IN_MEMORY for arg in task.args if arg.type != "open"],
        "worker": None,
        "attempts": 0,
        "submitted": task.submitted,
        "started": None,
        "ended": None,
        "result": None,
        "error": None,
        "progress": None,
        "holder": None,
        "lease": None,
        "queued": None,
        "digest": sha256_hex(envelope.encode()),
        "envelope": envelope,
    }


def _digest(task: Task) -> str:
    return sha256_hex(task.to_json().encode())


def _untouched(task: Task) -> dict[str, Any]:
    """Return the filter that finds a record only if it was announced just so, and nobody has started or ended it."""
    return {"_id": task.id, "attempts": 0, "digest": _digest(task)}


def _held(task: Task, lease: Lease) -> dict[str, Any]:
    """Return the filter that finds a record only if it says that the lease holds."""
    return {"_id": task.id, "status": STARTED, "holder": lease.holder, "attempts": lease.attempt}


def _unchanged(record: TaskRecord) -> dict[str, Any]:
    """Return the filter that finds a record only if nobody has taken, renewed or ended it meanwhile."""
    return {
        "_id": record.id,
        "status": record.status,
        "attempts": record.attempts,
        "holder": record.holder,
        "lease": record.lease,
    }


def _to_record(document: Mapping[str, Any]) -> TaskRecord:
    fields = {name: value for name, value in document.items() if name in _FIELDS}
    fields["data"] = tuple(fields["data"])
    fields["result"] = Argument.from_plain(fields["result"]) if fields["result"] else None
    return TaskRecord(**{"id": document["_id"], **fields})


def _batches(items: Iterable[T], *, size: int = _BATCH) -> Iterator[list[T]]:
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
