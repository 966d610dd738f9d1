"""`om worker`: what it refuses before it starts, and that it works."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoints
from pathlib import Path
from typing import Any

import pytest
from tests.servers.brokers import BrokerServer
from tests.servers.workers import WorkerProcess

import omega_ml
from omega_domain.omega import Omega
from omega_ml import virtualobj

Run = Callable[..., Any]
OM = Path(sys.executable).parent / "om"


@pytest.fixture
def broker(home: Path, monkeypatch: pytest.MonkeyPatch, valkey: BrokerServer) -> None:
    """A context with a broker."""
    monkeypatch.setenv("OMEGA_BROKER_URL", valkey.url)


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        (["--label", ""], "it is empty"),
        (["--label", "gpu@1"], "@ ^ [ ] #"),
        (["--label", "gpu, default"], "write --label gpu --label default"),
        (["--concurrency", "0"], "0 is not in the range x>=1"),
        (["--concurrency", "x"], "'x' is not a valid int"),
        (["--pool", "fork"], "'prefork'"),
        (["--pool", "solo", "--concurrency", "2"], "the pool solo runs one task at a time"),
        (["--log-level", "LOUD"], "'DEBUG'"),
        (["--queues", "gpu"], "No such option"),
        (["gpu"], "'gpu' is no option"),
        (["--", "--colour"], "No such option '--colour'"),
        (["--", "--max-tasks-per-child", "x"], "'x' is not a valid integer"),
        (["--", "--queues", "gpu"], "use --label of om worker"),
        (["--", "--concurrency", "2"], "use --concurrency of om worker"),
        (["--", "--pool", "solo"], "use --pool of om worker"),
        (["--", "--hostname", "x"], "use --name of om worker"),
        (["--", "--detach"], "systemd"),
        (["--", "--purge"], "om runtime cancel"),
        (["--", "worker.prefetch_multiplier=2"], "celeryconf"),
    ],
)
def test_what_can_not_be_is_wrong_usage(om: Run, broker: None, args: list[str], problem: str) -> None:
    done = om("worker", *args)
    assert (done.code, done.out) == (2, "")
    assert problem in done.err
    assert done.err.startswith("om worker: ")
    assert done.err.count("\n") == 1


def test_a_worker_needs_a_broker(om: Run) -> None:
    done = om("worker")
    assert (done.code, done.out) == (1, "")
    assert "a worker needs a broker: set broker_url (OMEGA_BROKER_URL)" in done.err
    assert done.err.count("\n") == 1


def test_a_worker_needs_the_distributed_runtime(om: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_ml.plugins.entry_points", lambda **_: EntryPoints())
    done = om("worker")
    assert done.code == 1
    assert done.err == "om: workers need the distributed runtime, which is not installed: install omega-ml[celery]\n"


def test_the_help_tells_where_options_of_celery_stand() -> None:
    done = subprocess.run([OM, "worker", "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "\n  om worker --label gpu -- -E --max-tasks-per-child 100\n" in done.stdout


def test_options_of_celery_are_listed(broker: None) -> None:
    done = subprocess.run([OM, "worker", "--", "--help"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--max-memory-per-child" in done.stdout


@virtualobj
def process_id(data: Any = None, method: str | None = None, **kwargs: Any) -> int:
    import os

    return os.getpid()


def test_a_worker_runs_tasks_of_its_labels_with_options_of_celery(omega: Omega, home: Path, broker: None) -> None:
    omega.models.put(process_id, "process_id")
    pidfile = home / "worker.pid"
    options = ["--name", "box", "--", "-E", "--max-tasks-per-child", "1", "--pidfile", str(pidfile)]
    with WorkerProcess({}, labels=["gpu", "default"], concurrency=1, options=options) as worker:
        ready = worker.wait_for("worker ready")
        assert ready["worker"].startswith("box@")
        assert ready["labels"] == ["gpu", "default"]
        assert int(pidfile.read_text()) == worker.process.pid
        runtime = omega_ml.setup(home=home).runtime
        assert runtime.labels() == {ready["worker"]: ["gpu", "default"]}
        first, second = (runtime.require(label).model("process_id").run(1).get(60) for label in ("gpu", "default"))
        assert worker.process.pid != first != second
        assert worker.stop() == 0
    assert runtime.labels() == {}


def test_an_interrupt_stops_a_worker(home: Path, broker: None) -> None:
    with WorkerProcess({}, concurrency=1, options=["--pool", "solo"]) as worker:
        worker.process.send_signal(signal.SIGINT)
        assert worker.process.wait(60) == 0
        assert worker.wait_for("worker stopping")["how"] == "warm"
        assert worker.wait_for("worker stopped")


def test_json_is_the_form_of_lines_where_json_is_asked_for(home: Path, broker: None) -> None:
    with subprocess.Popen([OM, "--json", "worker", "--pool", "solo"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        lines: list[str] = []
        while not lines or (lines[-1] and "worker ready" not in lines[-1]):
            lines.append(process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert lines[-1], lines
    assert json.loads(lines[-1])["event"] == "worker ready"
