"""The task log: one record for every task, in the store, so that any process can tell what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS, Argument, Task, TaskRecord
from omega_domain.errors import DuplicateDocumentError, ObjectNotFoundError
from omega_domain.services.arguments import Arguments
from omega_domain.services.context import Context
from omega_domain.services.task_codec import task_codec
from omega_domain.services.task_errors import error_from_plain, error_to_plain

TASKS = "omega.tasks"
GROUPS = "omega.groups"
IN_MEMORY = "<in memory>"


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


class TaskLog:
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

    def announce(self, tasks: Iterable[Task]) -> None:
        """Record tasks as PENDING, if they have no record yet; a queue does this before it lets them go."""
        documents = [_describe(task) for task in tasks]
        try:
            self._tasks.insert_many(documents)
        except DuplicateDocumentError:
            for document in documents:
                self._tasks.update_one({"_id": document["_id"]}, {"$setOnInsert": document}, upsert=True)

    def start(self, task: Task, *, worker: str) -> bool:
        """Record a task as STARTED; return False, and change nothing, if it has ended already."""
        started = {"status": STARTED, "worker": worker, "started": self.context.clock.now()}
        try:
            self._tasks.insert_many([{**_describe(task), **started, "attempts": 1}])
        except DuplicateDocumentError:
            unfinished = {"_id": task.id, "status": {"$in": [PENDING, STARTED]}}
            return self._tasks.update_one(unfinished, {"$set": started, "$inc": {"attempts": 1}}).matched_count > 0
        return True

    def succeed(self, task: Task, result: Argument) -> None:
        """Record a task as SUCCESS."""
        self._end(task, {"status": SUCCESS, "result": result.to_plain()})

    def fail(self, task: Task, error: BaseException, *, kind: str | None = None) -> None:
        """Record a task as FAILURE; ``kind`` is that of its object."""
        self._end(task, {"status": FAILURE, "error": error_to_plain(error, self.codec, kind=kind)})

    def fail_likewise(self, task: Task, cause: TaskRecord) -> None:
        """Record a task as FAILURE because another one, that it needs, failed."""
        error = dict(cause.error or {})
        note = f"Task {task.id} ({task.action} of {task.name!r}) was not run, because task {cause.id} failed."
        error["notes"] = [*error.get("notes", ()), note]
        self._end(task, {"status": FAILURE, "error": error})

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

    def forget(self, *, before: datetime) -> int:
        """Remove the records of tasks that ended before this time; return how many."""
        return self._tasks.delete_many({"ended": {"$lt": before}}).deleted_count

    def save_group(self, form: str, members: Sequence[str]) -> GroupRecord:
        """Record which tasks were submitted together."""
        group = GroupRecord(id=self.context.new_id(), form=form, members=tuple(members))
        self._groups.insert_many([{"_id": group.id, "form": form, "members": list(members)}])
        return group

    def find_group(self, group_id: str) -> GroupRecord | None:
        """Return the record of tasks submitted together; None if there is none of this id."""
        found = self._groups.find_one({"_id": group_id})
        return GroupRecord(id=found["_id"], form=found["form"], members=tuple(found["members"])) if found else None

    def _end(self, task: Task, fields: dict[str, Any]) -> None:
        self._tasks.update_one({"_id": task.id}, {"$set": {**fields, "ended": self.context.clock.now()}})


def _describe(task: Task) -> dict[str, Any]:
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
    }


def _to_record(document: dict[str, Any]) -> TaskRecord:
    fields = dict(document)
    fields["id"] = fields.pop("_id")
    fields["data"] = tuple(fields["data"])
    fields["result"] = Argument.from_plain(fields["result"]) if fields["result"] else None
    return TaskRecord(**fields)
