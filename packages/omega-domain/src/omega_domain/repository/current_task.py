"""The task that runs here, for what is called on its behalf and was not given it."""

from __future__ import annotations

from omega_domain.entities.task import Task
from omega_domain.repository.attempts import current_attempt


def current_task() -> Task | None:
    """Return the task that runs in this thread or coroutine; None outside of tasks."""
    attempt = current_attempt()
    return None if attempt is None else attempt.task
