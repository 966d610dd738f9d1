"""The patience of a cluster: the real times by default, those that tests and operators set, and workers that differ."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tests.faults.cluster import SOON, WITHIN, Cluster, process_of
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import PATIENCE, WorkerProcess

import omega_ml
from omega_domain.entities.patience import Patience
from omega_domain.tasks.workers import WorkerRegistry


def test_clusters_of_tests_have_the_patience_of_tests(tmp_path: Path, valkey: ValkeyServer) -> None:
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=valkey.url) as cluster:
        worker = cluster.worker(concurrency=1)
        patience = cluster.om.context.patience
        assert patience == omega_ml.setup(store="memory://", patience=PATIENCE).context.patience
        assert leases(cluster) == {worker.name: patience.lease}


def test_the_times_are_the_real_ones_unless_they_are_set(tmp_path: Path, valkey: ValkeyServer) -> None:
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=valkey.url, patience=None) as cluster:
        assert cluster.om.context.patience == Patience()
        worker = cluster.put_objects(tmp_path).worker(concurrency=1)
        assert leases(cluster) == {worker.name: timedelta(seconds=15)}
        held = cluster.hold(tmp_path / "go")
        process_of(tmp_path / "go")
        record = cluster.record(held)
        assert record.lease is not None
        assert record.started is not None
        assert record.lease - record.started >= timedelta(seconds=15)
        (tmp_path / "go").touch()
        assert held.get(timeout=SOON) == process_of(tmp_path / "go")


def test_a_worker_with_less_patience_leaves_others_the_time_that_they_take(
    tmp_path: Path, valkey: ValkeyServer
) -> None:
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=valkey.url, patience="0.5") as cluster:
        patient = cluster.put_objects(tmp_path).worker(concurrency=1)
        held = cluster.hold(tmp_path / "go")
        first = process_of(tmp_path / "go")
        with WorkerProcess({**cluster.env, "OMEGA_PATIENCE": "0.2"}, concurrency=1) as quick:
            assert leases(cluster) == {
                patient.name: cluster.om.context.patience.lease,
                quick.name: Patience().scaled(0.2).lease,
            }
            patient.kill_all()
            left = cluster.record(held)
            (tmp_path / "go").touch()
            assert held.get(timeout=WITHIN) != first
            record = cluster.record(held)
        assert record.attempts == 2
        assert record.started is not None
        assert left.lease is not None
        assert record.started >= left.lease


def leases(cluster: Cluster) -> dict[str, timedelta]:
    """Return the leases of the workers that live, by name."""
    return {worker.name: worker.lease for worker in WorkerRegistry(cluster.om.context).live()}
