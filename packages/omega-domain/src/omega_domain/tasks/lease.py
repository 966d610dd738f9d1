"""Leases: who runs a task, since when, and until when nobody else may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from omega_domain.entities.task import STARTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """That somebody runs a task.

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
