"""Connections whose broker has gone: what is still asked of them fails as a lost connection does, which is expected."""

from __future__ import annotations

from typing import Any

import pytest
from kombu.transport.redis import SentinelTransport, Transport
from tests.servers.brokers import BrokerServer

from omega_celery.app import make_app
from omega_celery.redis_transport import SteadySentinelTransport, SteadyTransport

QUEUE = "omega.test.connections"


@pytest.fixture
def connection(valkey: BrokerServer) -> Any:
    """A connection as workers have it."""
    return make_app(valkey.url, {}).connection_for_read()


def test_a_message_can_not_be_acknowledged_where_the_connection_was_dropped(connection: Any) -> None:
    queue = connection.SimpleQueue(QUEUE)
    queue.put("text")
    message = queue.get(timeout=20)
    connection._do_close_transport()  # as when the broker has gone
    message.channel._disconnect_pools()
    with pytest.raises(ConnectionError, match="the connection to the broker is gone") as raised:
        message.ack()
    assert isinstance(raised.value, connection.connection_errors)
    connection.maybe_close_channel(message.channel)


def test_a_channel_with_messages_can_be_closed_where_the_connection_was_dropped(connection: Any) -> None:
    queue = connection.SimpleQueue(QUEUE)
    queue.put("text")
    queue.get(timeout=20)
    connection._do_close_transport()
    queue.channel._disconnect_pools()
    connection.maybe_close_channel(queue.channel)
    assert queue.channel.closed


@pytest.mark.parametrize(
    ("url", "transport"),
    [
        ("redis://host", SteadyTransport),
        ("rediss://host", SteadyTransport),
        ("sentinel://host", SteadySentinelTransport),
    ],
)
def test_every_way_to_redis_is_steady(url: str, transport: type[Transport]) -> None:
    assert make_app(url, {}).connection_for_read().get_transport_cls() is transport
    assert issubclass(transport, Transport)
    assert issubclass(SteadySentinelTransport, SentinelTransport)


def test_other_brokers_are_spoken_to_as_kombu_does() -> None:
    assert make_app("memory://", {}).connection_for_read().get_transport_cls().__module__ == "kombu.transport.memory"
