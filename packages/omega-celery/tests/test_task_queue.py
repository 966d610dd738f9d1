"""The task queue: what is recorded and published, and what is said when the broker is away."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from tests.servers.brokers import BrokerServer

import omega_ml
from omega_celery import open_runtime
from omega_celery.router import RegistryRouter
from omega_celery.task_queue import CeleryTaskQueue
from omega_domain.entities.task import FAILURE, PENDING, Argument, Task
from omega_domain.errors import BrokerUnavailableError, ObjectNotFoundError, TaskCancelledError
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult

WORD = "s3cret"


@pytest.fixture
def new_queue() -> Callable[[str], CeleryTaskQueue]:
    """Return a queue of a fresh context in memory at each call."""

    def make(url: str, **celeryconf: Any) -> CeleryTaskQueue:
        context = omega_ml.setup(store="memory://").context
        queue, router = open_runtime(context, broker_url=url, celeryconf=celeryconf)
        assert isinstance(queue, CeleryTaskQueue)
        assert isinstance(router, RegistryRouter)
        return queue

    return make


@pytest.fixture
def queue(new_queue: Callable[[str], CeleryTaskQueue], broker_url: str) -> CeleryTaskQueue:
    """A queue on each broker; no worker lives."""
    return new_queue(broker_url)


def new_task(queue: CeleryTaskQueue, **fields: Any) -> Task:
    context = queue.dispatch._context
    task = Task(
        id=context.new_id(),
        action="run",
        kind="model",
        name="m",
        bucket="omega",
        context="default",
        submitted=context.clock.now(),
    )
    return replace(task, **fields)


def log_of(queue: CeleryTaskQueue) -> TaskRecords:
    return TaskRecords(queue.dispatch._context)


def waiting(queue: CeleryTaskQueue, label: str = "default") -> int | None:
    return queue._depth(label)


def test_a_task_is_recorded_and_waits_in_the_queue_of_its_label(queue: CeleryTaskQueue) -> None:
    task = new_task(queue, label="gpu")
    queue.submit([[task]])
    record = log_of(queue).get(task.id)
    assert (record.status, record.envelope, record.queued is not None) == (PENDING, task.to_json(), True)
    assert (waiting(queue, "gpu"), waiting(queue) or 0) == (1, 0)


def test_the_message_is_the_envelope_with_its_seal_and_nothing_else(queue: CeleryTaskQueue) -> None:
    task = new_task(queue, args=(Argument("value", "1"),))
    queue.submit([[task]])
    with queue.app.connection_for_read() as connection, connection.SimpleQueue(queue.names.of("default")) as messages:
        message = messages.get(timeout=10)
    args, kwargs, _ = message.decode()
    assert message.content_type == "application/json"
    assert (args, kwargs) == ([task.to_json(), False, queue.seal.of(task.to_json())], {})
    assert message.headers["argsrepr"] == "model m run"  # what monitors show: no data


def test_only_the_first_stage_is_published(queue: CeleryTaskQueue) -> None:
    first, second = new_task(queue), new_task(queue)
    queue.submit([[first], [second]])
    assert waiting(queue) == 1
    assert [log_of(queue).get(task.id).queued is None for task in (first, second)] == [False, True]


def test_nothing_is_submitted_if_there_is_nothing(queue: CeleryTaskQueue) -> None:
    queue.submit([])
    queue.submit([[]])
    assert not waiting(queue)


def test_many_threads_submit_at_once(queue: CeleryTaskQueue) -> None:
    tasks = [new_task(queue) for _ in range(60)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda task: queue.submit([[task]]), tasks))
    assert waiting(queue) == 60


def test_each_context_has_queues_of_its_own(new_queue: Callable[[str], CeleryTaskQueue], broker_url: str) -> None:
    one, other = new_queue(broker_url), new_queue(broker_url)
    one.submit([[new_task(one)]])
    assert (waiting(one), waiting(other) or 0) == (1, 0)


def test_a_waiting_task_can_be_cancelled_once(queue: CeleryTaskQueue) -> None:
    tasks = [new_task(queue) for _ in range(2)]
    queue.submit([tasks])
    ids = [task.id for task in tasks]
    assert (queue.cancel(ids), queue.cancel(ids)) == (2, 0)
    with pytest.raises(TaskCancelledError, match=r"run of 'm'\) was cancelled"):
        AsyncResult(log_of(queue), ids[0]).get(1)


def test_a_task_that_is_unknown_can_not_be_cancelled(queue: CeleryTaskQueue) -> None:
    with pytest.raises(ObjectNotFoundError, match="no task 'nobody'"):
        queue.cancel(["nobody"])


def test_the_first_submit_after_a_restart_of_the_broker_gets_through(
    new_queue: Callable[[str], CeleryTaskQueue], new_broker: Callable[[], BrokerServer]
) -> None:
    broker = new_broker()
    queue = new_queue(broker.url)
    queue.submit([[new_task(queue)]])
    broker.restart()
    queue.submit([[new_task(queue)]])
    assert waiting(queue) == 2


def test_a_broker_that_is_away_is_an_error_within_a_second_and_leaves_no_record(
    new_queue: Callable[[str], CeleryTaskQueue], new_broker: Callable[[], BrokerServer]
) -> None:
    broker = new_broker()
    queue = new_queue(broker.url)
    queue.submit([[new_task(queue)]])
    broker.kill()
    for _ in range(2):
        began = time.monotonic()
        with pytest.raises(BrokerUnavailableError, match=r"can not be reached .*nothing was submitted; start it"):
            queue.submit([[new_task(queue)], [new_task(queue)]])
        assert time.monotonic() - began < 1.5
    assert log_of(queue).counts()[PENDING] == 1
    assert waiting(queue) is None


def test_a_task_can_be_cancelled_while_the_broker_is_away(
    new_queue: Callable[[str], CeleryTaskQueue], new_broker: Callable[[], BrokerServer]
) -> None:
    broker = new_broker()
    queue, task = new_queue(broker.url), None
    task = new_task(queue)
    queue.submit([[task]])
    broker.kill()
    assert queue.cancel([task.id]) == 1
    assert log_of(queue).get(task.id).status == FAILURE


@pytest.mark.parametrize("url", [f"redis://:{WORD}@127.0.0.1:1/0", f"amqp://me:{WORD}@127.0.0.1:1//"])
def test_the_password_of_the_broker_is_not_told(new_queue: Callable[[str], CeleryTaskQueue], url: str) -> None:
    queue = new_queue(url)
    with pytest.raises(BrokerUnavailableError) as caught:
        queue.submit([[new_task(queue)]])
    symptoms = [str(symptom) for symptom in queue.diagnose()]
    shown = [queue.name, queue.broker, repr(queue), repr(queue.app), *symptoms]
    assert queue.broker.startswith(url.partition(WORD)[0])
    assert WORD not in "".join([*shown, *traceback.format_exception(caught.value)])


def test_a_wrong_password_is_an_error_that_says_so(
    new_queue: Callable[[str], CeleryTaskQueue], new_valkey: Callable[..., BrokerServer]
) -> None:
    broker = new_valkey(password=WORD)
    queue = new_queue(broker.url.replace(WORD, "wrong"))
    with pytest.raises(BrokerUnavailableError, match=r"(?i)password"):
        queue.submit([[new_task(queue)]])
    queue = new_queue(broker.url)
    queue.submit([[new_task(queue)]])
    assert waiting(queue) == 1
