"""Collecting: what tasks leave in the store, and what they still need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.task import Task
from omega_domain.errors import ObjectNotFoundError
from omega_domain.omega import Omega
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.parcels import LIMIT, reserved_store
from omega_domain.tasks.records import TaskRecords
from omega_domain.testing.task_queue import LARGE, fill, register_backends, temporaries
from omega_domain.upkeep.collecting import HISTORY_FOR, TEMPORARY_FOR, collect


class WaitingQueue(TaskQueue):
    """Records tasks, and holds them until it is told to run them."""

    def __init__(self, om: Omega) -> None:
        self._log = TaskRecords(om.context)
        self._executor = Executor(om.context)
        self.tasks: list[Task] = []

    @property
    def name(self) -> str:
        return "waiting"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self.tasks += [task for stage in stages for task in stage]
        self._log.announce(self.tasks)

    def work(self) -> None:
        for task in self.tasks:
            self._executor.execute(task.to_json())


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def om(clock: ManualClock) -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=clock)
    register_backends(om.context)
    return fill(om)


def test_data_that_a_waiting_task_needs_are_kept_however_long_it_waits(om: Omega, clock: ManualClock) -> None:
    queue = WaitingQueue(om)
    result = Omega(om.context, queue=queue, router=InProcessRouter()).runtime.model("double").predict(LARGE)
    clock.advance(10 * TEMPORARY_FOR)
    assert om.collect().objects == []
    assert len(temporaries(om)) == 1
    queue.work()
    assert len(result.get(1)) == len(LARGE)


def test_a_parcel_that_a_waiting_task_needs_is_kept_however_long_it_waits(om: Omega, clock: ManualClock) -> None:
    queue = WaitingQueue(om)
    text = "x" * (LIMIT + 1)
    Omega(om.context, queue=queue, router=InProcessRouter()).runtime.model("double").predict([1], note=text)
    clock.advance(10 * TEMPORARY_FOR)
    assert om.collect().objects == []
    assert len(temporaries(om)) == 1


def test_temporary_data_that_no_task_needs_are_removed_after_a_day(om: Omega, clock: ManualClock) -> None:
    reserved_store(om.context, om.bucket).put([1], ".omega/_temp/left")
    clock.advance(TEMPORARY_FOR)
    assert om.collect().objects == []
    clock.advance(timedelta(seconds=1))
    assert [str(name) for name in om.collect().objects] == ["omega:data/.omega/_temp/left"]


def test_temporary_data_that_are_put_again_while_collect_stands_still_are_kept(om: Omega, clock: ManualClock) -> None:
    reserved_store(om.context, om.bucket).put([1], ".omega/_temp/left")
    clock.advance(TEMPORARY_FOR + timedelta(seconds=1))

    class Pausing(MemoryMetadataStore):
        def heads(self, query: HeadQuery) -> list[Head]:
            found = om.context.metadata.heads(query)
            if query.starts_with:
                reserved_store(om.context, om.bucket).put([2], ".omega/_temp/left")
            return found

        def __getattribute__(self, name: str) -> Any:
            own = name == "heads" or name.startswith("__")
            return object.__getattribute__(self, name) if own else getattr(om.context.metadata, name)

    report = collect(replace(om.context, metadata=Pausing()))
    assert report.objects == []
    assert om.datasets.get(".omega/_temp/left") == [2]


def test_logs_are_removed_after_a_month(om: Omega, clock: ManualClock) -> None:
    om.logger.warning("old")
    clock.advance(HISTORY_FOR + timedelta(seconds=1))
    om.logger.warning("young")
    om.logger.dataset.get()  # what was logged is stored soon after
    assert om.collect(dry_run=True).log_records == 1
    assert om.collect().log_records == 1
    assert [record["message"] for record in om.logger.dataset.get()] == ["young"]


def test_records_of_tasks_are_removed_a_month_after_their_end(om: Omega, clock: ManualClock) -> None:
    old = om.runtime.model("double").predict("x")
    clock.advance(HISTORY_FOR)
    young = om.runtime.model("double").predict("x")
    assert om.collect().tasks == 0
    clock.advance(timedelta(seconds=1))
    assert om.collect(dry_run=True).tasks == 1
    assert om.runtime.result(old.id) == old
    assert om.collect().tasks == 1
    assert om.runtime.result(young.id) == young
    with pytest.raises(ObjectNotFoundError):
        om.runtime.result(old.id)
