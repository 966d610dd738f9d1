"""Connections to a broker that may be gone before they are closed."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from celery.app.amqp import AMQP
from kombu import Connection


class SteadyConnection(Connection):  # type: ignore[misc] # kombu brings no types
    """A connection that can be closed when its broker is gone.

    That of kombu fails then, if it was waiting for messages over Redis with unacknowledged ones at hand, and takes the
    worker with it: its channel wants to give these back by a transport that was dropped before.
    """

    def maybe_close_channel(self, channel: Any) -> None:
        """Close a channel; what can not be given back is brought again by others, see dispatching."""
        with suppress(AttributeError):
            super().maybe_close_channel(channel)


class SteadyAMQP(AMQP):  # type: ignore[misc] # the same
    """Has an app make such connections."""

    Connection = SteadyConnection
