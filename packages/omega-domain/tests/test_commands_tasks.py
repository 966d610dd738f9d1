"""Commands on tasks, by the registry, on the memory adapters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.backends.base import BaseDataBackend
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
from omega_domain.commands.task_facts import TaskFacts
from omega_domain.commands.tasks import (
    CallModel,
    CancelTasks,
    ExplainTask,
    RunScript,
    ShowRuntime,
    ShowTask,
    TaskRoute,
    WaitForTask,
)
from omega_domain.entities.names import SCRIPTS
from omega_domain.entities.task import Task, TaskRecord
from omega_domain.errors import (
    NoWorkerError,
    ObjectNotFoundError,
    TaskTimeoutError,
    UnsupportedActionError,
    UnsupportedOptionError,
)
from omega_domain.omega import Omega
from omega_domain.ports.backend import SupportsActions
from omega_domain.ports.task_queue import SupportsCancel, TaskQueue
from omega_domain.repository.context import Context
from omega_domain.tasks.execution import local_worker
from omega_domain.tasks.records import TaskRecords
from omega_domain.testing.task_queue import fill, register_backends

NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


class Echo(BaseDataBackend, SupportsActions):
    """A script that returns its arguments."""

    KIND: ClassVar[str] = "test.echo"
    PREFIXES: ClassVar[tuple[str, ...]] = (SCRIPTS,)

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, str)

    def actions(self) -> frozenset[str]:
        return frozenset({"run"})

    def put(self, obj: Any, name: str) -> Any:
        return self.model_store.make_metadata(name, self.KIND).save()

    def run(self, scriptname: str, /, *args: Any, om: Omega, **kwargs: Any) -> Any:
        return [list(args), kwargs]


class Line(TaskQueue, SupportsCancel):
    """Tasks stand in it until they are cancelled."""

    def __init__(self, context: Context) -> None:
        self._records = TaskRecords(context)

    @property
    def name(self) -> str:
        return "line"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self._records.announce(task for stage in stages for task in stage)

    def cancel(self, task_ids: Sequence[str]) -> int:
        records = map(self._records.get, task_ids)
        return sum(self._records.give_up(record, ValueError()) for record in records if not record.is_final)


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    return fill(om)


@pytest.fixture
def waiting(om: Omega) -> Omega:
    """The same, where tasks wait."""
    return Omega(om.context, queue=Line(om.context), router=InProcessRouter())


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


# -- calls ------------------------------------------------------------------------------------------------------------


def test_a_model_is_called_and_waited_for(om: Omega) -> None:
    found = run(om, "tasks.model", CallModel(name="double", action="predict", x="x"))
    assert found == {"id": found["id"], "status": "SUCCESS", "value": [2, 4, 6]}


def test_a_call_that_is_not_waited_for_has_no_value(waiting: Omega) -> None:
    found = run(waiting, "tasks.model", CallModel(name="double", action="predict", x="x", no_wait=True))
    assert found == {"id": found["id"], "status": "PENDING"}


def test_data_targets_results_and_parameters_are_given(om: Omega) -> None:
    assert run(om, "tasks.model", CallModel(name="double", action="score", x="x", y="y"))["value"] == 0
    stored = run(om, "tasks.model", CallModel(name="double", action="predict", x="x", result="z"))["value"]
    assert (stored["name"], om.datasets.get("z")) == ("z", [2, 4, 6])
    called = CallModel(name="double", action="run", x=1, param={"option": "a"})
    assert run(om, "tasks.model", called)["value"] == {"model": "double", "data": 1, "option": "a"}


def test_only_the_actions_of_models_can_be_asked_for() -> None:
    with pytest.raises(UnsupportedActionError, match="can not '__init__'; it can: fit, partial_fit"):
        CallModel(name="double", action="__init__")  # type: ignore[arg-type]


def test_a_target_is_refused_by_actions_that_take_none() -> None:
    for action in ("predict", "run"):
        with pytest.raises(UnsupportedOptionError, match=f"{action} takes no target; those that do: fit, "):
            CallModel(name="double", action=action, x="x", y="y")


@pytest.mark.parametrize(
    ("request_", "is_change"),
    [
        (CallModel(name="m", action="predict"), False),
        (CallModel(name="m", action="predict", result="z"), True),
        (CallModel(name="m", action="predict", param={"rName": "z"}), True),
        (CallModel(name="m", action="fit"), True),
        (CallModel(name="m", action="run"), True),
    ],
)
def test_a_call_is_a_change_if_a_model_or_dataset_is_written(request_: CallModel, is_change: bool) -> None:
    assert core_commands()["tasks.model"].is_change(request_) is is_change


def test_a_call_goes_to_the_workers_it_asks_for(waiting: Omega) -> None:
    asked = CallModel(name="double@1", action="predict", x="x", require="gpu", timeout=5, logging=True, no_wait=True)
    task = core_commands()["tasks.model"](waiting, asked)
    record = TaskRecords(waiting.context).get(task.id)
    assert record.label == "gpu"
    assert str(core_commands()["tasks.model"].right_of(waiting, asked)) == "runtime:run@omega/double"


def test_a_call_may_run_in_this_process(waiting: Omega) -> None:
    found = run(waiting, "tasks.model", CallModel(name="double", action="predict", x="x", local=True))
    assert found["value"] == [2, 4, 6]


def test_a_script_is_called_with_values_by_place_and_by_name(om: Omega) -> None:
    om.context.registry.register(Echo.KIND, Echo)
    om.scripts.put("text", "s")
    asked = RunScript(name="s", args=(1,), kwargs={"b": 2})
    assert run(om, "tasks.script", asked)["value"] == [[1], {"b": 2}]
    assert core_commands()["tasks.script"].is_change(asked)
    assert str(core_commands()["tasks.script"].right_of(om, asked)) == "runtime:run@omega/s"


def test_a_call_is_explained_and_not_submitted(om: Omega) -> None:
    found = run(om, "tasks.explain", ExplainTask(name="double", action="predict", require="gpu"))
    assert (found["task"], found["label"], found["queue"], found["problem"]) == (
        "model double predict",
        "gpu",
        "gpu",
        None,
    )
    assert run(om, "tasks.explain", ExplainTask(name="double", local=True))["queue"] is None
    assert om.runtime.recent() == []


def test_a_call_that_would_be_refused_is_explained() -> None:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), router=InProcessRouter(["cpu"]))
    register_backends(om.context)
    fill(om)
    assert "no worker lives" in run(om, "tasks.explain", ExplainTask(name="double"))["problem"]
    assert run(om, "tasks.explain", ExplainTask(name="double", wait=True))["problem"] is None
    with pytest.raises(NoWorkerError):
        run(om, "tasks.model", CallModel(name="double", action="predict", x="x"))


def test_what_differs_there_is_a_line_for_people() -> None:
    route = TaskRoute(
        task="model m fit",
        label="default",
        why="the default",
        queue="default",
        waiting=0,
        candidates=("w",),
        differences={"w": {"numpy": ("2", "1"), "here": ("1", None), "there": (None, "1")}},
        problem=None,
    )
    assert route.outline["differences"].splitlines() == [
        "w: numpy 1, here 2",
        "w: here is missing, here 1",
        "w: there 1, here it is missing",
    ]
    assert route.outline["candidates"] == ["w"]


# -- what became of them ----------------------------------------------------------------------------------------------


def test_a_value_is_there_once_a_task_has_ended(om: Omega, waiting: Omega) -> None:
    task = om.runtime.model("double").predict("x")
    assert run(om, "tasks.result", WaitForTask(task=task.id)) == {
        "id": task.id,
        "status": "SUCCESS",
        "value": [2, 4, 6],
    }
    late = waiting.runtime.model("double").predict("x")
    with pytest.raises(TaskTimeoutError, match="is PENDING"):
        run(waiting, "tasks.result", WaitForTask(task=late.id, timeout=0))
    with pytest.raises(ObjectNotFoundError, match="no task 'nothing'"):
        run(om, "tasks.result", WaitForTask(task="nothing"))


def test_values_of_tasks_that_were_submitted_together_are_one(om: Omega) -> None:
    with om.runtime.parallel() as crt:
        crt.model("double").predict("x")
        crt.model("next").predict("x")
    assert run(om, "tasks.result", WaitForTask(task=crt.run().id))["value"] == [[2, 4, 6], [2, 3, 4]]


def test_the_state_of_the_runtime_is_told(om: Omega) -> None:
    for _ in range(3):
        om.runtime.model("double").predict("x")
    facts = core_commands()["tasks.status"](om, ShowRuntime(limit=2))
    found = to_plain(facts)
    assert list(found) == ["workers", "queues", "tasks", "recent"]
    assert list(found["workers"]) == [local_worker()]
    assert found["workers"] == {
        name: {**om.runtime.workers()[name], "seen": worker["seen"]} for name, worker in found["workers"].items()
    }
    assert (found["queues"], found["tasks"]["SUCCESS"]) == ({"default": 0}, 3)
    assert [task["id"] for task in found["recent"]] == [record.id for record in om.runtime.recent(2)]
    assert facts.counted == "3 SUCCESS"
    assert to_plain(facts.served) == [{"label": "default", "waiting": 0, "workers": 1}]
    assert len(run(om, "tasks.status", ShowRuntime(limit=0))["recent"]) == 3


def test_a_task_is_shown(waiting: Omega) -> None:
    task = waiting.runtime.model("double").predict("x")
    found = run(waiting, "tasks.show", ShowTask(task=task.id))
    assert (found["id"], found["status"], found["data"], found["error"]) == (task.id, "PENDING", ["x"], None)
    assert (found["waited"] >= 0, found["took"]) == (True, None)
    waiting.runtime.cancel(task.id)
    failed = run(waiting, "tasks.show", ShowTask(task=task.id))
    assert (failed["status"], list(failed["error"])) == ("FAILURE", ["type", "message", "traceback"])


def test_tasks_that_were_submitted_together_are_shown_while_there_is_a_record(om: Omega) -> None:
    with om.runtime.parallel() as crt:
        for _ in range(2):
            crt.model("double").predict("x")
    group = crt.run()
    shown = core_commands()["tasks.show"](om, ShowTask(task=group.id))
    found = to_plain(shown)
    assert (found["id"], found["status"]) == (group.id, "SUCCESS")
    assert [task["id"] for task in found["tasks"]] == [one.id for one in group.results]
    assert shown.outline == {"id": group.id, "status": "SUCCESS", "counts": "2 SUCCESS"}
    TaskRecords(om.context).forget(before=om.context.clock.now() + timedelta(days=1))
    assert run(om, "tasks.show", ShowTask(task=group.id))["tasks"] == []


def test_tasks_are_ended_if_all_of_them_are_known(om: Omega, waiting: Omega) -> None:
    waits, ended = waiting.runtime.model("double").predict("x"), om.runtime.model("double").predict("x")
    with pytest.raises(ObjectNotFoundError):
        run(waiting, "tasks.cancel", CancelTasks(tasks=(waits.id, "nothing")))
    assert run(waiting, "tasks.cancel", CancelTasks(tasks=(waits.id, ended.id))) == [
        {"id": waits.id, "cancelled": True, "status": "FAILURE"},
        {"id": ended.id, "cancelled": False, "status": "SUCCESS"},
    ]


@pytest.mark.parametrize("name", ["tasks.result", "tasks.show", "tasks.status", "tasks.cancel"])
def test_rights_on_tasks_are_those_of_the_whole_context(om: Omega, name: str) -> None:
    wanted = "run" if name == "tasks.cancel" else "read"
    assert str(core_commands()[name].right_of(om, ShowTask(task="t"))) == f"runtime:{wanted}"


# -- facts ------------------------------------------------------------------------------------------------------------


def record(**fields: Any) -> TaskRecord:
    known = TaskRecord(id="t", status="STARTED", kind="model", name="m", action="fit", bucket="b", data=("x",))
    return replace(known, **fields)


def test_times_are_counted_from_a_record_and_now() -> None:
    submitted, started = NOON - timedelta(seconds=90), NOON - timedelta(seconds=60)
    runs = TaskFacts.of(record(submitted=submitted, started=started), NOON)
    assert (runs.waited, runs.took, runs.age) == tuple(timedelta(seconds=count) for count in (30, 60, 90))
    ended = TaskFacts.of(replace(record(submitted=submitted, started=started), ended=started), NOON)
    assert (ended.waited, ended.took) == (timedelta(seconds=30), timedelta(0))
    again = TaskFacts.of(record(status="PENDING", submitted=submitted, started=started), NOON)
    assert again.took is None
    never = TaskFacts.of(record(submitted=submitted, ended=started), NOON)
    assert (never.waited, never.took) == (timedelta(seconds=30), None)
    old = TaskFacts.of(record(), NOON)
    assert (old.waited, old.took, old.age) == (None, None, None)


def test_a_task_has_words_for_people() -> None:
    error = {"type": "builtins.ValueError", "message": "two\nlines", "traceback": "", "more": "x"}
    facts = TaskFacts.of(record(submitted=NOON - timedelta(hours=3), worker="w", error=error), NOON)
    assert facts.row == {
        "id": "t",
        "task": "model m fit",
        "status": "STARTED",
        "age": "3 h",
        "took": None,
        "worker": "w",
    }
    outline = facts.outline
    assert outline["submitted"] == "2030-01-31 09:00:00 UTC, 3 h ago"
    assert (outline["started"], outline["waited"], outline["progress"]) == (None, "3 h", None)
    assert (outline["error"], outline["data"]) == ("ValueError: two lines", ["x"])
    unknown = TaskFacts.of(record(), NOON)
    assert (unknown.row["age"], unknown.outline["error"]) == (None, None)
