"""kill -9 of the store in the middle of tasks: what is confirmed stays, all tasks end, and nothing happens twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.cluster import Cluster, submit_mixed
from tests.servers.secantus import SecantusServer
from tests.servers.valkey import ValkeyServer

from omega_domain.errors import StoreUnavailableError

AWAY = 2.0


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[SecantusServer]:
    """A server whose confirmed writes are on the disk."""
    with SecantusServer(tmp_path / "server", sync_on_commit=True) as server:
        yield server


def test_all_tasks_end_when_the_store_comes_back(
    tmp_path: Path, mortal_server: SecantusServer, valkey: ValkeyServer
) -> None:
    # SecantusDB does not know after a restart which writes it has done; see test_mongo_kill
    url = mortal_server.url_of("omega", serverSelectionTimeoutMS=2_000, retryWrites="false")
    with Cluster(store_url=url, broker_url=valkey.url) as cluster:
        cluster.put_objects(tmp_path).worker()
        tasks = submit_mixed(cluster)
        tasks.wait_for_the_middle()
        mortal_server.kill()
        threading.Event().wait(AWAY)
        mortal_server.start()
        tasks.check(may_fail=[StoreUnavailableError])
