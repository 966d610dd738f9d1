"""Commands on workers and logs, by the registry, on the memory adapters."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands import logs
from omega_domain.commands.logs import FollowLog, ReadLog
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
from omega_domain.commands.task_facts import WorkerFacts
from omega_domain.commands.workers import AskWorkers
from omega_domain.entities.requirement import Worker
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import InvalidFilterError, ObjectNotFoundError
from omega_domain.logbook.records import FIELDS
from omega_domain.omega import Omega
from omega_domain.tasks.execution import local_worker
from omega_domain.tasks.records import TaskRecords

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def om() -> Omega:
    return Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), router=InProcessRouter(["gpu", "cpu"]))


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


# -- workers ----------------------------------------------------------------------------------------------------------


def test_workers_are_told_with_their_labels(om: Omega) -> None:
    assert run(om, "workers.labels", AskWorkers()) == [{"worker": local_worker(), "labels": ["gpu", "cpu"]}]


def test_workers_are_told_with_all_facts(om: Omega) -> None:
    (worker,) = run(om, "workers.list", AskWorkers())
    (known,) = om.runtime.workers().values()
    assert worker == {**known, "seen": worker["seen"]}
    assert str(core_commands()["workers.list"].right_of(om, AskWorkers())) == "runtime:read"


def test_queues_are_told_with_the_workers_that_serve_them(om: Omega) -> None:
    assert run(om, "workers.queues", AskWorkers()) == [
        {"label": "cpu", "waiting": 0, "workers": 1},
        {"label": "default", "waiting": 0, "workers": 0},
        {"label": "gpu", "waiting": 0, "workers": 1},
    ]


def test_workers_answer(om: Omega) -> None:
    assert run(om, "workers.ping", AskWorkers()) == [{"worker": local_worker(), "answer": "pong"}]


def test_a_worker_has_words_for_people() -> None:
    facts = WorkerFacts.of(Worker(name="w", labels=("gpu",), seen=NOON), NOON + timedelta(seconds=3))
    assert facts.age == timedelta(seconds=3)
    assert facts.row == {"name": "w", "labels": ["gpu"], "capacity": 1, "seen": "3 s ago"}


# -- logs -------------------------------------------------------------------------------------------------------------


@dataclass
class Pauses:
    """What happens between two looks at the log that is followed."""

    happens: list[Any]

    def sleep(self, seconds: float) -> None:
        assert seconds == logs.PAUSE
        self.happens.pop(0)()


def announced(om: Omega, task_id: str) -> Task:
    task = Task(
        id=task_id, action="fit", kind="model", name="m", bucket="omega", context="default", submitted=datetime.now(UTC)
    )
    TaskRecords(om.context).announce([task])
    return task


def end(om: Omega, task: Task) -> None:
    lease = TaskRecords(om.context).start(task, worker="w")
    assert lease
    TaskRecords(om.context).succeed(task, Argument("value", "1"), lease=lease)


def messages(found: Iterator[Any] | list[Any]) -> list[str]:
    return [to_plain(record)["message"] for record in found]


def test_what_was_logged_is_read_oldest_first(om: Omega) -> None:
    for number in range(3):
        om.logger.warning("step %d", number)
    found = run(om, "logs.read", ReadLog(limit=2))
    assert messages(found) == ["step 1", "step 2"]
    assert tuple(found[0]) == FIELDS
    assert datetime.fromisoformat(found[0]["time"]).tzinfo == UTC


def test_levels_and_buckets_choose_records(om: Omega) -> None:
    om.logger.warning("here")
    om["b"].logger.error("there")
    om["b"].logger.dataset.get()
    assert messages(run(om, "logs.read", ReadLog(level="ERROR"))) == ["there"]
    assert messages(run(om, "logs.read", ReadLog(bucket="omega"))) == ["here"]
    with pytest.raises(InvalidFilterError, match="'LOUD' is no level"):
        run(om, "logs.read", ReadLog(level="LOUD"))


@pytest.mark.parametrize("is_group", [False, True])
def test_the_log_of_a_task_or_of_several_is_read_while_it_is_there(om: Omega, is_group: bool) -> None:
    task = announced(om, "t")
    asked = ReadLog(task=TaskRecords(om.context).save_group("parallel", [task.id]).id if is_group else task.id)
    om.logger.warning("of nobody")
    assert run(om, "logs.read", asked) == []
    assert asked.filters_in(om) == {"task__in": ["t"]}
    assert ReadLog(task="forgotten").filters_in(om) == {"task__in": ["forgotten"]}


def test_a_log_is_followed_until_its_task_has_ended(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    task = announced(om, "t")
    pauses = Pauses([lambda: None, lambda: end(om, task)])
    monkeypatch.setattr(logs, "time", pauses)
    assert messages(core_commands()["logs.follow"](om, FollowLog(task="t"))) == []
    assert pauses.happens == []


def test_a_log_is_followed_without_end_if_no_task_is_named(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    om.logger.warning("first")
    monkeypatch.setattr(logs, "time", Pauses([lambda: None, lambda: om.logger.warning("second")]))
    found = core_commands()["logs.follow"](om, FollowLog())
    assert messages([next(found), next(found)]) == ["first", "second"]


def test_the_log_of_a_task_that_never_was_is_not_followed(om: Omega) -> None:
    with pytest.raises(ObjectNotFoundError, match="no task 'nothing'"):
        core_commands()["logs.follow"](om, FollowLog(task="nothing"))
