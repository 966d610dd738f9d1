"""The distributed runtime: Celery app, task queue, router and worker.

Celery carries hints, the store of the context carries the truth: see :mod:`omega_domain.tasks.dispatching`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from omega_domain.ports.router import Router
    from omega_domain.ports.task_queue import TaskQueue
    from omega_domain.repository.context import Context


def open_runtime(
    context: Context, *, broker_url: str, celeryconf: Mapping[str, Any] | None = None
) -> tuple[TaskQueue, Router]:
    """Return the queue and the router of a context; nothing is connected before the first task.

    Args:
        context: the context.
        broker_url: URL of the broker: ``amqp://…``, ``redis://…``, or ``filesystem:///folder`` for one machine.
        celeryconf: further settings of Celery.

    Raises:
        SettingsError: a setting is unknown, or would let anything but JSON travel.
    """
    from omega_celery.app import make_app  # noqa: PLC0415 -- celery takes a while to import
    from omega_celery.router import RegistryRouter  # noqa: PLC0415
    from omega_celery.task_queue import CeleryTaskQueue  # noqa: PLC0415

    app = make_app(broker_url, celeryconf or {})
    return CeleryTaskQueue(context, app), RegistryRouter(context)
