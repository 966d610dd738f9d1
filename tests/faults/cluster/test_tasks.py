"""Tasks that end badly: their process is killed, they take too long, they are cancelled, or the worker is stopped."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.faults.cluster import SOON, WITHIN, Cluster, eventually, is_alive, process_of
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import WorkerProcess

from omega_domain.entities.task import PENDING, STARTED, SUCCESS
from omega_domain.errors import TaskCancelledError, TaskTimeLimitError, WorkerLostError

LONG = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, valkey: ValkeyServer) -> Iterator[Cluster]:
    """A cluster for all tests of this module."""
    folder = tmp_path_factory.mktemp("cluster")
    with Cluster(store_url=f"file://{folder}/store", broker_url=valkey.url) as cluster:
        yield cluster.put_objects(folder)


@pytest.fixture(scope="module")
def worker(cluster: Cluster) -> WorkerProcess:
    """The worker that all tests leave as they find it."""
    return cluster.worker(concurrency=2)


# -- processes that die ----------------------------------------------------------------------------------------------


def test_a_task_whose_process_is_killed_runs_again(cluster: Cluster, worker: WorkerProcess, tmp_path: Path) -> None:
    held, others = cluster.hold(tmp_path / "go"), [cluster.nap(0.1) for _ in range(4)]
    first = process_of(tmp_path / "go")
    os.kill(first, signal.SIGKILL)
    eventually(lambda: process_of(tmp_path / "go") != first)
    (tmp_path / "go").touch()
    assert held.get(timeout=SOON) == process_of(tmp_path / "go")
    assert held.record.attempts == 2
    assert [result.get(timeout=SOON) for result in others] == [0.1] * 4
    assert is_well(cluster, worker)


@pytest.mark.parametrize("action", ["run", "predict"])
def test_a_task_that_kills_its_process_fails_after_three_attempts(
    cluster: Cluster, worker: WorkerProcess, action: str
) -> None:
    model = cluster.om.runtime.model("die")
    poison = model.run(1) if action == "run" else model.predict(pd.DataFrame({"x": [1.0]}))
    others = [cluster.nap(0.1) for _ in range(8)]
    with pytest.raises(WorkerLostError, match=f"{action} of 'die' was started 3 times, and each time its worker died"):
        poison.get(timeout=SOON)
    assert poison.record.attempts == 3
    assert [result.get(timeout=SOON) for result in others] == [0.1] * 8
    assert is_well(cluster, worker)


# -- tasks that are ended --------------------------------------------------------------------------------------------


def test_a_task_that_takes_too_long_is_ended(cluster: Cluster, worker: WorkerProcess) -> None:
    start = time.monotonic()
    late = cluster.om.runtime.mode(timeout=1).model("nap").run(LONG)
    with pytest.raises(TaskTimeLimitError, match="run of 'nap' took longer than its limit of 1 s on worker"):
        late.get(timeout=SOON)
    assert time.monotonic() - start < SOON / 2
    assert late.record.attempts == 1
    assert is_well(cluster, worker)


def test_a_task_that_is_in_time_does_not_hear_of_its_limit(cluster: Cluster, worker: WorkerProcess) -> None:
    assert cluster.om.runtime.mode(timeout=LONG).model("nap").run(0.1).get(timeout=SOON) == 0.1


def test_a_running_task_is_cancelled(cluster: Cluster, worker: WorkerProcess, tmp_path: Path) -> None:
    running = cluster.hold(tmp_path / "never")
    pid = process_of(tmp_path / "never")
    assert cluster.om.runtime.cancel(running.id)
    with pytest.raises(TaskCancelledError, match=f"task {running.id} .run of 'hold'. was cancelled"):
        running.get(timeout=SOON)
    eventually(lambda: not is_alive(pid))
    assert running.record.attempts == 1
    assert not cluster.om.runtime.cancel(running.id)
    assert is_well(cluster, worker)


def test_a_waiting_task_is_cancelled(cluster: Cluster, worker: WorkerProcess, tmp_path: Path) -> None:
    held = [cluster.hold(tmp_path / name) for name in ("one", "two")]
    for name in ("one", "two"):
        process_of(tmp_path / name)
    waiting = cluster.hold(tmp_path / "three")
    assert cluster.om.runtime.cancel(waiting.id)
    with pytest.raises(TaskCancelledError):
        waiting.get(timeout=SOON)
    for name in ("one", "two"):
        (tmp_path / name).touch()
    assert all(result.get(timeout=SOON) for result in held)
    assert is_well(cluster, worker)
    assert not (tmp_path / "three.pid").exists()
    assert waiting.record.attempts == 0


# -- workers that are stopped ----------------------------------------------------------------------------------------


def test_a_stopped_worker_ends_what_it_runs_and_leaves_the_rest(cluster: Cluster, tmp_path: Path) -> None:
    stopped = cluster.worker("stopping", concurrency=1)
    runtime = cluster.om.runtime.require("stopping", always=True)
    held = runtime.model("hold").run(str(tmp_path / "go"))
    process_of(tmp_path / "go")
    rest = [runtime.model("nap").run(0.01) for _ in range(5)]
    stopped.process.terminate()
    stopped.wait_for("worker stopping")
    eventually(lambda: "stopping" not in labels(cluster))
    (tmp_path / "go").touch()
    assert stopped.process.wait(SOON) == 0
    assert (held.status, held.record.attempts) == (SUCCESS, 1)
    assert {result.status for result in rest} == {PENDING}
    with cluster.worker("stopping"):
        assert [result.get(timeout=SOON) for result in rest] == [0.01] * 5
    assert {result.record.attempts for result in rest} == {1}


def test_a_worker_that_is_stopped_at_once_leaves_its_task_to_others(cluster: Cluster, tmp_path: Path) -> None:
    stopped = cluster.worker("hurrying", concurrency=1)
    held = cluster.om.runtime.require("hurrying").model("hold").run(str(tmp_path / "go"))
    first = process_of(tmp_path / "go")
    stopped.process.send_signal(signal.SIGQUIT)
    assert stopped.process.wait(SOON) == 0
    assert not is_alive(first)
    assert held.status in {PENDING, STARTED}
    (tmp_path / "go").touch()
    with cluster.worker("hurrying"):
        assert held.get(timeout=WITHIN) != first
    assert held.record.attempts == 2


def labels(cluster: Cluster) -> set[str]:
    return {label for labels in cluster.om.runtime.labels().values() for label in labels}


def is_well(cluster: Cluster, worker: WorkerProcess) -> bool:
    """Tell whether a worker lives and runs tasks in two processes, none of which hangs."""
    frame = pd.DataFrame({"x": [0.0, 3.0]})
    predictions = [cluster.om.runtime.model("line").predict(frame) for _ in range(4)]
    assert all(np.allclose(result.get(timeout=SOON), [1.0, 7.0]) for result in predictions)
    assert {result.record.worker for result in predictions} == {worker.name}
    eventually(lambda: len(worker.children()) == 2)
    assert all("level" in line for line in worker.lines), "a line of its log is no JSON"
    return worker.process.poll() is None
