"""Workers: whose tasks they run, what they tell, and how they stop."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.seeds import times
from tests.servers.brokers import BrokerServer
from tests.servers.rabbitmq import RabbitServer
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import WorkerProcess

import omega_ml
from omega_backends.virtualobj import virtualobj
from omega_celery.task_queue import CeleryTaskQueue
from omega_celery.worker import run_worker
from omega_domain.entities.task import PENDING, STARTED, SUCCESS
from omega_domain.errors import (
    InvalidNameError,
    SettingsError,
    TaskCancelledError,
    TaskFailedError,
    TaskTimeLimitError,
    UnsupportedOptionError,
    WorkerLostError,
)
from omega_domain.omega import Omega
from omega_domain.testing.task_queue import fill, register_backends

WAIT = 60
WORD = "s3:cr@t"
ESCAPED = "s3%3Acr%40t"


@virtualobj
def sleep(data: Any, **_: Any) -> Any:
    """Take some seconds."""
    import time  # noqa: PLC0415 -- runs elsewhere

    time.sleep(data)
    return data


@virtualobj
def die(**_: Any) -> None:
    """End the process as the kernel does when there is no memory left."""
    import os  # noqa: PLC0415 -- runs elsewhere
    import signal  # noqa: PLC0415 -- the same

    os.kill(os.getpid(), signal.SIGKILL)


def depth(om: Omega, label: str = "default") -> int:
    assert isinstance(om.queue, CeleryTaskQueue)
    return om.queue._depth(label) or 0


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    give_up = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < give_up, "it did not come about in time"
        time.sleep(0.01)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The URL of a broker without a server."""
    return f"filesystem://{tmp_path}/broker"


@pytest.fixture(params=["valkey", "rabbitmq", "folder"])
def any_broker(request: pytest.FixtureRequest, folder: str) -> str:
    """The URL of each broker, that without a server included."""
    if request.param == "folder":
        return folder
    server: BrokerServer = request.getfixturevalue(request.param)
    return server.url


# -- whose tasks -------------------------------------------------------------------------------------------------------


def test_a_worker_serves_all_buckets(new_place: Callable[[str], Any], any_broker: str) -> None:
    place = new_place(any_broker)
    with place.worker():
        for bucket, number in (("omega", 1), ("a", 2), ("b", 3)):
            om = fill(place.open()[bucket])
            om.datasets.put([number], "x")
            meta = om.runtime.model("double").predict("x", rName="y").get(WAIT)
            assert (meta.bucket, om.datasets.get("y")) == (bucket, [2 * number])


def test_contexts_on_one_broker_do_not_see_the_tasks_of_each_other(
    new_place: Callable[[str], Any], any_broker: str
) -> None:
    one, other = new_place(any_broker), new_place(any_broker)
    here, there = fill(one.open()), fill(other.open())
    with one.worker() as worker:
        waiting = there.runtime.require("default", wait=True).model("double").predict("x")
        for _ in range(5):
            here.runtime.model("double").predict("x").get(WAIT)
        assert waiting.status == PENDING
        assert (list(here.runtime.labels()), there.runtime.labels()) == ([worker.name], {})
        with other.worker() as second:
            assert waiting.get(WAIT) == [2, 4, 6]
            assert list(there.runtime.labels()) == [second.name]
        assert waiting.id not in {line.get("task") for line in worker.lines}


def test_a_bucket_of_a_context_uses_the_broker_of_that_context(
    new_place: Callable[[str], Any], valkey: ValkeyServer, rabbitmq: RabbitServer
) -> None:
    default = new_place(valkey.url).open()
    custom = omega_ml.setup(store=new_place("").store, celeryconf={"broker_url": rabbitmq.url})["b"]
    register_backends(custom.context)
    fill(custom)
    custom.runtime.require("gpu", wait=True).model("double").predict("x")
    assert (depth(custom, "gpu"), depth(default, "gpu")) == (1, 0)
    assert custom.queue is custom["other"].queue
    assert "rabbitmq" not in repr(custom)
    assert f"amqp://guest:**@127.0.0.1:{rabbitmq.port}" in repr(custom)


@pytest.mark.parametrize("label", ["gpu box", "größe", "team/gpu", "x" * 200])
def test_a_label_may_be_any_name(new_place: Callable[[str], Any], any_broker: str, label: str) -> None:
    place = new_place(any_broker)
    om = fill(place.open())
    with place.worker(labels=(label,)):
        result = om.runtime.require(label).model("double").predict("x")
        assert result.get(WAIT) == [2, 4, 6]
        assert om.runtime.queues()[label] == 0


def test_a_worker_stays_with_its_broker_whatever_the_environment_says(
    new_place: Callable[[str], Any], valkey: ValkeyServer
) -> None:
    place = new_place(valkey.url)
    om = fill(place.open())
    elsewhere = "redis://127.0.0.1:1/0"
    names = ("BROKER_URL", "CELERY_BROKER_URL", "CELERY_BROKER_READ_URL", "RESULT_BACKEND", "CELERY_RESULT_BACKEND")
    others = {"APP": "nothing", "LOADER": "nothing", "CONFIG_MODULE": "nothing", "CELERY_CONFIG_MODULE": "nothing"}
    env = {**place.env, **dict.fromkeys(names, elsewhere), **others}
    with WorkerProcess(env, backends=True):
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]


# -- what is told ------------------------------------------------------------------------------------------------------


def test_a_worker_tells_where_it_works(new_place: Callable[[str], Any], valkey: ValkeyServer) -> None:
    place = new_place(valkey.url)
    with place.worker(labels=("default", "gpu", "gpu"), options=("--name", "box")) as worker:
        line = worker.wait_for("worker ready")
        queue = place.open().queue
        assert isinstance(queue, CeleryTaskQueue)
        assert line["worker"].startswith("box@")
        assert line["labels"] == ["default", "gpu"]
        assert line["queues"] == [queue.names.of("default"), queue.names.of("gpu")]
        assert (line["store"], line["broker"]) == (place.store, place.broker)
        assert (line["context"], line["pool"]) == ("default", "prefork of 1")


def test_workers_of_one_host_get_names_of_their_own(new_place: Callable[[str], Any], valkey: ValkeyServer) -> None:
    place = new_place(valkey.url)
    with place.worker() as one, place.worker() as two:
        names = {one.name, two.name}
        assert [name.partition("@")[0] for name in sorted(names)] == ["worker2", "worker"]
        assert set(place.open().runtime.labels()) == names


def test_neither_worker_nor_client_tell_the_password_of_the_broker(
    new_place: Callable[[str], Any], new_valkey: Callable[..., ValkeyServer]
) -> None:
    broker = new_valkey(password=WORD)
    place = new_place(broker.url)
    om = fill(place.open())
    with place.worker(options=("--log-level", "DEBUG")) as worker:
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]
        broker.kill()
        wait_for(lambda: "Cannot connect" in worker.log.read_text())
        shown = [repr(om), om._repr_html_(), str(om.runtime.status()), worker.log.read_text()]
    assert all(secret not in text for secret in (WORD, ESCAPED) for text in shown)
    assert ESCAPED in broker.url


def test_lines_for_people_come_without_json(new_place: Callable[[str], Any], valkey: ValkeyServer) -> None:
    place = new_place(valkey.url)
    with place.worker(options=("--log-format", "console"), wait=False) as worker:
        wait_for(lambda: "worker ready" in worker.log.read_text())
        assert not any("timestamp" in line for line in worker.lines)


def test_a_cancelled_task_leaves_no_warning(new_place: Callable[[str], Any], any_broker: str) -> None:
    place = new_place(any_broker)
    om = fill(place.open())
    om.models.put(sleep, "sleep")
    with place.worker() as worker:
        results = [om.runtime.model("sleep").run(60) for _ in range(3)]
        wait_for(lambda: results[0].status == STARTED)
        assert [om.runtime.cancel(result.id) for result in results] == [True] * 3
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]
        for result in results:
            with pytest.raises(TaskCancelledError):
                result.get(WAIT)
        lines = [line for line in worker.lines if line.get("logger") == "celery.worker.control"]
        assert {line["level"] for line in lines} == {"info"}


# -- processes; those of workers on Valkey and RabbitMQ are killed in tests/faults -------------------------------------


@pytest.mark.parametrize("pool", ["solo", "threads"])
def test_tasks_run_in_other_pools_too(new_place: Callable[[str], Any], any_broker: str, pool: str) -> None:
    place = new_place(any_broker)
    om = fill(place.open())
    with place.worker(options=("--pool", pool)) as worker:
        assert worker.children() == []
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]
        assert om.runtime.model("new").fit("x", "y").get(WAIT).version == 2
        assert worker.stop() == 0


def test_a_task_that_kills_its_process_fails_in_the_end_and_harms_no_other(
    new_place: Callable[[str], Any], folder: str
) -> None:
    place = new_place(folder)
    om = fill(place.open())
    om.models.put(die, "die")
    with place.worker(concurrency=2) as worker:
        poison = om.runtime.model("die").run()
        others = [om.runtime.model("new").fit("x", "y") for _ in range(5)]
        with pytest.raises(WorkerLostError, match="was started 3 times"):
            poison.get(WAIT)
        assert sorted(other.get(WAIT).version for other in others) == [2, 3, 4, 5, 6]
        assert worker.stop() == 0


def test_a_task_that_takes_too_long_is_ended(new_place: Callable[[str], Any], folder: str) -> None:
    place = new_place(folder)
    om = fill(place.open())
    om.models.put(sleep, "sleep")
    with place.worker() as worker:
        result = om.runtime.mode(timeout=1).model("sleep").run(60)
        with pytest.raises(TaskTimeLimitError, match="took longer than its limit of 1 s"):
            result.get(WAIT)
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]
        assert worker.stop() == 0


def test_a_soft_limit_of_celery_is_an_error_of_the_task(new_place: Callable[[str], Any], valkey: ValkeyServer) -> None:
    place = new_place(valkey.url)
    om = fill(place.open())
    om.models.put(sleep, "sleep")
    with place.worker(options=("--", "--soft-time-limit", "5")):
        with pytest.raises(TaskFailedError, match="SoftTimeLimitExceeded"):
            om.runtime.model("sleep").run(60).get(WAIT)
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]


def test_a_worker_that_is_stopped_ends_its_task_and_leaves_the_others(
    new_place: Callable[[str], Any], folder: str
) -> None:
    place = new_place(folder)
    om = fill(place.open())
    om.models.put(sleep, "sleep")
    with place.worker() as worker:
        running, *waiting = [om.runtime.model("sleep").run(0.7) for _ in range(3)]
        wait_for(lambda: running.status == STARTED)
        assert worker.stop() == 0
        assert running.status == SUCCESS
        assert om.runtime.labels() == {}
        assert [result.status for result in waiting] == [PENDING, PENDING]
    with place.worker():
        assert [result.get(WAIT) for result in waiting] == [0.7, 0.7]


def test_a_worker_stops_after_the_process_of_a_task_was_killed(new_place: Callable[[str], Any], folder: str) -> None:
    place = new_place(folder)
    om = fill(place.open())
    om.models.put(sleep, "sleep")
    with place.worker(concurrency=2) as worker:
        results = [om.runtime.model("sleep").run(60) for _ in range(4)]
        wait_for(lambda: [result.status for result in results].count(STARTED) == 2)
        before = set(worker.children())
        for result in results:
            om.runtime.cancel(result.id)
        wait_for(lambda: len(set(worker.children()) - before) == 2)
        os.kill(worker.children()[0], signal.SIGKILL)
        assert worker.stop() == 0


def test_all_tasks_on_a_folder_survive_the_kill_of_a_worker(new_place: Callable[[str], Any], folder: str) -> None:
    place, count = new_place(folder), times(100, soak=500)
    om = fill(place.open())
    with place.worker(concurrency=1) as one, place.worker(concurrency=1):
        with om.runtime.parallel() as crt:
            for number in range(count):
                crt.model("double").predict([number])
        result = crt.run()
        wait_for(lambda: om.runtime.status()["tasks"][SUCCESS] > 20)
        one.kill_all()
        assert result.getall(90) == [[2 * number] for number in range(count)]
    assert depth(om) == 0


# -- in this process ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "arguments", "error", "why"),
    [
        ({}, {}, SettingsError, r"a worker needs a broker: set broker_url \(OMEGA_BROKER_URL\)"),
        ({"broker_url": "memory://"}, {"labels": ["a\n"]}, InvalidNameError, "label"),
        ({"broker_url": "memory://"}, {"options": ["--nonsense"]}, UnsupportedOptionError, "nonsense"),
    ],
)
def test_what_can_not_work_is_refused_before_anything_starts(
    settings: Mapping[str, Any], arguments: Mapping[str, Any], error: type[Exception], why: str
) -> None:
    with pytest.raises(error, match=why):
        run_worker(omega_ml.setup(store="memory://", **settings), **arguments)
