"""kill -9 of workers in the middle of tasks: others run these, each ends once, and what it does happens once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.cluster import Cluster, eventually, is_alive, submit_mixed


@pytest.fixture
def cluster(tmp_path: Path, broker_url: str) -> Iterator[Cluster]:
    """A cluster on each broker, with what its tasks need."""
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker_url) as cluster:
        yield cluster.put_objects(tmp_path)


def test_tasks_of_killed_workers_are_run_by_others(cluster: Cluster) -> None:
    first, second = cluster.worker(concurrency=1), cluster.worker(concurrency=1)
    tasks = submit_mixed(cluster)
    tasks.wait_for_the_middle()
    children = first.children()
    first.kill()
    second.kill_all()
    eventually(lambda: not any(map(is_alive, children)))  # they do not go on with what others take over
    cluster.worker()
    tasks.check()
    assert max(record.attempts for record in tasks.ended.values()) > 1
