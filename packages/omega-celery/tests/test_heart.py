"""The heart of a worker: what it renews, what it looks after, and what it does when store or broker are away."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from celery.worker import state
from structlog.testing import capture_logs

import omega_ml
from omega_celery import heartbeat as module
from omega_celery.heartbeat import Heart, running_tasks
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.patience import Patience
from omega_domain.entities.requirement import Worker
from omega_domain.entities.task import PENDING, STARTED, Task
from omega_domain.errors import BrokerUnavailableError, StoreUnavailableError, TaskTimeLimitError
from omega_domain.repository.context import Context
from omega_domain.tasks.dispatching import Dispatch
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult
from omega_domain.tasks.workers import WorkerRegistry

LEASE = Patience().lease
BREAK = timedelta(seconds=1)


class Cluster:
    """A context with a worker, whose heart beats when it is told to, and a broker that only remembers."""

    def __init__(self, factor: float) -> None:
        self.clock = ManualClock()
        patience = Patience().scaled(factor)
        self.context: Context = replace(omega_ml.setup(store="memory://").context, clock=self.clock, patience=patience)
        self.log = TaskRecords(self.context)
        self.registry = WorkerRegistry(self.context)
        self.running: list[str] = []
        self.published: list[str] = []
        self.is_broker_away = False
        self.dispatch = Dispatch(self.context, self._publish, lambda _: 0)
        self.worker = Worker(
            id="w1",
            name="worker@host",
            labels=("default",),
            capacity=1,
            packages={},
            seen=self.clock.now(),
            lease=patience.lease,
        )
        self.heart = Heart(self.context, self.dispatch, self.worker, lambda: self.running)

    def _publish(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        if self.is_broker_away:
            raise BrokerUnavailableError("the broker is away")
        self.published += [task.id for task in tasks if again]

    def submit(self, action: str = "fit") -> Task:
        """Submit a task."""
        task = Task(
            id=self.context.new_id(),
            action=action,
            kind="model",
            name="m",
            bucket="omega",
            context="default",
            submitted=self.clock.now(),
        )
        self.dispatch.record([[task]])
        return task

    def start(self, task: Task, holder: str = "w1") -> None:
        """Start a task in a worker."""
        assert self.log.start(task, worker="worker@host", holder=holder)

    def status(self, task: Task) -> str:
        """Return the status of a task."""
        return self.log.get(task.id).status


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Cluster:
    return Cluster(getattr(request, "param", 1))


@pytest.fixture
def hours(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> Callable[..., None]:
    """Let time pass, with beats as a healthy heart makes them."""
    now = [time.monotonic()]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    cluster.heart._last = now[0]

    def advance(by: timedelta, *, beats: bool = True) -> None:
        end = now[0] + by.total_seconds()
        while now[0] < end:
            step = min(cluster.context.patience.beat.total_seconds() if beats else end, end - now[0])
            now[0] += step
            cluster.clock.advance(timedelta(seconds=step))
            if beats:
                cluster.heart.beat()

    return advance


def test_a_worker_is_announced_and_withdrawn(cluster: Cluster) -> None:
    cluster.heart.beat()
    assert [worker.name for worker in cluster.registry.live()] == ["worker@host"]
    cluster.heart.close()
    cluster.heart.beat()
    assert cluster.registry.live() == []


def test_a_worker_lives_as_long_as_its_heart_beats(cluster: Cluster, hours: Callable[..., None]) -> None:
    hours(10 * LEASE)
    assert len(cluster.registry.live()) == 1
    hours(LEASE + BREAK, beats=False)
    assert cluster.registry.live() == []
    assert len(cluster.registry.dead()) == 1


def test_claims_on_running_tasks_are_renewed_also_while_the_worker_stops(
    cluster: Cluster, hours: Callable[..., None]
) -> None:
    task = cluster.submit()
    cluster.start(task)
    cluster.running = [task.id]
    hours(2 * LEASE)
    cluster.heart.close()
    hours(2 * LEASE)
    assert not list(cluster.log.expired())


def test_a_claim_on_a_task_that_does_not_run_is_not_renewed(cluster: Cluster, hours: Callable[..., None]) -> None:
    cluster.start(cluster.submit())
    hours(LEASE + BREAK, beats=False)
    assert len(list(cluster.log.expired())) == 1


def test_a_prediction_that_takes_long_is_recorded_as_started(cluster: Cluster) -> None:
    task = cluster.submit("predict")
    cluster.running = [task.id]
    cluster.heart.beat()
    assert cluster.status(task) == PENDING
    cluster.heart.beat()
    record = cluster.log.get(task.id)
    assert (record.status, record.worker, record.holder) == (STARTED, "worker@host", "w1")


def test_a_task_whose_process_died_is_given_to_the_broker_again(cluster: Cluster) -> None:
    task = cluster.submit()
    cluster.start(task)
    cluster.heart.lost(task.id)
    cluster.heart.beat()
    assert (cluster.published, cluster.status(task)) == ([task.id], PENDING)


def test_a_task_that_took_too_long_fails(cluster: Cluster) -> None:
    task = cluster.submit()
    cluster.start(task)
    cluster.heart.overran(task.id, 2.5)
    cluster.heart.beat()
    with pytest.raises(TaskTimeLimitError, match=r"took longer than its limit of 2.5 s on worker@host"):
        AsyncResult(cluster.log, task.id).get(1)


def test_what_can_not_be_done_now_is_done_later(cluster: Cluster) -> None:
    task = cluster.submit()
    cluster.start(task)
    cluster.heart.lost(task.id)
    cluster.is_broker_away = True
    with capture_logs() as lines:
        cluster.heart.beat()
    assert [(line["event"], line["reason"]) for line in lines] == [("no beat", "the broker is away")]
    cluster.is_broker_away = False
    cluster.heart.beat()
    assert cluster.published == [task.id]


def test_a_note_about_a_task_that_nobody_knows_is_logged_and_forgotten(cluster: Cluster) -> None:
    cluster.heart.lost("nobody")
    with capture_logs() as lines:
        cluster.heart.beat()
        cluster.heart.beat()
    assert [line["event"] for line in lines] == ["a task can not be looked after"]
    assert len(cluster.registry.live()) == 1


def test_lost_tasks_of_others_are_taken_up_by_a_steady_heart(cluster: Cluster, hours: Callable[..., None]) -> None:
    task = cluster.submit()
    cluster.start(task, holder="another")
    with capture_logs() as lines:
        hours(2 * LEASE + BREAK)
    assert (cluster.published, cluster.status(task)) == ([task.id], PENDING)
    assert ("gave lost tasks to the broker again", 1) in [(line["event"], line.get("tasks")) for line in lines]


def test_after_a_sleep_others_get_the_time_to_renew_their_claims(cluster: Cluster, hours: Callable[..., None]) -> None:
    hours(2 * LEASE)
    task = cluster.submit()
    cluster.start(task, holder="another")
    hours(LEASE + BREAK, beats=False)
    cluster.heart.beat()
    assert cluster.published == []
    hours(LEASE + BREAK)
    assert cluster.published == [task.id]


def test_a_worker_watches_for_as_long_as_the_most_patient_of_all(cluster: Cluster, hours: Callable[..., None]) -> None:
    task = cluster.submit()
    cluster.start(task, holder="another")
    cluster.registry.announce(replace(cluster.worker, name="slow@host", lease=3 * LEASE))
    hours(3 * LEASE - BREAK)
    assert cluster.published == []  # the slow one may live, and need that long to renew its leases
    hours(LEASE)
    assert cluster.published == [task.id]


@pytest.mark.parametrize("cluster", [0.2], indirect=True)
def test_a_worker_with_less_patience_takes_lost_tasks_up_sooner(cluster: Cluster, hours: Callable[..., None]) -> None:
    task = cluster.submit()
    cluster.start(task, holder="another")
    hours(2 * LEASE / 5)
    assert cluster.published == [task.id]


def test_a_worker_that_stops_takes_up_nothing(cluster: Cluster, hours: Callable[..., None]) -> None:
    cluster.start(cluster.submit(), holder="another")
    cluster.heart.close()
    hours(3 * LEASE)
    assert cluster.published == []


@pytest.mark.parametrize("error", [StoreUnavailableError("away"), ZeroDivisionError("a bug")])
def test_a_beat_that_fails_is_logged_and_the_next_one_comes(cluster: Cluster, error: Exception) -> None:
    def fail() -> list[str]:
        raise error

    heart = Heart(cluster.context, cluster.dispatch, cluster.worker, fail)
    with capture_logs() as lines:
        heart.beat()
    assert [line["event"] for line in lines] == ["no beat"]
    heart._running = list
    heart.beat()
    assert len(cluster.registry.live()) == 1


def test_a_heart_beats_by_itself_from_its_begin_to_its_end(cluster: Cluster) -> None:
    beats: list[float] = []

    def running() -> list[str]:
        beats.append(time.monotonic())
        return []

    cluster.heart._running = running
    with cluster.heart as heart:
        heart.begin()
        assert (heart.is_alive(), heart.daemon) == (True, True)
        before = len(beats)
        heart.begin()  # the broker was away, and is there again
        wait_for(lambda: len(beats) > before)
        assert len(cluster.registry.live()) == 1
        heart.close()
        wait_for(lambda: not cluster.registry.live())
    assert not heart.is_alive()


def test_a_heart_that_never_began_ends_without_a_word(cluster: Cluster) -> None:
    with cluster.heart:
        pass
    assert cluster.registry.live() == []


def test_the_tasks_that_run_are_those_of_celery(monkeypatch: pytest.MonkeyPatch) -> None:
    class Changing:
        """Changes while it is looked at, once."""

        looks = 0

        def __iter__(self) -> Iterator[Any]:
            self.looks += 1
            if self.looks == 1:
                raise RuntimeError("Set changed size during iteration")
            return iter([SimpleNamespace(id="a")])

    monkeypatch.setattr(state, "active_requests", Changing())
    assert running_tasks() == ["a"]


def wait_for(condition: Callable[[], bool]) -> None:
    """Ask until the answer is yes."""
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "it did not come about in time"
        time.sleep(0.01)
