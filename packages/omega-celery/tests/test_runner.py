"""The runner: which messages it runs, what follows, and how its process ends with its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from billiard.exceptions import SoftTimeLimitExceeded
from celery.exceptions import WorkerShutdown, WorkerTerminate
from structlog.testing import capture_logs

import omega_ml
from omega_celery.agreed import Seal
from omega_celery.runner import Runner, die_with_parent, is_stopping
from omega_domain.entities.requirement import Worker
from omega_domain.entities.task import PENDING, SUCCESS, Argument, Task
from omega_domain.errors import BrokerUnavailableError
from omega_domain.tasks.dispatching import Dispatch
from omega_domain.tasks.records import TaskRecords
from omega_domain.testing.task_queue import fill, register_backends

# Starts a child that lives for ever unless it ends with its parent, and tells its number.
PARENT = """
import os, signal, sys
from omega_celery.runner import die_with_parent
child = os.fork()
if child == 0:
    die_with_parent()
    print(os.getpid(), flush=True)
    signal.pause()
signal.pause()
"""


class Bench:
    """A runner with tasks for it, and a broker that only remembers."""

    def __init__(self) -> None:
        self.omega = omega_ml.setup(store="memory://")
        register_backends(self.omega.context)
        fill(self.omega)
        self.log = TaskRecords(self.omega.context)
        self.published: list[str] = []
        self.is_broker_away = False
        self.dispatch = Dispatch(self.omega.context, self._publish, lambda _: 0)
        now = self.omega.context.clock.now()
        worker = Worker(id="w1", name="worker@host", labels=("default",), capacity=1, packages={}, seen=now)
        self.seal = Seal(self.omega.context)
        self.runner = Runner(self.omega, self.dispatch, worker, self.seal)

    def _publish(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        if self.is_broker_away:
            raise BrokerUnavailableError("the broker is away")
        self.published += [task.id for task in tasks]

    def new_task(self, action: str = "predict") -> Task:
        """Return a task that reads a dataset."""
        return Task(
            id=self.omega.context.new_id(),
            action=action,
            kind="model",
            name="double",
            bucket="omega",
            context="default",
            args=(Argument("dataset", "x"),),
            submitted=self.omega.context.clock.now(),
        )

    def text_of(self, task: Task) -> str:
        """Return the envelope of a task as it was recorded."""
        return self.log.get(task.id).envelope

    def run(self, text: str, *, fresh: bool = True) -> str:
        """Run the message of a task; return what is logged."""
        with capture_logs() as lines:
            self.runner(text, seal=self.seal.of(text), fresh=fresh)
        return " ".join(line["event"] for line in lines)


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.mark.parametrize("fresh", [True, False])
def test_a_message_is_run_and_recorded(bench: Bench, fresh: bool) -> None:
    task = bench.new_task()
    bench.dispatch.record([[task]])
    assert bench.run(bench.text_of(task), fresh=fresh) == "ran"
    record = bench.log.get(task.id)
    assert (record.status, record.worker, bench.log.result(record)) == (SUCCESS, "worker@host", [2, 4, 6])


def test_a_message_that_comes_twice_is_run_once(bench: Bench) -> None:
    task = bench.new_task("fit")
    bench.dispatch.record([[task]])
    text = bench.text_of(task)
    assert [bench.run(text), bench.run(text, fresh=False)] == ["ran", "nothing to run"]
    assert len(bench.omega.models.versions("double")) == 2


def test_a_message_whose_seal_does_not_fit_is_not_even_read(bench: Bench) -> None:
    with capture_logs() as lines:
        bench.runner("{not JSON", seal="wrong", fresh=True)
    assert [line["log_level"] for line in lines] == ["warning"]


def test_the_end_of_a_stage_starts_the_next(bench: Bench) -> None:
    first, second = bench.new_task(), bench.new_task()
    bench.dispatch.record([[first], [second]])
    bench.run(bench.text_of(first))
    assert bench.published == [first.id, second.id]


def test_a_task_has_ended_well_though_the_next_can_not_be_started_now(bench: Bench) -> None:
    first, second = bench.new_task(), bench.new_task()
    bench.dispatch.record([[first], [second]])
    bench.is_broker_away = True
    assert bench.run(bench.text_of(first)) == "ran the next stage starts later"
    assert [bench.log.get(task.id).status for task in (first, second)] == [SUCCESS, PENDING]


@pytest.mark.parametrize(
    "error", [SystemExit(signal.SIGTERM - 256), KeyboardInterrupt(), WorkerShutdown(0), WorkerTerminate(1)]
)
def test_an_error_that_ends_the_process_is_no_fault_of_the_task(error: BaseException) -> None:
    assert is_stopping(error)


@pytest.mark.parametrize(
    "error", [SystemExit(3), SystemExit(-1), SystemExit("text"), SystemExit(), ValueError(), SoftTimeLimitExceeded()]
)
def test_an_error_of_a_task_ends_no_process(error: BaseException) -> None:
    assert not is_stopping(error)


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not end processes with their parents")
def test_a_process_ends_with_its_parent(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    give_up = time.monotonic() + 20
    with suppress(psutil.NoSuchProcess):
        while child.status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < give_up, "the child lives on"
            time.sleep(0.01)


def test_a_process_whose_parent_died_meanwhile_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    if sys.platform == "linux":
        monkeypatch.setattr("ctypes.CDLL", lambda *_, **__: type("C", (), {"prctl": lambda *_: 0})())
        parents, killed = iter([1000, 1]), []
        monkeypatch.setattr(os, "getppid", lambda: next(parents))
        monkeypatch.setattr(os, "kill", lambda *call: killed.append(call))
        die_with_parent()
        assert killed == [(os.getpid(), signal.SIGKILL)]
    monkeypatch.setattr(sys, "platform", "darwin")
    die_with_parent()
