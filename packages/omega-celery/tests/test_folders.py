"""The broker without a server: messages appear whole, are taken once, and outlive who is killed."""

from __future__ import annotations

import multiprocessing
import os
import stat
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu.asynchronous.hub import Hub
from kombu.entity import Exchange, Queue

from omega_celery.app import make_app
from omega_celery.folders import STALE, FolderTransport, MessageFolder, folder_of

SPAWN: SpawnContext = multiprocessing.get_context("spawn")
# kombu has types of its own that do not hold
new_exchange: Any = Exchange
new_queue: Any = Queue
new_hub: Any = Hub


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "broker"


@pytest.fixture
def open_connection(path: Path) -> Iterator[Callable[[], Any]]:
    """Open a connection to the same folder at each call, as processes do."""
    opened: list[Any] = []

    def connect() -> Any:
        opened.append(make_app(f"filesystem://{path}", {}).connection_for_write())
        return opened[-1]

    yield connect
    for connection in opened:
        connection.release()


def test_messages_are_taken_in_their_order(path: Path) -> None:
    folder = MessageFolder(path)
    for text in ("one", "zwö\n", "three"):
        folder.put(text)
    assert folder.size() == 3
    assert [folder.take() for _ in range(4)] == ["one", "zwö\n", "three", None]
    assert list(path.iterdir()) == []


def test_a_folder_that_is_not_there_is_empty(path: Path) -> None:
    folder = MessageFolder(path)
    assert (folder.size(), folder.take(), folder.clear()) == (0, None, 0)
    folder.tidy()
    assert not path.exists()


def test_a_folder_that_was_removed_is_made_again(path: Path) -> None:
    folder = MessageFolder(path)
    folder.put("one")
    assert folder.clear() == 1
    folder.put("two")
    assert folder.take() == "two"


def test_a_message_is_taken_once_by_whom_ever(path: Path) -> None:
    writer, folders = MessageFolder(path), [MessageFolder(path) for _ in range(4)]
    for number in range(400):
        writer.put(str(number))
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda number: folders[number % 4].take(), range(440)))
    assert sorted(int(text) for text in taken if text is not None) == list(range(400))


def produce(path: Path, start: int) -> None:
    folder = MessageFolder(path)
    for number in range(start, start + 300):
        folder.put(f"{number} {'x' * (200_000 if number % 10 == 0 else 0)}")


def consume(path: Path, done: Event, results: Any) -> None:
    folder, found = MessageFolder(path), []
    while (text := folder.take()) is not None or not done.is_set():
        if text is not None:
            found.append(int(text.split(" ")[0]))
            assert len(text) in {len(str(found[-1])) + 1, len(str(found[-1])) + 200_001}
    results.put(found)


def test_processes_neither_lose_nor_halve_a_message(path: Path) -> None:
    done, results = SPAWN.Event(), SPAWN.Queue()
    producers = [SPAWN.Process(target=produce, args=(path, 300 * number)) for number in range(2)]
    consumers = [SPAWN.Process(target=consume, args=(path, done, results)) for _ in range(2)]
    for process in (*consumers, *producers):
        process.start()
    for process in producers:
        process.join()
    done.set()
    found = [number for _ in consumers for number in results.get(timeout=60)]
    for process in consumers:
        process.join()
    assert sorted(found) == list(range(600))


def test_what_a_dead_process_has_left_half_done_goes_after_a_while(path: Path) -> None:
    folder = MessageFolder(path)
    folder.put("message")
    old, young = path / ".old", path / ".young"
    for half_done in (old, young):
        half_done.write_text("{")
    os.utime(old, (time.time() - STALE - 1,) * 2)
    folder.tidy()
    assert folder.size() == 1
    assert (old.exists(), young.exists()) == (False, True)


def test_nobody_else_may_look_into_the_folders(path: Path, open_connection: Callable[[], Any]) -> None:
    connection = open_connection()
    publish(connection, "queue", {"n": 1})
    new_queue("queue", new_exchange("exchange"), routing_key="key")(connection.channel()).declare()
    for folder in (path, path / "queues" / "queue", path / "bindings" / "exchange"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    assert folder_of("filesystem:///a%20b/%25/ü") == Path("/a b/%/ü")


# -- through kombu -----------------------------------------------------------------------------------------------------


def publish(connection: Any, queue: str, body: Any) -> None:
    connection.Producer().publish(body, exchange="", routing_key=queue, serializer="json")


def take(connection: Any, queue: str) -> Any:
    message = connection.default_channel.basic_get(queue)
    return None if message is None else message.decode()


@pytest.mark.parametrize("queue", ["omega.1.default", ".hidden", "a/../b", "größe", "a b@c", ".."])
def test_a_message_goes_from_connection_to_connection(open_connection: Callable[[], Any], queue: str) -> None:
    publish(open_connection(), queue, {"n": [1, "ü"]})
    reader = open_connection()
    assert take(reader, "another") is None
    assert take(reader, queue) == {"n": [1, "ü"]}
    assert take(reader, queue) is None


def test_a_queue_tells_how_many_messages_wait(open_connection: Callable[[], Any]) -> None:
    connection = open_connection()
    for number in range(3):
        publish(connection, "queue", number)
    channel = open_connection().channel()
    assert channel.queue_declare("queue", passive=True).message_count == 3
    assert channel.queue_purge("queue") == 3


def test_a_file_that_is_no_message_is_passed_over(path: Path, open_connection: Callable[[], Any]) -> None:
    connection = open_connection()
    publish(connection, "queue", 1)
    (path / "queues" / "queue" / "0").write_text("{not JSON")
    assert take(connection, "queue") == 1
    assert take(connection, "queue") is None


def test_a_message_to_all_gets_to_all_queues_of_an_exchange(open_connection: Callable[[], Any]) -> None:
    exchange = new_exchange("control", type="fanout")
    readers = [open_connection() for _ in range(2)]
    for number, reader in enumerate(readers):
        for _ in range(2):  # a second time changes nothing
            new_queue(f"worker{number}", exchange)(reader.channel()).declare()
    sender = open_connection()
    sender.Producer(exchange=exchange).publish("stop", serializer="json", declare=[exchange])
    assert [take(reader, f"worker{number}") for number, reader in enumerate(readers)] == ["stop", "stop"]


def test_a_queue_that_was_deleted_gets_no_more(open_connection: Callable[[], Any]) -> None:
    exchange, connection = new_exchange("control", type="fanout"), open_connection()
    queue = new_queue("worker", exchange)(connection.channel())
    queue.declare()
    queue.delete()
    connection.Producer(exchange=exchange).publish("stop", serializer="json")
    assert take(connection, "worker") is None


def test_a_queue_of_one_process_begins_empty(open_connection: Callable[[], Any]) -> None:
    publish(open_connection(), "worker", "stop that worker before you")
    connection = open_connection()
    new_queue("worker", new_exchange("control", type="fanout"), auto_delete=True)(connection.channel()).declare()
    assert take(connection, "worker") is None


def test_a_key_leads_to_its_queue(open_connection: Callable[[], Any]) -> None:
    exchange, reader = new_exchange("direct"), open_connection()
    for key in ("one", "two"):
        new_queue(key, exchange, routing_key=key)(reader.channel()).declare()
    open_connection().Producer(exchange=exchange).publish("x", routing_key="two", serializer="json", declare=[exchange])
    assert (take(reader, "one"), take(reader, "two")) == (None, "x")


def test_a_loop_delivers_what_comes_until_the_connection_is_closed(open_connection: Callable[[], Any]) -> None:
    connection, hub, found = open_connection(), new_hub(), []
    consumer = connection.Consumer([new_queue("queue")], callbacks=[lambda body, message: found.append(body)])
    consumer.qos(prefetch_count=2)
    consumer.consume()
    transport = connection.transport
    assert isinstance(transport, FolderTransport)
    for _ in range(2):
        transport.register_with_event_loop(connection.connection, hub)
    assert len(hub.on_tick) == 1
    sender = open_connection()
    for number in range(3):
        publish(sender, "queue", number)
    turn(hub, lambda: len(found) == 2)
    assert found == [0, 1]  # no more than it may have at a time
    connection.close()
    assert len(hub.on_tick) == 0
    hub.close()


def turn(hub: Any, condition: Callable[[], bool]) -> None:
    """Let a loop turn until something came about; its timer is what makes it turn."""
    give_up = time.monotonic() + 20
    loop = hub.create_loop()
    while not condition():
        assert time.monotonic() < give_up, "it did not come about in time"
        next(loop)


def test_a_connection_can_be_drained_without_a_loop(open_connection: Callable[[], Any]) -> None:
    with open_connection().SimpleQueue("queue") as queue:
        queue.put({"n": 1})
        assert queue.get(timeout=5).payload == {"n": 1}
        with pytest.raises(Empty):
            queue.get(timeout=0.1)


def test_a_folder_that_can_not_be_made_is_an_error_of_the_connection(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    connection = make_app(f"filesystem://{tmp_path}/file/broker", {}).connection_for_write()
    with pytest.raises(OSError, match="file/broker") as caught:
        connection.connect()
    assert isinstance(caught.value, connection.connection_errors)
    assert connection.transport.driver_version()
