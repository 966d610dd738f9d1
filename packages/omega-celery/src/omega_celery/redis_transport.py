"""Redis as kombu speaks it, but for what is asked of a channel whose connection was dropped."""

from __future__ import annotations

from typing import Any

from kombu.transport import redis


class _Dropped:
    """A channel that tells who still uses it when its connection is gone.

    That of kombu stumbles over the missing connection with an AttributeError, which nobody expects: a worker that
    acknowledges a message, or closes the channel, after its broker has gone, would end by it.
    """

    connection: Any

    def _connparams(self, asynchronous: bool = False) -> Any:  # noqa: FBT001, FBT002 -- kombu's signature
        if self.connection.client is None:
            raise ConnectionError("the connection to the broker is gone")
        return super()._connparams(asynchronous=asynchronous)  # type: ignore[misc] # a channel's


class SteadyChannel(_Dropped, redis.Channel):
    """A channel to Redis."""


class SteadySentinelChannel(_Dropped, redis.SentinelChannel):
    """A channel to the Redis that a sentinel names."""


class SteadyTransport(redis.Transport):
    """Redis."""

    Channel = SteadyChannel


class SteadySentinelTransport(redis.SentinelTransport):
    """Redis behind sentinels."""

    Channel = SteadySentinelChannel
