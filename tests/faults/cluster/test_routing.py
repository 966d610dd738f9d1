"""Where tasks go: to workers of their label, who come and go; and what is said at once when nobody can run them."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from tests.faults.cluster import SOON, SUCCESS, WITHIN, Cluster, eventually, nap
from tests.servers.brokers import BrokerServer
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import WorkerProcess

from omega_backends.virtualobj import virtualobj
from omega_domain.errors import BrokerUnavailableError, NoWorkerError
from omega_domain.tasks.results import AsyncResult
from omega_domain.tasks.workers import WORKERS

AT_ONCE = 1.0
LARGE = pd.DataFrame({"x": [float(i) for i in range(300_000)]})
#: Names of the workers, and their labels.
STAFF = {"cpu": ("default",), "gpu": ("gpu",), "both": ("default", "gpu"), "cpu2": ("default",), "gpu2": ("gpu",)}


@pytest.fixture
def cluster(tmp_path: Path, valkey: ValkeyServer) -> Iterator[Cluster]:
    """A cluster without workers."""
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=valkey.url) as cluster:
        yield cluster.put_objects(tmp_path)


# -- routing -----------------------------------------------------------------------------------------------------------


def test_tasks_land_only_where_their_label_is_while_workers_come_and_go(cluster: Cluster) -> None:
    cluster.om.models.put(nap, "large", attributes={"require": {"label": "gpu"}})
    workers = {name: employ(cluster, name) for name in ("cpu", "gpu", "both")}
    tasks = submit_labelled(cluster, 100)
    workers["cpu"].process.send_signal(signal.SIGTERM)
    tasks += submit_labelled(cluster, 100)
    workers["cpu2"] = employ(cluster, "cpu2")
    workers["gpu"].process.send_signal(signal.SIGTERM)
    tasks += submit_labelled(cluster, 100)
    workers["gpu2"] = employ(cluster, "gpu2")
    tasks += submit_labelled(cluster, 100)  # the others may have done the rest before it was ready
    assert len(tasks) == 400
    eventually(lambda: all(result.ready() for _, result in tasks), within=WITHIN)
    assert {result.status for _, result in tasks} == {SUCCESS}
    assert {result.record.attempts for _, result in tasks} == {1}
    assert [str(result.record) for label, result in tasks if label not in labels_of(result)] == []
    assert {first_name(result) for _, result in tasks} == set(STAFF)
    assert [workers[name].process.wait(SOON) for name in ("cpu", "gpu")] == [0, 0]


def test_a_task_that_may_wait_runs_when_a_worker_comes(cluster: Cluster) -> None:
    waiting = cluster.om.runtime.require("tpu", wait=True).model("nap").run(0)
    assert waiting.status == "PENDING"
    assert cluster.om.runtime.queues()["tpu"] == 1
    with cluster.worker("tpu", concurrency=1):
        assert waiting.get(timeout=SOON) == 0


# -- pre-flight --------------------------------------------------------------------------------------------------------


def test_without_a_worker_a_task_is_refused_at_once(cluster: Cluster) -> None:
    message = refused(cluster, NoWorkerError)
    assert message == (
        "no worker lives, so nobody serves the label 'default'; start one by: om worker --label default, "
        "or let the task wait for one: om.runtime.require('default', wait=True)"
    )


def test_with_a_worker_of_another_label_a_task_is_refused_at_once(cluster: Cluster) -> None:
    with cluster.worker("gpu", "tpu", concurrency=1):
        assert "those that live serve 'gpu', 'tpu'" in refused(cluster, NoWorkerError)


def test_with_a_dead_worker_a_task_is_refused_at_once(cluster: Cluster) -> None:
    worker = cluster.worker(concurrency=1)
    worker.kill_all()
    long_ago = cluster.om.context.clock.now() - cluster.om.context.patience.lease - timedelta(seconds=1)
    entries = cluster.om.context.store.collection(WORKERS)
    assert entries.update_one({"name": worker.name}, {"$set": {"seen": long_ago}}).matched_count == 1
    message = refused(cluster, NoWorkerError)
    assert re.search(f"{worker.name} did, but was last heard of 0:00:[0-9]+ ago, so it must be dead", message)


def test_without_a_broker_a_task_is_refused_at_once(tmp_path: Path, new_broker: Callable[[], BrokerServer]) -> None:
    broker = new_broker()
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker.url) as cluster:
        cluster.put_objects(tmp_path).worker(concurrency=1)
        assert cluster.om.runtime.model("nap").run(0).get(timeout=SOON) == 0  # by a connection that will be dead
        broker.kill()
        message = refused(cluster, BrokerUnavailableError)
        assert f"127.0.0.1:{broker.port}" in message
        assert "can not be reached" in message
        assert "guest" not in message.replace("guest:**", "")
        broker.start()
        assert cluster.om.runtime.model("nap").run(0).get(timeout=SOON) == 0


def refused(cluster: Cluster, error: type[Exception]) -> str:
    """Return what is said when tasks are submitted, which must be at once, and leave nothing."""
    tasks, objects = sum(cluster.log.counts().values()), cluster.om.datasets.list(hidden=True)
    model = cluster.om.runtime.model
    submits: list[Callable[[], AsyncResult]] = [lambda: model("nap").run(0), lambda: model("line").predict(LARGE)]
    messages = []
    for submit in submits:
        start = time.monotonic()
        with pytest.raises(error) as raised:
            submit()
        assert time.monotonic() - start < AT_ONCE
        messages.append(str(raised.value))
    assert len(set(messages)) == 1
    assert sum(cluster.log.counts().values()) == tasks
    assert cluster.om.datasets.list(hidden=True) == objects
    return messages[0]


# -- start-up ----------------------------------------------------------------------------------------------------------


@virtualobj
def loaded() -> list[str]:
    """Return the libraries that the process which runs this has loaded."""
    import sys  # noqa: PLC0415 -- this function is stored by value

    return sorted({"pandas", "pyarrow", "sklearn"} & set(sys.modules))


def test_a_worker_is_ready_soon_and_loads_libraries_only_when_a_task_needs_them(cluster: Cluster) -> None:
    cluster.om.models.put(loaded, "loaded")
    worker = cluster.worker(concurrency=1)
    assert worker.ready_after < 10  # alone on a machine less than 3
    assert "sklearn" not in mapped(worker.process.pid)
    assert not {"pandas", "pyarrow", "sklearn"} & set(cluster.om.runtime.model("loaded").run().get(timeout=SOON))
    cluster.om.runtime.model("line").predict(pd.DataFrame({"x": [1.0]})).get(timeout=SOON)
    assert {"pandas", "sklearn"} <= set(cluster.om.runtime.model("loaded").run().get(timeout=SOON))


def mapped(pid: int) -> str:
    """Return the files that a process has mapped, those of compiled modules among them."""
    return Path(f"/proc/{pid}/maps").read_text()


# -- what the tests above share ----------------------------------------------------------------------------------------


def employ(cluster: Cluster, name: str) -> WorkerProcess:
    """Start one of the staff."""
    return cluster.worker(*STAFF[name], options=("--name", name))


def submit_labelled(cluster: Cluster, count: int) -> list[tuple[str, AsyncResult]]:
    """Submit so many tasks; return each with the label that it must land on."""
    runtime, frame = cluster.om.runtime, pd.DataFrame({"x": [0.0]})
    submits: list[tuple[str, Callable[[], AsyncResult]]] = [
        ("default", lambda: runtime.model("nap").run(0.02)),
        ("default", lambda: runtime.model("line").predict(frame)),
        ("gpu", lambda: runtime.require("gpu").model("line").predict(frame)),
        ("gpu", lambda: runtime.model("large").run(0.02)),
        ("default", lambda: runtime.require("default").model("large").run(0)),
    ]
    chosen = [submits[i % len(submits)] for i in range(count)]
    return [(label, submit()) for label, submit in chosen]


def first_name(result: AsyncResult) -> str:
    """Return the name of who has run a task, without the machine's."""
    return str(result.record.worker).partition("@")[0]


def labels_of(result: AsyncResult) -> tuple[str, ...]:
    """Return the labels of who has run a task."""
    return STAFF[first_name(result)]
