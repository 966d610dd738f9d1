"""Connections to brokers: kombu's, with our own ways to some of them."""

from __future__ import annotations

from typing import Any

from celery.app.amqp import AMQP
from kombu.connection import Connection


class SteadyConnection(Connection):
    """A connection that a worker outlives, whatever becomes of its broker; see ``redis_transport``."""

    def get_transport_cls(self) -> Any:
        """Return what carries the messages."""
        if self.transport_cls in {"redis", "rediss"}:
            from omega_celery.redis_transport import SteadyTransport  # noqa: PLC0415 -- only where Redis is used

            return SteadyTransport
        if self.transport_cls == "sentinel":
            from omega_celery.redis_transport import SteadySentinelTransport  # noqa: PLC0415 -- the same

            return SteadySentinelTransport
        return super().get_transport_cls()  # type: ignore[no-untyped-call] # kombu's are not typed


class SteadyAMQP(AMQP):  # type: ignore[misc] # Celery brings no types
    """Has an app make such connections."""

    Connection = SteadyConnection
