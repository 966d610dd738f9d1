"""What a worker does not run, and a client does not load, whoever has put it into the broker or the store."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kombu.connection import Connection
from kombu.entity import Exchange
from tests.servers.workers import WorkerProcess

from omega_backends.virtualobj import virtualobj
from omega_celery.app import RUN
from omega_celery.task_queue import CeleryTaskQueue
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import ObjectNotFoundError
from omega_domain.omega import Omega
from omega_domain.tasks.records import TASKS, TaskRecords

WAIT = 30
# kombu has types of its own that do not hold
new_connection: Any = Connection
new_exchange: Any = Exchange
PICKLE, YAML, JSON = "application/x-python-serialize", "application/x-yaml", "application/json"


class Bomb:
    """Makes a folder where it is brought to life."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    """The file that is there if a worker did what it must not do."""
    return tmp_path / "trace"


@pytest.fixture
def forged(om: Omega, trace: Path) -> Task:
    """A task that nobody has submitted; if it is run, it leaves a trace."""

    @virtualobj
    def leave_trace(data: Any, **_: Any) -> Any:
        Path(data).touch()
        return data

    om.models.put(leave_trace, "leave_trace")
    return Task(
        id=om.context.new_id(),
        action="run",
        kind="model",
        name="leave_trace",
        bucket=om.bucket,
        context=om.context.name,
        args=(Argument("value", json.dumps(str(trace))),),
        submitted=om.context.clock.now(),
    )


def queue_of(om: Omega) -> CeleryTaskQueue:
    assert isinstance(om.queue, CeleryTaskQueue)
    return om.queue


def to_broker(om: Omega) -> Any:
    """A way to the broker that is not ours."""
    return new_connection(queue_of(om).app.url)


def publish(om: Omega, body: bytes, content_type: str, headers: Mapping[str, Any] | None = None) -> None:
    """Put a message into the queue of the worker, as anybody can who reaches the broker."""
    with to_broker(om) as connection:
        producer = connection.Producer()
        producer.publish(
            body,
            exchange="",
            routing_key=queue_of(om).names.of("default"),
            content_type=content_type,
            content_encoding="utf-8" if content_type == JSON else "binary",
            headers=dict(headers or {}),
        )


def publish_task(om: Omega, *args: Any, task_id: str = "forged", name: str = RUN) -> None:
    """Put a message into the queue that is of the form of ours."""
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    publish(om, json.dumps([args, {}, embed]).encode(), JSON, headers_of(task_id, name))


def headers_of(task_id: str = "forged", name: str = RUN) -> dict[str, Any]:
    """The headers of a message of Celery."""
    return {"lang": "py", "task": name, "id": task_id, "root_id": task_id, "parent_id": None, "group": None}


def assert_lives(om: Omega) -> None:
    """A worker that runs one task at a time has been through all that came before this one."""
    assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]


def pickled(trace: Path) -> tuple[bytes, str]:
    return pickle.dumps(Bomb(trace)), PICKLE


def pickled_arguments(trace: Path) -> tuple[bytes, str]:
    return pickle.dumps(((Bomb(trace), False, ""), {}, {})), PICKLE


def yaml_of_a_call(trace: Path) -> tuple[bytes, str]:
    return yaml.dump(Bomb(trace)).encode(), YAML


def pickle_that_says_it_is_json(trace: Path) -> tuple[bytes, str]:
    return pickle.dumps(Bomb(trace)), JSON


@pytest.mark.parametrize("headers", [{}, headers_of()], ids=["without headers", "of a task"])
@pytest.mark.parametrize("make", [pickled, pickled_arguments, yaml_of_a_call, pickle_that_says_it_is_json])
def test_a_message_that_is_not_json_is_not_loaded(
    om: Omega, trace: Path, make: Callable[[Path], tuple[bytes, str]], headers: Mapping[str, Any]
) -> None:
    publish(om, *make(trace), headers)
    assert_lives(om)
    assert not trace.exists()


def test_the_attacks_of_these_tests_are_dangerous(tmp_path: Path) -> None:
    loads: list[tuple[Callable[[Path], tuple[bytes, str]], Callable[[bytes], object]]] = [
        (pickled, pickle.loads),
        (pickled_arguments, pickle.loads),
        (yaml_of_a_call, yaml.unsafe_load),
    ]
    for number, (make, load) in enumerate(loads):
        trace = tmp_path / str(number)
        load(make(trace)[0])
        assert trace.exists()


def test_a_command_to_workers_that_is_a_pickle_is_not_loaded(om: Omega, trace: Path) -> None:
    with to_broker(om) as connection:
        exchange = new_exchange("celery.pidbox", type="fanout", durable=False)
        body, content_type = pickled(trace)
        connection.Producer(exchange=exchange).publish(
            body, content_type=content_type, content_encoding="binary", declare=[exchange], headers={}
        )
    assert_lives(om)
    assert not trace.exists()


@pytest.mark.parametrize("seal", ["", "0" * 64, None, 1, ["x"]])
@pytest.mark.parametrize("action", ["run", "predict"])  # one that is recorded before it runs, one that is not
def test_a_task_of_somebody_who_can_not_open_the_store_is_not_run(
    om: Omega, forged: Task, trace: Path, action: str, seal: Any
) -> None:
    publish_task(om, replace(forged, action=action).to_json(), False, seal)
    assert_lives(om)
    assert not trace.exists()


def test_a_task_without_a_seal_is_not_run(om: Omega, forged: Task, trace: Path) -> None:
    publish_task(om, forged.to_json(), False)
    assert_lives(om)
    assert not trace.exists()


def test_a_task_with_the_seal_of_another_is_not_run(om: Omega, forged: Task, trace: Path) -> None:
    true = replace(forged, name="double")
    publish_task(om, forged.to_json(), False, queue_of(om).seal.of(true.to_json()))
    assert_lives(om)
    assert not trace.exists()


def test_a_task_with_the_seal_of_another_context_is_not_run(
    om: Omega, forged: Task, trace: Path, new_place: Callable[[str], Any]
) -> None:
    other = queue_of(new_place(queue_of(om).app.url).open())
    publish_task(om, forged.to_json(), False, other.seal.of(forged.to_json()))
    assert_lives(om)
    assert not trace.exists()


def test_a_task_that_was_never_recorded_is_not_run_though_its_seal_fits(om: Omega, forged: Task, trace: Path) -> None:
    publish_task(om, forged.to_json(), False, queue_of(om).seal.of(forged.to_json()))
    assert_lives(om)
    assert not trace.exists()


def test_a_task_whose_envelope_differs_from_its_record_is_not_run(om: Omega, forged: Task, trace: Path) -> None:
    log, text = TaskRecords(om.context), forged.to_json()
    log.announce([replace(forged, name="double")], queued=True)
    publish_task(om, text, False, queue_of(om).seal.of(text))
    assert_lives(om)
    assert not trace.exists()
    assert log.get(forged.id).attempts == 0


def test_what_is_run_leaves_a_trace(om: Omega, forged: Task, trace: Path) -> None:
    om.runtime.model(forged.name).run(str(trace)).get(WAIT)
    assert trace.exists()


@pytest.mark.parametrize("name", ["os.system", "celery.chord_unlock", "omega.nothing"])
def test_a_task_of_another_name_is_not_run(om: Omega, trace: Path, name: str) -> None:
    publish_task(om, f"touch {trace}", name=name)
    assert_lives(om)
    assert not trace.exists()


@pytest.mark.parametrize("arguments", [(), (1,), ("not JSON", False, ""), ({}, {}, {})])
def test_a_task_of_another_form_does_no_harm(om: Omega, worker: WorkerProcess, arguments: tuple[Any, ...]) -> None:
    children = worker.children()
    publish_task(om, *arguments)
    assert_lives(om)
    assert worker.children() == children


@pytest.mark.parametrize("result", [["value", pickle.dumps(Bomb(Path("x")))], ["claim", "missing"], ["value", "{"]])
def test_a_result_that_is_no_json_is_an_error_of_who_asks_for_it(
    om: Omega, result: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = om.runtime.model("double").predict("x")
    done.get(WAIT)
    om.context.store.collection(TASKS).update_one({"_id": done.id}, {"$set": {"result": result}})
    with pytest.raises((ValueError, ObjectNotFoundError)):
        om.runtime.result(done.id).get(WAIT)
    assert not (tmp_path / "x").exists()
