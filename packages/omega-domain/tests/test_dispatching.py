"""Dispatching: tasks get to workers, whatever the broker loses and whoever dies."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.patience import Patience
from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS, Argument, Task
from omega_domain.errors import (
    BrokerUnavailableError,
    ObjectNotFoundError,
    StoreUnavailableError,
    TaskCancelledError,
    TaskError,
    TaskTimeLimitError,
    WorkerLostError,
)
from omega_domain.omega import Omega
from omega_domain.ports.task_queue import SupportsCancel, TaskQueue
from omega_domain.repository.clocks import SKEW
from omega_domain.tasks.dispatching import RUNS, Dispatch
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.records import MAX_ATTEMPTS, TaskRecords
from omega_domain.tasks.results import AsyncResult
from omega_domain.testing.models import Affine
from omega_domain.testing.task_queue import LARGE, fill, register_backends, temporaries

PATIENCE = Patience()
AFTER_LEASE = PATIENCE.lease + timedelta(seconds=1)


class DyingError(BaseException):
    """The process of a worker dies here."""


class Broker(TaskQueue, SupportsCancel):
    """A queue over a broker that can be down, and whose messages one can see."""

    def __init__(self, om: Omega) -> None:
        self.messages: deque[tuple[Task, bool]] = deque()
        self.is_down = False
        self.dispatch = Dispatch(om.context, self._publish, lambda _: len(self.messages))

    @property
    def name(self) -> str:
        return "broker"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self.dispatch.record(stages)

    def cancel(self, task_ids: Sequence[str]) -> int:
        return sum(self.dispatch.cancel(task_id) for task_id in task_ids)

    def _publish(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        if self.is_down:
            raise BrokerUnavailableError("the broker is down")
        self.messages += ((task, again) for task in tasks)


class Cluster:
    """A context with a broker, and workers that are moved by hand."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = MemoryStore()
        base = Omega(metadata=MemoryMetadataStore(), store=self.store, clock=self.clock)
        register_backends(base.context)
        fill(base)
        self.broker = Broker(base)
        self.om = Omega(base.context, queue=self.broker, router=InProcessRouter())
        self.log = TaskRecords(base.context)

    @property
    def dispatch(self) -> Dispatch:
        return self.broker.dispatch

    def executor(self, holder: str = "w1", **options: Any) -> Executor:
        return Executor(self.om.context, worker=f"{holder}@host", holder=holder, **options)

    def work(self, holder: str = "w1", *, times: int | None = None) -> None:
        """Run what the broker has."""
        done = 0
        while self.broker.messages and (times is None or done < times):
            task, again = self.broker.messages.popleft()
            ended = self.executor(holder).execute(task.to_json(), fresh=not again)
            if ended:
                self.dispatch.ended(ended)
            done += 1

    def die(self, holder: str = "w1", *, when: str = "start") -> str:
        """Take a message and die with it; return the id of the task."""
        task, _ = self.broker.messages.popleft()
        if when == "start":
            assert self.log.start(task, worker=f"{holder}@host", holder=holder)
        else:
            with suppress(DyingError):
                _dying(self.executor(holder, is_stopping=lambda error: isinstance(error, DyingError)), task)
        return task.id


def _dying(executor: Executor, task: Task) -> None:
    """Run a task as a process does that dies before it can say what came of it."""

    def die(*_: Any, **__: Any) -> bool:
        raise DyingError

    executor._records.succeed = die  # type: ignore[method-assign] # the fault
    executor.execute(task.to_json())


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


class TestSubmitting:
    def test_a_task_is_recorded_before_the_broker_gets_it(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        record = result.record
        assert (record.status, record.queued is not None, record.attempts) == (PENDING, True, 0)
        assert Task.from_json(record.envelope) == cluster.broker.messages[0][0]
        cluster.work()
        assert result.get(1) == [2, 4, 6]
        assert (result.record.envelope, result.record.lease, result.record.worker) == ("", None, "w1@host")

    def test_without_a_broker_nothing_is_left(self, cluster: Cluster) -> None:
        cluster.broker.is_down = True
        with pytest.raises(BrokerUnavailableError):
            cluster.om.runtime.model("double").predict(LARGE)
        with cluster.om.runtime.sequence() as crt:
            crt.model("double").predict(LARGE)
            crt.model("next").predict()
        with pytest.raises(BrokerUnavailableError):
            crt.run()
        assert sum(cluster.om.runtime.status()["tasks"].values()) == 0
        assert temporaries(cluster.om) == []

    def test_no_tasks_are_nothing_to_do(self, cluster: Cluster) -> None:
        cluster.dispatch.record([[], []])
        assert list(cluster.broker.messages) == []

    def test_a_stage_starts_when_all_of_the_one_before_have_ended(self, cluster: Cluster) -> None:
        with cluster.om.runtime.mapreduce() as crt:
            for _ in range(3):
                crt.model("double").predict("x")
            crt.model("double").reduce()
        result = crt.run()
        for left in (2, 1, 0):
            assert len(cluster.broker.messages) == left + 1
            cluster.work(times=1)
        assert [task.action for task, _ in cluster.broker.messages] == ["reduce"]
        cluster.work()
        assert result.get(1) == [12, 12, 12]
        assert list(cluster.store.collection(RUNS).find()) == []

    def test_a_task_that_only_reads_is_recorded_once(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        task, _ = cluster.broker.messages[0]
        lease = cluster.log.begin(worker="w1@host", holder="w1")
        assert result.status == PENDING
        cluster.log.adopt(task.id, worker="w1@host", holder="w1")
        assert cluster.log.get(task.id).status == STARTED
        assert cluster.log.succeed(task, Argument("value", "1"), lease=lease)
        assert result.record.attempts == 1
        assert not cluster.log.succeed(task, Argument("value", "2"), lease=lease)
        assert result.get(1) == 1

    def test_a_task_that_writes_is_not_adopted(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("new").fit("x", "y")
        cluster.log.adopt(result.id, worker="w1@host", holder="w1")
        assert result.status == PENDING

    @pytest.mark.parametrize("change", [{"action": "score"}, {"bucket": "other"}, {"id": "unknown"}])
    def test_what_nobody_announced_just_so_is_not_started(self, cluster: Cluster, change: dict[str, Any]) -> None:
        result = cluster.om.runtime.model("new").fit("x", "y")
        task, _ = cluster.broker.messages.popleft()
        assert cluster.executor().execute(replace(task, **change).to_json()) is None
        assert result.status == PENDING


class TestLosing:
    def test_a_message_that_was_lost_is_given_again_when_nothing_waits(self, cluster: Cluster) -> None:
        lost = cluster.om.runtime.model("double").predict("x")
        cluster.broker.messages.clear()
        waiting = cluster.om.runtime.model("double").predict("y")
        cluster.clock.advance(PATIENCE.requeue)
        assert cluster.dispatch.sweep(["default"]) == 0
        cluster.clock.advance(timedelta(seconds=1))
        assert cluster.dispatch.sweep(["default"]) == 0, "something waits in the broker, so nothing is known to be lost"
        cluster.work()
        assert waiting.successful()
        assert cluster.dispatch.sweep(["gpu"]) == 0
        assert cluster.dispatch.sweep(["default"]) == 1
        assert cluster.dispatch.sweep(["default"]) == 0
        cluster.work()
        assert lost.get(1) == [2, 4, 6]

    def test_a_task_whose_worker_died_runs_again_when_its_lease_is_over(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("new").fit("x", "y")
        message = cluster.broker.messages[0]
        cluster.die()
        cluster.broker.messages.append(message)  # as a broker brings it again
        cluster.work("w2")
        assert result.status == STARTED
        cluster.clock.advance(AFTER_LEASE)
        assert cluster.dispatch.sweep([]) == 1
        cluster.work("w2")
        assert (result.get(1).version, result.record.attempts, result.record.worker) == (2, 2, "w2@host")

    def test_a_lease_that_is_renewed_holds(self, cluster: Cluster) -> None:
        cluster.om.runtime.model("new").fit("x", "y")
        task = cluster.die()
        for _ in range(5):
            cluster.clock.advance(PATIENCE.lease - timedelta(seconds=1))
            cluster.log.renew([task, "unknown"], holder="w1")
            assert cluster.dispatch.sweep(["default"]) == 0

    def test_who_has_lost_its_claim_ends_nothing(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").run(LARGE)
        task, _ = cluster.broker.messages.popleft()
        lease = cluster.log.start(task, worker="w1@host", holder="w1")
        assert lease is not None
        cluster.clock.advance(AFTER_LEASE)
        assert cluster.dispatch.sweep([]) == 1
        assert cluster.log.start_again(task, lease) is None
        assert not cluster.log.succeed(task, Argument("value", "1"), lease=lease)
        assert not cluster.log.fail(task, ValueError(), lease=lease)
        cluster.work("w2")
        assert result.get(1)["data"] == LARGE

    def test_a_large_result_of_a_lost_claim_is_dropped(self, cluster: Cluster) -> None:
        cluster.om.runtime.model("double").predict(LARGE, rName=None)
        task, _ = cluster.broker.messages[0]
        executor = cluster.executor()
        executor._records.succeed = lambda *_, **__: False  # type: ignore[method-assign] # the fault
        before = temporaries(cluster.om)
        assert executor.execute(task.to_json()) is None
        assert temporaries(cluster.om) == before

    @pytest.mark.parametrize("when", ["start", "end"])
    def test_what_a_task_puts_takes_effect_once(self, cluster: Cluster, when: str) -> None:
        result = cluster.om.runtime.model("new").fit("x", "y")
        for holder in ("w1", "w2"):
            cluster.die(holder, when=when)
            cluster.clock.advance(AFTER_LEASE)
            cluster.dispatch.sweep([])
        cluster.om.models.put(Affine(9), "new")
        cluster.work("w3")
        versions = [meta.version for meta in cluster.om.models.versions("new")]
        assert len(versions) == 3
        assert result.get(1).version == (2 if when == "end" else 3)
        assert result.record.attempts == 3

    def test_what_others_put_since_is_not_taken_for_the_tasks_own(self, cluster: Cluster) -> None:
        cluster.om.models.put(Affine(3), "new")
        cluster.clock.advance(2 * SKEW)
        result = cluster.om.runtime.model("new").fit("x", "y")
        cluster.die()
        cluster.clock.advance(AFTER_LEASE)
        cluster.dispatch.sweep([])
        cluster.work("w2")
        assert result.get(1).version == 3

    def test_data_in_memory_are_there_for_the_next_attempt(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").score(LARGE, [2 * x for x in LARGE])
        cluster.die(when="end")
        cluster.clock.advance(AFTER_LEASE)
        cluster.dispatch.sweep([])
        cluster.work("w2")
        assert result.get(1) == 0
        assert temporaries(cluster.om) == []

    def test_a_task_that_kills_its_workers_fails(self, cluster: Cluster) -> None:
        with cluster.om.runtime.sequence() as crt:
            poison = crt.model("new").fit(LARGE, LARGE)
            crt.model("new").predict("x")
        result = crt.run()
        for attempt in range(MAX_ATTEMPTS):
            cluster.die(f"w{attempt}")
            cluster.clock.advance(AFTER_LEASE)
            cluster.dispatch.sweep([])
        with pytest.raises(WorkerLostError, match=r"fit of 'new' was started 3 times.*w2@host"):
            poison.get(1)
        assert temporaries(cluster.om) == []
        cluster.work("w9")
        assert [each.status for each in result.results] == [FAILURE, FAILURE]

    def test_a_process_that_died_under_a_living_worker_is_seen_at_once(self, cluster: Cluster) -> None:
        written = cluster.om.runtime.model("new").fit("x", "y")
        cluster.dispatch.lost(cluster.die("w1"), holder="w1")
        read = cluster.om.runtime.model("double").predict("x")
        cluster.dispatch.lost(read.id, holder="w1")
        cluster.work("w1")
        assert (written.record.attempts, read.record.attempts) == (2, 2)
        cluster.dispatch.lost(read.id, holder="w1")
        assert list(cluster.broker.messages) == []

    def test_another_workers_task_is_not_taken_for_lost(self, cluster: Cluster) -> None:
        cluster.om.runtime.model("new").fit("x", "y")
        task = cluster.die("w1")
        cluster.dispatch.lost(task, holder="w2")
        cluster.dispatch.overran(task, holder="w2", seconds=1)
        assert cluster.log.get(task).status == STARTED

    def test_a_task_that_took_too_long_fails(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.mode(timeout=2).model("double").predict("x")
        task = cluster.die("w1")
        cluster.dispatch.overran(task, holder="w1", seconds=2)
        with pytest.raises(TaskTimeLimitError, match=r"predict of 'double' took longer than its limit of 2 s"):
            result.get(1)
        cluster.dispatch.overran(task, holder="w1", seconds=2)

    def test_two_who_revive_a_task_revive_it_once(self, cluster: Cluster) -> None:
        cluster.om.runtime.model("new").fit("x", "y")
        cluster.die()
        cluster.clock.advance(AFTER_LEASE)
        records = list(cluster.log.expired())
        assert [cluster.dispatch._revive(record) for record in records * 2] == [True, False]
        cluster.work("w2")
        assert not cluster.log.give_up(records[0], ValueError())
        assert cluster.dispatch._give_up(records[0], ValueError()) is False

    def test_a_run_that_is_stuck_between_two_stages_goes_on(self, cluster: Cluster) -> None:
        with cluster.om.runtime.sequence() as crt:
            for _ in range(3):
                crt.model("next").predict("x")
        result = crt.run()
        for _ in range(3):
            task, again = cluster.broker.messages.popleft()
            cluster.executor().execute(task.to_json(), fresh=not again)  # and dies before it says so
            assert list(cluster.broker.messages) == []
            cluster.dispatch.sweep(["default"])
            cluster.clock.advance(PATIENCE.stuck + timedelta(seconds=1))
            cluster.dispatch.sweep(["default"])
        assert result.successful()
        cluster.clock.advance(PATIENCE.stuck + timedelta(seconds=1))
        cluster.dispatch.sweep(["default"])
        assert list(cluster.store.collection(RUNS).find()) == []

    def test_a_stage_that_was_not_given_to_the_broker_is_given_later(self, cluster: Cluster) -> None:
        with cluster.om.runtime.sequence() as crt:
            crt.model("double").predict("x")
            last = crt.model("next").predict()
        crt.run()
        task, _ = cluster.broker.messages.popleft()
        cluster.executor().execute(task.to_json())
        cluster.broker.is_down = True
        with pytest.raises(BrokerUnavailableError):
            cluster.dispatch.ended(task)
        cluster.broker.is_down = False
        cluster.clock.advance(PATIENCE.requeue + timedelta(seconds=1))
        assert cluster.dispatch.sweep(["default"]) == 1
        cluster.work()
        assert last.get(1) == [3, 5, 7]

    def test_two_who_advance_a_run_start_its_stage_once(self, cluster: Cluster) -> None:
        with cluster.om.runtime.sequence() as crt:
            crt.model("double").predict("x")
            crt.model("next").predict()
        crt.run()
        task, _ = cluster.broker.messages.popleft()
        cluster.executor().execute(task.to_json())
        stale = cluster.store.collection(RUNS).find_one({"_id": task.run})
        assert stale is not None
        cluster.dispatch.ended(task)
        assert cluster.dispatch._next_stage(stale, left=0) is None
        assert len(cluster.broker.messages) == 1

    def test_two_who_see_after_a_run_do_so_once(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        with cluster.om.runtime.sequence() as crt:
            crt.model("double").predict("x")
            crt.model("next").predict()
        crt.run()
        task, _ = cluster.broker.messages.popleft()
        cluster.executor().execute(task.to_json())
        cluster.clock.advance(PATIENCE.stuck + timedelta(seconds=1))
        runs = cluster.dispatch._runs
        found, find = [entry for entry in runs.find() if "stage" in entry], runs.find

        def find_twice(wanted: Any, *args: Any, **kwargs: Any) -> Any:
            return iter(found * 2) if "touched" in wanted else find(wanted, *args, **kwargs)

        monkeypatch.setattr(runs, "find", find_twice)
        assert cluster.dispatch._sweep_runs() == 1

    def test_a_run_of_which_records_are_missing_ends(self, cluster: Cluster) -> None:
        with cluster.om.runtime.mapreduce() as crt:
            done = crt.model("double").predict("x")
            gone = crt.model("double").predict("y")
            last = crt.model("double").reduce()
        crt.run()
        cluster.work(times=1)
        cluster.broker.messages.clear()
        cluster.store.collection("omega.tasks").delete_many({"_id": gone.id})
        cluster.clock.advance(2 * PATIENCE.abandoned)
        cluster.dispatch.sweep(["default"])
        assert done.successful()
        with pytest.raises(TaskError, match=r"reduce of 'double'.*was not run"):
            last.get(1)
        assert list(cluster.store.collection(RUNS).find()) == []

    def test_a_count_that_is_wrong_starts_nothing_early(self, cluster: Cluster) -> None:
        with cluster.om.runtime.mapreduce() as crt:
            crt.model("double").predict("x")
            crt.model("double").predict("y")
            crt.model("double").reduce()
        crt.run()
        first = cluster.broker.messages[0][0]
        cluster.dispatch.ended(first)
        cluster.dispatch.ended(first)
        assert len(cluster.broker.messages) == 2


class TestCancelling:
    def test_a_task_that_waits_is_not_run(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("new").fit(LARGE, LARGE)
        assert cluster.om.runtime.cancel(result.id)
        with pytest.raises(TaskCancelledError, match="fit of 'new'"):
            result.get(1)
        assert temporaries(cluster.om) == []
        cluster.work()
        assert len(cluster.om.models.versions("new")) == 1
        assert not cluster.om.runtime.cancel(result.id)

    def test_what_a_cancelled_task_brings_is_left_out(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").run(1)
        task, _ = cluster.broker.messages.popleft()
        lease = cluster.log.start(task, worker="w1@host", holder="w1")
        assert lease is not None
        assert cluster.om.runtime.cancel(result.id)
        assert not cluster.log.succeed(task, Argument("value", "1"), lease=lease)
        assert result.status == FAILURE

    def test_a_task_that_a_process_runs_for_itself_can_be_cancelled(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        task = replace(cluster.broker.messages.popleft()[0], id="of its own")
        assert cluster.log.start(task, worker="local@host")
        assert cluster.dispatch.cancel("of its own")
        assert cluster.om.runtime.result("of its own").status == FAILURE
        assert result.status == PENDING

    def test_a_group_is_cancelled_as_a_whole(self, cluster: Cluster) -> None:
        with cluster.om.runtime.parallel() as crt:
            for _ in range(3):
                crt.model("double").predict("x")
        result = crt.run()
        cluster.work(times=1)
        assert cluster.om.runtime.cancel(result.id)
        assert [each.status for each in result.results] == [SUCCESS, FAILURE, FAILURE]

    def test_a_task_that_ends_meanwhile_has_ended(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        give_up: Callable[..., bool] = cluster.dispatch._records.give_up

        def too_late(*args: Any) -> bool:
            cluster.work()
            return give_up(*args)

        monkeypatch.setattr(cluster.dispatch._records, "give_up", too_late)
        assert not cluster.om.runtime.cancel(result.id)
        assert result.get(1) == [2, 4, 6]

    def test_tasks_of_this_process_can_not_be_cancelled_any_more(self, cluster: Cluster) -> None:
        om = Omega(cluster.om.context)
        assert not om.runtime.cancel(om.runtime.model("double").predict("x").id)
        with pytest.raises(ObjectNotFoundError):
            om.runtime.cancel("unknown")


class TestStopping:
    def test_a_worker_that_is_stopped_leaves_its_task_to_others(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").transform(LARGE, error="exit")
        task, _ = cluster.broker.messages[0]
        with pytest.raises(SystemExit):
            cluster.executor(is_stopping=lambda error: isinstance(error, SystemExit)).execute(task.to_json())
        assert result.status == STARTED
        assert len(temporaries(cluster.om)) == 1

    def test_a_task_that_exits_fails_and_its_worker_goes_on(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").transform("x", error="exit")
        cluster.work()
        assert result.status == FAILURE


class TestStoreAway:
    """The store is away during a task."""

    @pytest.fixture
    def away(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How often datasets can still not be read."""
        left = [0]
        metadata = type(cluster.om.datasets).metadata

        def reading(self: Any, name: Any, *args: Any, **kwargs: Any) -> Any:
            if left[0] and self.prefix == "data/":
                left[0] -= 1
                raise StoreUnavailableError("the store is away")
            return metadata(self, name, *args, **kwargs)

        monkeypatch.setattr(type(cluster.om.datasets), "metadata", reading)
        return left

    @pytest.mark.parametrize("fresh", [True, False])
    def test_a_model_is_used_again(self, cluster: Cluster, away: list[int], fresh: bool) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        away[0] = 2
        task, _ = cluster.broker.messages.popleft()
        assert cluster.executor(patience=5).execute(task.to_json(), fresh=fresh)
        assert result.get(1) == [2, 4, 6]

    def test_not_for_ever(self, cluster: Cluster, away: list[int]) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        away[0] = 99
        cluster.executor(patience=5).execute(cluster.broker.messages[0][0].to_json())
        with pytest.raises(StoreUnavailableError):
            result.get(1)
        assert result.record.attempts == MAX_ATTEMPTS

    def test_a_record_is_written_when_the_store_is_back(
        self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        executor, failures = cluster.executor(patience=5), [3]
        succeed = executor._records.succeed

        def failing(*args: Any, **kwargs: Any) -> bool:
            if failures[0]:
                failures[0] -= 1
                raise StoreUnavailableError("the store is away")
            return succeed(*args, **kwargs)

        monkeypatch.setattr(executor._records, "succeed", failing)
        assert executor.execute(cluster.broker.messages[0][0].to_json())
        assert result.get(1) == [2, 4, 6]

    def test_a_store_that_stays_away_is_given_up(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        executor = cluster.executor(patience=0.2)

        def failing(*_: Any, **__: Any) -> bool:
            raise StoreUnavailableError("the store is away")

        monkeypatch.setattr(executor._records, "succeed", failing)
        with pytest.raises(StoreUnavailableError):
            executor.execute(cluster.broker.messages[0][0].to_json())
        assert result.status == STARTED


class TestWaiting:
    """Results that are waited for, and tasks that wait."""

    def test_a_result_is_waited_for_without_end(self, cluster: Cluster) -> None:
        result = cluster.om.runtime.model("double").predict("x")
        worker = threading.Timer(0.1, cluster.work)
        worker.start()
        assert result.get() == [2, 4, 6]
        worker.join()

    def test_labels_that_nobody_serves_are_counted_if_something_waits_for_them(self, cluster: Cluster) -> None:
        cluster.om.runtime.require("tpu", wait=True).model("double").predict("x")
        assert cluster.om.runtime.queues() == {"default": 0, "tpu": 1}


class Chaos:
    """Workers that die at any moment, and a broker that drops, doubles and mixes messages."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 -- chaos, no secret
        self.cluster = Cluster()
        self.workers = 0

    def shake(self) -> None:
        messages = self.cluster.broker.messages
        if messages and self.random.random() < 0.2:
            messages.popleft()
        if messages and self.random.random() < 0.2:
            messages.append(messages[0])
        if self.random.random() < 0.3:
            mixed = list(messages)
            self.random.shuffle(mixed)
            messages.clear()
            messages.extend(mixed)

    def step(self) -> None:
        cluster = self.cluster
        self.shake()
        self.workers += 1
        fate = self.random.choice(["well", "well", "well", "start", "end", "before ended"])
        if cluster.broker.messages and fate in {"start", "end"}:
            with suppress(AssertionError):  # there was nothing to start
                cluster.die(f"w{self.workers}", when=fate)
        elif cluster.broker.messages and fate == "before ended":
            task, again = cluster.broker.messages.popleft()
            cluster.executor(f"w{self.workers}").execute(task.to_json(), fresh=not again)
        else:
            cluster.work(f"w{self.workers}", times=2)
        cluster.clock.advance(timedelta(seconds=self.random.choice([0, 1, 20])))
        cluster.dispatch.sweep(["default"])


@given(seed=st.integers(0, 2**32))
def test_every_task_ends_and_its_puts_take_effect_once(seed: int) -> None:
    chaos = Chaos(seed)
    om = chaos.cluster.om
    results: list[AsyncResult] = [om.runtime.model("double").predict("x"), om.runtime.model("new").fit("x", "y")]
    with om.runtime.sequence() as crt:
        results += [crt.model("next").fit("x", "y") for _ in range(3)]
    crt.run()
    with om.runtime.mapreduce() as crt:
        results += [crt.model("double").predict("x") for _ in range(3)]
        results.append(crt.model("double").reduce())
    crt.run()
    for _ in range(300):
        if all(result.ready() for result in results):
            break
        chaos.step()
    chaos.cluster.clock.advance(timedelta(hours=1))
    for _ in range(20):
        chaos.cluster.dispatch.sweep(["default"])
        chaos.cluster.work("last")
        chaos.cluster.clock.advance(timedelta(minutes=2))
    for result in results:
        assert result.ready(), result.record
        assert result.status == SUCCESS or result.traceback
    fitted = [result for result in results[1:5] if result.status == SUCCESS]
    for result in fitted:
        assert result.get(1).version > 1
    assert len({(result.get(1).name, result.get(1).version) for result in fitted}) == len(fitted)
    versions = len(om.models.versions("new")) + len(om.models.versions("next")) - 2
    failed_late = sum(result.status == FAILURE for result in results[1:5])
    assert len(fitted) <= versions <= len(fitted) + failed_late
