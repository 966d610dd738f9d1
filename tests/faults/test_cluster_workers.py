"""kill -9 of workers and of their processes: every task ends once, and what it does to the store happens once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.faults.cluster import Cluster, submit_mixed
from tests.servers.workers import WorkerProcess


@pytest.fixture
def cluster(tmp_path: Path, broker_url: str) -> Iterator[Cluster]:
    """A cluster on each broker, with what its tasks need."""
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker_url) as cluster:
        yield cluster.put_objects(tmp_path)


@pytest.mark.parametrize("kill", [WorkerProcess.kill, WorkerProcess.kill_all])
def test_tasks_of_a_killed_worker_are_run_by_another(cluster: Cluster, kill: Callable[[WorkerProcess], None]) -> None:
    victim = cluster.worker()
    tasks = submit_mixed(cluster)
    tasks.wait_for_the_middle()
    kill(victim)
    cluster.worker()
    tasks.check()
