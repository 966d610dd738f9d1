"""Workers that live, under which names."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.patience import Patience
from omega_domain.entities.requirement import Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.omega import Omega
from omega_domain.ports.router import Router
from omega_domain.repository.context import Context
from omega_domain.runtime.explaining import explain
from omega_domain.tasks import workers
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.workers import WORKERS, WorkerRegistry, installed_packages


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def context(clock: ManualClock) -> Context:
    return Context(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=clock)


@pytest.fixture
def registry(context: Context) -> WorkerRegistry:
    return WorkerRegistry(context)


def worker(context: Context, name: str = "worker@host", *labels: str, packages: dict[str, str] | None = None) -> Worker:
    return Worker(
        id=context.new_id(),
        name=name,
        labels=labels or ("default",),
        capacity=2,
        packages=installed_packages() if packages is None else packages,
        seen=context.clock.now(),
    )


def test_a_worker_lives_while_it_renews_its_entry(
    context: Context, clock: ManualClock, registry: WorkerRegistry
) -> None:
    mine = worker(context)
    for _ in range(3):
        registry.announce(mine)
        clock.advance(Patience().lease - timedelta(seconds=1))
        assert [each.name for each in registry.live()] == ["worker@host"]
    clock.advance(timedelta(seconds=1))
    assert registry.live() == []
    assert [each.name for each in registry.dead()] == ["worker@host"]


def test_a_worker_is_judged_by_its_own_lease_whatever_that_of_who_asks(context: Context, clock: ManualClock) -> None:
    of = {name: replace(context, patience=Patience().scaled(factor)) for name, factor in (("quick", 0.2), ("slow", 2))}
    for name, theirs in of.items():
        WorkerRegistry(theirs).announce(replace(worker(theirs, name), lease=theirs.patience.lease))
    clock.advance(timedelta(seconds=3))
    for theirs in of.values():
        registry = WorkerRegistry(theirs)
        assert [each.name for each in registry.live()] == ["slow"]
        assert [each.name for each in registry.dead()] == ["quick"]
        assert not registry._take_name(worker(theirs, "slow"))
        assert registry.longest_lease() == timedelta(seconds=30)


def test_a_worker_of_an_older_version_has_the_lease_that_it_had_there(
    context: Context, clock: ManualClock, registry: WorkerRegistry
) -> None:
    registry.announce(worker(context))
    context.store.collection(WORKERS).update_one({"_id": "worker@host"}, {"$unset": {"lease": ""}})
    quick = WorkerRegistry(replace(context, patience=Patience().scaled(0.2)))
    clock.advance(Patience().lease - timedelta(seconds=1))
    assert [each.name for each in quick.live()] == ["worker@host"]
    clock.advance(timedelta(seconds=1))
    assert quick.live() == []


def test_a_worker_that_stops_is_gone_at_once(context: Context, registry: WorkerRegistry) -> None:
    mine = worker(context)
    registry.announce(mine)
    registry.withdraw(mine)
    assert registry.live() == registry.dead() == []


def test_the_dead_are_forgotten_after_a_day(context: Context, clock: ManualClock, registry: WorkerRegistry) -> None:
    registry.announce(worker(context, "old@host"))
    clock.advance(timedelta(days=1, seconds=1))
    registry.withdraw(worker(context, "stopping@host"))
    assert registry.dead() == []


def test_each_live_worker_has_a_name_of_its_own(context: Context, clock: ManualClock, registry: WorkerRegistry) -> None:
    names = [registry.enlist(worker(context)).name for _ in range(3)]
    assert names == ["worker@host", "worker2@host", "worker3@host"]
    clock.advance(Patience().lease)
    assert registry.enlist(worker(context)).name == "worker@host"


def test_a_name_that_somebody_takes_meanwhile_is_not_taken_twice(
    context: Context, registry: WorkerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = registry.enlist(worker(context))
    with monkeypatch.context() as patch:
        patch.setattr(registry._workers, "find_one", lambda _: None)  # it was not there when it looked
        assert not registry._take_name(worker(context))
    assert [each.id for each in registry.live()] == [first.id]


def test_packages_that_are_not_installed_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PACKAGES", ("omega-domain", "nowhere-to-be-found"))
    assert sorted(installed_packages()) == ["omega-domain", "python"]


class _FixedRouter(Router):
    """Knows the workers that it is given."""

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers

    def resolve(self, requirement: Requirement) -> str:
        label = requirement.label or "default"
        if not requirement.wait and not any(label in each.labels for each in self._workers):
            raise NoWorkerError("nobody serves it")
        return label

    def workers(self) -> tuple[Worker, ...]:
        return self._workers

    def queue_of(self, label: str) -> str:
        return f"queue.{label}"


def test_it_is_explained_who_would_run_a_task_and_what_differs_there(context: Context) -> None:
    same = worker(context, "same@host", "gpu")
    other = worker(context, "other@host", "gpu", "default", packages={"python": "2.7", "extra": "1"})
    found = explain(_FixedRouter(same, other), TaskRecords(context), Requirement("gpu"), task="t", why="because")
    here = installed_packages()
    assert found == {
        "task": "t",
        "label": "gpu",
        "why": "because",
        "queue": "queue.gpu",
        "waiting": 0,
        "candidates": ["same@host", "other@host"],
        "differences": {
            "other@host": {"extra": [None, "1"], **{name: [version, None] for name, version in here.items()}}
            | {"python": [here["python"], "2.7"]}
        },
        "problem": None,
    }


def test_it_is_explained_why_nobody_would(context: Context) -> None:
    found = explain(_FixedRouter(), TaskRecords(context), Requirement(), task="t", why="the default")
    assert (found["candidates"], found["problem"]) == ([], "nobody serves it")
    waiting = explain(_FixedRouter(), TaskRecords(context), Requirement(wait=True), task="t", why="the default")
    assert (waiting["candidates"], waiting["problem"]) == ([], None)


def test_it_is_explained_that_this_process_runs_everything(context: Context) -> None:
    om = Omega(context)
    found = explain(om.router, TaskRecords(context), Requirement("gpu"), task="t", why="asked for")
    assert found["candidates"] == list(om.runtime.workers())
    local = explain(_FixedRouter(), TaskRecords(context), Requirement("gpu"), task="t", why="asked", here="local@here")
    assert (local["candidates"], local["queue"], local["problem"]) == (["local@here"], None, None)
