"""kill -9 of the broker in the middle of tasks, and one that hangs: all tasks end, and no worker is taken for dead."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.faults.cluster import SOON, SUCCESS, WITHIN, Cluster, eventually, process_of, submit_mixed
from tests.servers.brokers import BrokerServer
from tests.servers.valkey import ValkeyServer

from omega_domain.errors import BrokerUnavailableError
from omega_domain.tasks.results import AsyncResult

AWAY = 2.0


def test_all_tasks_end_when_a_broker_comes_back_with_its_data(
    tmp_path: Path, new_broker: Callable[[], BrokerServer]
) -> None:
    broker = new_broker()
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker.url) as cluster:
        cluster.put_objects(tmp_path).worker()
        tasks = submit_mixed(cluster)
        tasks.wait_for_the_middle()
        broker.kill()
        threading.Event().wait(AWAY)
        broker.start()
        tasks.check()


def test_all_tasks_end_when_a_broker_has_lost_its_data(tmp_path: Path, new_valkey: Callable[..., ValkeyServer]) -> None:
    broker = new_valkey(appendonly=False)
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker.url) as cluster:
        cluster.put_objects(tmp_path).worker()
        tasks = submit_mixed(cluster)
        tasks.wait_for_the_middle()
        broker.kill()
        shutil.rmtree(broker.folder / "data")
        threading.Event().wait(AWAY)
        broker.start()
        tasks.check()


def test_what_is_submitted_while_a_broker_dies_is_refused_or_runs(
    tmp_path: Path, new_valkey: Callable[..., ValkeyServer]
) -> None:
    broker = new_valkey()
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker.url) as cluster:
        cluster.put_objects(tmp_path).worker()
        accepted: list[AsyncResult] = []
        with killed_and_started(broker) as is_back:
            submit = [lambda: cluster.nap(0.0), lambda: cluster.om.runtime.model("fitted").fit("X", "Y")]
            for number in range(1_000_000):
                with suppress(BrokerUnavailableError):
                    accepted.append(submit[number % 20 == 0]())
                if is_back.is_set():
                    break
        eventually(lambda: all(result.ready() for result in accepted), within=WITHIN)
        assert {result.status for result in accepted} == {SUCCESS}
        recorded = cluster.om.runtime.recent(len(accepted) + 1)
        assert {record.id for record in recorded} == {result.id for result in accepted}
        fits = [result for result in accepted if result.record.action == "fit"]
        assert len(cluster.om.models.versions("fitted")) == 1 + len(fits)


def test_a_worker_keeps_its_claims_while_its_broker_hangs(
    tmp_path: Path, new_broker: Callable[[], BrokerServer]
) -> None:
    broker = new_broker()
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=broker.url) as cluster:
        worker = cluster.put_objects(tmp_path).worker(concurrency=2)
        held, killed = cluster.hold(tmp_path / "held"), cluster.hold(tmp_path / "killed")
        process_of(tmp_path / "held")
        process_of(tmp_path / "killed")
        with stopped(broker):
            os.kill(process_of(tmp_path / "killed"), signal.SIGKILL)  # so that the worker has to tell the broker
            for _ in range(3):
                wait_until_renewed(cluster, held)
                assert list(cluster.om.runtime.labels()) == [worker.name]
        (tmp_path / "held").touch()
        (tmp_path / "killed").touch()
        assert held.get(timeout=SOON) == process_of(tmp_path / "held")
        assert killed.get(timeout=WITHIN) == process_of(tmp_path / "killed")
        assert (held.record.attempts, killed.record.attempts) == (1, 2)


@contextmanager
def killed_and_started(broker: BrokerServer) -> Iterator[threading.Event]:
    """Kill a broker after a while and start it again; yield what is set some time after that."""
    is_back = threading.Event()

    def work() -> None:
        threading.Event().wait(AWAY / 4)
        broker.kill()
        threading.Event().wait(AWAY / 2)
        broker.start()
        threading.Event().wait(AWAY / 4)
        is_back.set()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield is_back
    finally:
        thread.join()


@contextmanager
def stopped(broker: BrokerServer) -> Iterator[None]:
    """Let a broker hang: it is there, takes connections, and answers nothing."""
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


def wait_until_renewed(cluster: Cluster, result: AsyncResult) -> None:
    """Wait until the lease on a running task is renewed."""
    before = cluster.record(result).lease
    eventually(lambda: cluster.record(result).lease != before, within=SOON / 3)
