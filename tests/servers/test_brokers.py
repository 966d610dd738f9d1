"""The brokers of the tests: real servers that carry messages, keep what is durable, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty
from typing import Any

import kombu.connection
import psutil
import pytest
from tests.servers.brokers import HOST, PORTS, BrokerServer, free_ports
from tests.servers.fixtures import BROKERS
from tests.servers.rabbitmq import RabbitServer
from tests.servers.valkey import ValkeyServer

WITHIN = 20.0
PASSWORD = "p@ss/word"  # noqa: S105 -- of a server that lives for a test

_Connection: Any = kombu.connection.Connection  # not typed

# Starts a server, tells so, and waits to be killed.
RUN = """
import importlib, pathlib, signal, sys
module, name, folder = sys.argv[1:]
server = getattr(importlib.import_module(module), name)(pathlib.Path(folder)).start()
print(server.pid, flush=True)
signal.pause()
"""


def test_a_broker_carries_a_message(broker_url: str) -> None:
    name = new_name()
    with queue_at(broker_url, name) as queue:
        queue.put({"hello": [1, None, "ä"]}, serializer="json")
    assert taken(broker_url, name) == {"hello": [1, None, "ä"]}


def test_a_durable_message_survives_kill_9(new_broker: Callable[[], BrokerServer]) -> None:
    broker = new_broker()
    url, pid, name = broker.url, broker.pid, new_name()
    with queue_at(url, name) as queue:
        queue.put({"number": 7}, serializer="json", delivery_mode="persistent")
    broker.kill()
    assert not psutil.pid_exists(pid)
    broker.start()
    assert broker.url == url
    assert taken(url, name) == {"number": 7}


def test_a_durable_message_survives_a_stop(new_broker: Callable[[], BrokerServer]) -> None:
    broker, name = new_broker(), new_name()
    with queue_at(broker.url, name) as queue:
        queue.put({"number": 7}, serializer="json", delivery_mode="persistent")
    broker.restart()
    assert taken(broker.url, name) == {"number": 7}


def test_a_stop_leaves_no_process(new_broker: Callable[[], BrokerServer]) -> None:
    before = set(psutil.Process().children())
    broker = new_broker()
    assert broker.running
    assert alive_in(broker.folder)
    broker.stop()
    assert not broker.running
    wait_for(lambda: not alive_in(broker.folder))
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize("name", BROKERS)
def test_a_broker_ends_with_a_run_of_tests_that_is_killed(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    request.getfixturevalue(f"new_{name}")  # is it installed?
    made = {"valkey": ValkeyServer, "rabbitmq": RabbitServer}[name]
    command = [sys.executable, "-c", RUN, made.__module__, made.__name__, str(tmp_path / "broker")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as run:
        assert run.stdout is not None
        broker = int(run.stdout.readline())
        assert broker in {process.pid for process in alive_in(tmp_path)}
        run.kill()
    wait_for(lambda: not alive_in(tmp_path))


def test_a_broker_that_was_killed_by_others_starts_again(new_valkey: Callable[..., ValkeyServer]) -> None:
    broker = new_valkey()
    os.kill(broker.pid, signal.SIGKILL)
    wait_for(lambda: not broker.running)
    assert broker.start().running


def test_a_running_broker_is_not_started_twice(valkey: ValkeyServer) -> None:
    with pytest.raises(RuntimeError, match="runs already"):
        valkey.start()


def test_brokers_listen_on_this_machine_alone(valkey: ValkeyServer, rabbitmq: RabbitServer) -> None:
    for broker in (valkey, rabbitmq):
        listening = {
            connection.laddr.ip
            for process in alive_in(broker.folder)
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert HOST in listening
        assert listening <= {HOST, "::1"}  # epmd adds the latter by itself


def test_a_fresh_broker_takes_other_ports_if_somebody_was_faster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with socket.create_server((HOST, 0)) as somebody:
        ports = iter([(somebody.getsockname()[1],), free_ports(1)])
        monkeypatch.setattr("tests.servers.brokers.free_ports", lambda _: next(ports))
        with ValkeyServer(tmp_path) as broker:
            assert broker.port != somebody.getsockname()[1]


def test_a_broker_that_can_not_start_says_what_it_printed(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    with pytest.raises(OSError, match="data"):
        ValkeyServer(tmp_path).start()
    (tmp_path / "data").unlink()
    (tmp_path / "data" / "appendonlydir").mkdir(parents=True)
    (tmp_path / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("nonsense\n")
    with pytest.raises(RuntimeError, match="MANIFEST FILE ERROR"):
        ValkeyServer(tmp_path).start()


def test_a_valkey_can_ask_for_a_password(new_valkey: Callable[..., ValkeyServer]) -> None:
    broker, name = new_valkey(password=PASSWORD), new_name()
    with queue_at(broker.url, name) as queue:
        queue.put({"number": 7}, serializer="json")
    assert taken(broker.url, name) == {"number": 7}
    with socket.create_connection((HOST, broker.port), timeout=WITHIN) as stranger:
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")


def test_a_valkey_without_a_file_forgets(new_valkey: Callable[..., ValkeyServer]) -> None:
    broker, name = new_valkey(appendonly=False), new_name()
    with queue_at(broker.url, name) as queue:
        queue.put({"number": 7}, serializer="json")
    broker.restart()
    with queue_at(broker.url, name) as queue, pytest.raises(Empty):
        queue.get(block=False)


def test_a_valkey_starts_within_a_second(tmp_path: Path) -> None:
    began = time.monotonic()
    with ValkeyServer(tmp_path):
        assert time.monotonic() - began < 1


def test_ports_are_none_that_a_client_is_given() -> None:
    first, second = free_ports(2)
    assert first != second
    assert {first, second} <= set(PORTS)


def new_name() -> str:
    """The name of a queue of a test's own."""
    return f"omega.test.{uuid.uuid4().hex[:12]}"


@contextmanager
def queue_at(url: str, name: str) -> Iterator[Any]:
    """A durable queue of this name; RabbitMQ has a message on its disk when it confirms it, not when it gets it."""
    with (
        _Connection(url, transport_options={"confirm_publish": True}) as connection,
        connection.SimpleQueue(name) as queue,
    ):
        yield queue


def taken(url: str, name: str) -> Any:
    """Take the only message of a queue."""
    with queue_at(url, name) as queue:
        message = queue.get(timeout=WITHIN)
        message.ack()
        with pytest.raises(Empty):
            queue.get(block=False)
        return message.payload


def alive_in(folder: Path) -> list[psutil.Process]:
    """The processes that work in a folder."""
    return [process for process in psutil.process_iter() if works_in(process, folder)]


def works_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()).is_relative_to(folder) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:  # it has ended meanwhile, is a zombie, or is somebody else's
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
