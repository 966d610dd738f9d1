"""The task queue: tasks are recorded in the store, and given to a broker by Celery."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from kombu.exceptions import KombuError, OperationalError

from omega_celery.addresses import shown
from omega_celery.agreed import QueueNames, Seal
from omega_celery.app import RUN, OmegaCelery
from omega_celery.diagnosis import diagnose_broker, diagnose_workers
from omega_domain.entities.task import Task
from omega_domain.errors import BrokerUnavailableError
from omega_domain.ports.diagnosis import SupportsDiagnosis, Symptom
from omega_domain.ports.task_queue import SupportsCancel, TaskQueue
from omega_domain.repository.context import Context
from omega_domain.tasks.dispatching import Dispatch

#: A connection that was cut since its last use is made anew, once.
_RETRY: Final = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}
_BROKER_ERRORS = (OperationalError, KombuError, OSError)


class CeleryTaskQueue(TaskQueue, SupportsCancel, SupportsDiagnosis):
    """Submits tasks to the workers of a context.

    Args:
        context: the context.
        app: the Celery app of the broker.
    """

    def __init__(self, context: Context, app: OmegaCelery) -> None:
        self._context = context
        self.app = app
        self.names = QueueNames(context)
        self.seal = Seal(context)
        self.dispatch = Dispatch(context, self._publish, self._depth)

    @property
    def name(self) -> str:
        """``celery on`` the URL of the broker, without its password."""
        return f"celery on {self.broker}"

    @property
    def broker(self) -> str:
        """The URL of the broker, without its password."""
        return shown(self.app.url)

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Record the tasks and submit those of the first stage. Raises BrokerUnavailableError."""
        self.dispatch.record(stages)

    def cancel(self, task_ids: Sequence[str]) -> int:
        """End tasks as FAILURE by a TaskCancelledError, and interrupt those that run; return how many it met."""
        cancelled = [task_id for task_id in task_ids if self.dispatch.cancel(task_id)]
        if cancelled:
            with suppress(*_BROKER_ERRORS):  # then what runs comes to its end, for nothing
                self.app.control.revoke(cancelled, terminate=True, signal="SIGKILL")
        return len(cancelled)

    def diagnose(self) -> Iterator[Symptom]:
        """Look at the broker and the workers."""
        yield diagnose_broker(self.app, self.broker)
        yield from diagnose_workers(self._context)

    def _publish(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        try:
            with self.app.producer_or_acquire() as producer:
                for task in tasks:
                    self._send(task, producer, again=again)
        except _BROKER_ERRORS as error:
            raise BrokerUnavailableError(
                f"the broker {self.broker} can not be reached ({error}): nothing was submitted; start it, or set "
                "broker_url to where it is"
            ) from error

    def _send(self, task: Task, producer: Any, *, again: bool) -> None:
        what, text = f"{task.kind} {task.name} {task.action}", task.to_json()
        self.app.send_task(
            RUN,
            args=(text, again, self.seal.of(text)),
            task_id=task.id,
            queue=self.names.of(task.label),
            producer=producer,
            retry=True,
            retry_policy=_RETRY,
            ignore_result=True,
            time_limit=task.options.get("timeout") or None,
            argsrepr=what,
            kwargsrepr=f"bucket={task.bucket}",
        )

    def _depth(self, label: str) -> int | None:
        """Return how many messages wait in the broker for a label; None if it can not tell."""
        try:
            with self.app.connection_for_write() as connection:
                found = connection.default_channel.queue_declare(self.names.of(label), passive=True)
                return int(found.message_count)
        except Exception:  # noqa: BLE001 -- each transport has errors of its own for a queue that is not there
            return None
