"""Requests: how the parent process of a worker hears of the fate of a task that its child can not tell of."""

from __future__ import annotations

from typing import Any, Final

from billiard.einfo import ExceptionWithTraceback
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request

#: What is told of a process that has died, or that a signal ends.
_LOST: Final = (WorkerLostError, SystemExit, KeyboardInterrupt)


class WatchedRequest(Request):  # type: ignore[misc] # Celery brings no types
    """Tells the heart of a worker when the process of a task died, or was killed because of its time limit."""

    def on_timeout(self, soft: bool, timeout: float) -> None:  # noqa: FBT001 -- Celery's signature
        """Hear that the task took too long."""
        if not soft:
            self.task.heart.overran(self.id, timeout)
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> Any:  # noqa: FBT001, FBT002
        """Hear that the task ended by an error; its own are in its record, so this one is of its process."""
        error = exc_info.exception
        if isinstance(error.exc if isinstance(error, ExceptionWithTraceback) else error, _LOST):
            self.task.heart.lost(self.id)
        return super().on_failure(exc_info, send_failed_event, return_ok)
