"""Views of the runtime, where tasks go, and results of tasks that have not ended."""

from __future__ import annotations

import pdb  # noqa: T100 -- mode(pdb=True)
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.backends.registry import BackendRegistry
from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS, Task
from omega_domain.errors import (
    CodecError,
    InvalidNameError,
    NoWorkerError,
    ObjectNotFoundError,
    TaskError,
    TaskFailedError,
    TaskTimeoutError,
    UnsupportedActionError,
    UnsupportedOptionError,
)
from omega_domain.omega import Omega
from omega_domain.ports.backend import SupportsActions
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.context import Context
from omega_domain.runtime.runtime import OmegaRuntime
from omega_domain.stores import Stores
from omega_domain.tasks.execution import Executor, local_worker
from omega_domain.tasks.parcels import drop_temporary
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult
from omega_domain.testing.models import Affine, AffineBackend, NumbersBackend
from omega_domain.testing.task_queue import LARGE, fill, register_backends, temporaries


def stores_of(om: Omega) -> Stores:
    return Stores(om.context, om.bucket)


class LaterQueue(TaskQueue):
    """Keeps tasks until somebody works on them, as a broker does."""

    def __init__(self, context: Context) -> None:
        self._log = TaskRecords(context)
        self._executor = Executor(context, worker="later@test")
        self.stages: list[Sequence[Task]] = []

    @property
    def name(self) -> str:
        return "later"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self._log.announce(task for stage in stages for task in stage)
        self.stages += stages

    def work(self) -> None:
        self._executor.run(self.stages)
        self.stages = []


class Choosy(AffineBackend):
    """Says early what its actions do not take."""

    @classmethod
    def check_call(cls, name: str, action: str, kwargs: Mapping[str, Any]) -> None:
        if "path" in kwargs:
            raise UnsupportedOptionError(f"{action} of {name!r} takes no path")


class BrokenQueue(TaskQueue):
    """Can not be reached."""

    @property
    def name(self) -> str:
        return "broken"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        raise TaskError("the broker can not be reached")


def make(router: InProcessRouter | None = None) -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), router=router)
    register_backends(om.context)
    return fill(om)


@pytest.fixture
def om() -> Omega:
    return make()


@pytest.fixture
def later(om: Omega) -> LaterQueue:
    return LaterQueue(om.context)


@pytest.fixture
def runtime(om: Omega, later: LaterQueue) -> OmegaRuntime:
    """A runtime whose tasks wait."""
    return OmegaRuntime(stores_of(om), queue=later, router=InProcessRouter())


def label(runtime: OmegaRuntime, model: str = "double") -> str:
    result = runtime.model(model).predict("x")
    assert isinstance(result, AsyncResult)
    return result.record.label


class TestViews:
    def test_require_returns_a_view_and_leaks_nothing(self, om: Omega) -> None:
        view = om.runtime.require("gpu")
        assert label(view) == "gpu"
        assert label(om.runtime) == "default"

    def test_a_requirement_may_be_a_dict(self, om: Omega) -> None:
        assert label(om.runtime.require({"label": "gpu"})) == "gpu"

    def test_always_holds_for_views_of_the_view(self, om: Omega) -> None:
        view = om.runtime.require("gpu", always=True)
        assert label(view.mode(logging=True)) == "gpu"
        assert label(view.require("cpu")) == "cpu"
        assert label(view.require("cpu").require()) == "gpu"
        assert label(view.require(always=True)) == "default"

    def test_a_label_that_breaks_the_grammar_is_refused(self, om: Omega) -> None:
        with pytest.raises(InvalidNameError, match="label"):
            om.runtime.require("a@b")

    def test_explicit_comes_before_the_model_before_the_default(self, om: Omega) -> None:
        om.models.put(Affine(2), "bound", attributes={"require": {"label": "gpu"}})
        assert label(om.runtime, "bound") == "gpu"
        assert label(om.runtime.require("cpu"), "bound") == "cpu"
        assert label(om.runtime.require("cpu", always=True), "bound") == "cpu"
        assert label(om.runtime.require("cpu").require(), "bound") == "gpu"

    def test_a_model_with_a_wrong_requirement_says_so(self, om: Omega) -> None:
        om.models.put(Affine(2), "bound", attributes={"require": ["gpu"]})
        with pytest.raises(InvalidNameError, match="attributes of 'bound'"):
            om.runtime.model("bound").predict("x")

    def test_a_label_that_nobody_serves_is_refused_and_leaves_nothing_behind(self) -> None:
        om = make(InProcessRouter(["default", "gpu"]))
        with pytest.raises(NoWorkerError, match="'tpu'"):
            om.runtime.require("tpu").model("double").predict(LARGE)
        assert temporaries(om) == []

    def test_modes_travel_with_the_task(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        runtime.mode(logging=True).mode(pdb=False).model("double").predict("x")
        runtime.model("double").predict("x")
        assert [stage[0].options for stage in later.stages] == [{"logging": True, "pdb": False}, {}]

    def test_views_tell_what_they_are(self, om: Omega, runtime: OmegaRuntime) -> None:
        assert repr(om.runtime) == "OmegaRuntime(bucket='omega', in-process)"
        assert repr(runtime.require("gpu")) == "OmegaRuntime(bucket='omega', later, require='gpu')"
        assert repr(runtime.mode(local=True)) == "OmegaRuntime(bucket='omega', in this process)"
        assert repr(runtime.model("m")) == "<ModelProxy: m>"


class TestLocalMode:
    def test_it_runs_at_once_in_this_process(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        result = runtime.mode(local=True).model("double").predict("x")
        assert result.status == SUCCESS
        assert result.record.worker == local_worker()
        assert later.stages == []

    def test_it_can_be_left_again(self, runtime: OmegaRuntime) -> None:
        assert runtime.mode(local=True).mode(local=False).model("double").predict("x").status == PENDING

    def test_it_does_not_ask_who_serves_a_label(self) -> None:
        om = make(InProcessRouter(["default"]))
        assert label(om.runtime.mode(local=True).require("gpu")) == "gpu"

    def test_canvases_are_local_too(self, runtime: OmegaRuntime) -> None:
        with runtime.mode(local=True).parallel() as crt:
            runtime.model("double").predict("x")
        assert crt.run().getall(0) == [[2, 4, 6]]

    def test_the_debugger_starts_where_a_task_failed(self, om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[TracebackType] = []
        monkeypatch.setattr(pdb, "post_mortem", seen.append)  # the real one would switch off the tracing of coverage
        result = om.runtime.mode(local=True, pdb=True).model("new").predict("x")
        assert result.status == FAILURE
        assert [frame.name for frame in traceback.extract_tb(seen[0])][-1] == "predict"

    def test_no_debugger_starts_in_a_worker(
        self, om: Omega, later: LaterQueue, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[TracebackType] = []
        monkeypatch.setattr(pdb, "post_mortem", seen.append)
        runtime = OmegaRuntime(stores_of(om), queue=later, router=InProcessRouter())
        result = runtime.mode(pdb=True).model("new").predict("x")
        [[task]] = later.stages
        Executor(om.context, worker="worker@host", holder="worker").execute(task.to_json())
        assert (result.status, seen) == (FAILURE, [])


class TestInterruption:
    def test_what_ends_the_process_is_raised_and_recorded(self, om: Omega) -> None:
        with pytest.raises(SystemExit):
            om.runtime.model("double").transform(LARGE, error="exit")
        assert om.runtime.status()["tasks"][FAILURE] == 1
        assert temporaries(om) == []

    def test_it_is_not_raised_again_where_the_result_is_asked_for(
        self, runtime: OmegaRuntime, later: LaterQueue
    ) -> None:
        result = runtime.model("double").transform("x", error="exit")
        with pytest.raises(SystemExit):
            later.work()
        with pytest.raises(TaskFailedError, match="SystemExit: 3"):
            result.get(0)

    def test_a_queue_that_fails_leaves_nothing_behind(self, om: Omega) -> None:
        runtime = OmegaRuntime(stores_of(om), queue=BrokenQueue(), router=InProcessRouter())
        with pytest.raises(TaskError, match="broker"):
            runtime.model("double").predict(LARGE)
        with runtime.parallel() as crt:
            runtime.model("double").predict(LARGE)
        with pytest.raises(TaskError, match="broker"):
            crt.run()
        assert repr(runtime) == "OmegaRuntime(bucket='omega', broken)"
        assert temporaries(om) == []


class TestWaiting:
    def test_a_task_that_waits_is_pending(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        result = runtime.model("double").predict("x")
        assert (result.status, result.ready(), result.successful(), result.traceback) == (PENDING, False, False, None)
        later.work()
        assert result.status == SUCCESS
        assert result.get() == [2, 4, 6]

    def test_waiting_ends_with_the_timeout(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        result = runtime.model("double").predict("x")
        with pytest.raises(TaskTimeoutError, match=r"model double predict\) is PENDING after 0.01 s"):
            result.get(timeout=0.01)
        later.work()
        assert result.get(timeout=0) == [2, 4, 6]

    def test_a_group_waits_no_longer_than_the_timeout(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        with runtime.sequence() as crt:
            runtime.model("double").predict("x")
            runtime.model("double").predict()
        result = crt.run()
        assert (result.status, result.ready(), result.traceback) == (PENDING, False, None)
        for wait in (result.getall, result.collect):
            with pytest.raises(TaskTimeoutError):
                wait(0.01)
        later.work()
        assert result.getall(0) == [[2, 4, 6], [4, 8, 12]]

    def test_a_group_of_which_some_have_ended_is_started(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        with runtime.parallel() as crt:
            runtime.model("double").predict("x")
            runtime.model("double").predict("y")
        result = crt.run()
        (both,) = later.stages
        later.stages = [both[:1]]
        later.work()
        assert (result.status, result.ready()) == (STARTED, False)

    def test_results_are_shown_in_notebooks(self, runtime: OmegaRuntime) -> None:
        result = runtime.model("double").predict("x")
        assert f"<td>{result.id}</td>" in result._repr_html_()
        assert "PENDING" in result._repr_html_()
        assert "<td>SUCCESS</td>" in runtime.mode(local=True).parallel().run()._repr_html_()

    def test_results_of_the_same_task_are_equal(self, runtime: OmegaRuntime) -> None:
        result, other = runtime.model("double").predict("x"), runtime.model("double").predict("x")
        assert result != other
        assert {result, runtime.result(result.id)} == {result}


class TestRecords:
    def test_a_task_whose_worker_died_is_run_again(self, om: Omega, runtime: OmegaRuntime, later: LaterQueue) -> None:
        result = runtime.model("double").predict("x")
        ((task,),) = later.stages
        assert TaskRecords(om.context).start(task, worker="dead@test")
        assert result.status == STARTED
        later.work()
        assert result.get() == [2, 4, 6]
        assert (result.record.attempts, result.record.worker) == (2, "later@test")

    def test_a_task_is_announced_once(self, runtime: OmegaRuntime, later: LaterQueue) -> None:
        result = runtime.model("double").predict("x")
        later.submit(later.stages)
        later.work()
        assert (result.get(), result.record.attempts) == ([2, 4, 6], 1)

    def test_a_task_whose_predecessor_has_no_record_fails(
        self, om: Omega, runtime: OmegaRuntime, later: LaterQueue
    ) -> None:
        with runtime.sequence() as crt:
            runtime.model("double").predict("x")
            last = runtime.model("double").predict()
        crt.run()
        later.stages = later.stages[1:]
        om.context.store.collection("omega.tasks").delete_many({"_id": crt._collected.tasks[0].id})
        later.work()
        with pytest.raises(ObjectNotFoundError, match="no task"):
            last.get(0)

    def test_old_records_can_be_forgotten(self, om: Omega, runtime: OmegaRuntime) -> None:
        old = om.runtime.model("double").predict("x")
        waiting = runtime.model("double").predict("x")
        log = TaskRecords(om.context)
        assert log.forget(before=om.context.clock.now() - timedelta(days=1)) == 0
        assert log.forget(before=om.context.clock.now() + timedelta(days=1)) == 1
        with pytest.raises(ObjectNotFoundError):
            om.runtime.result(old.id)
        assert om.runtime.result(waiting.id) == waiting

    def test_a_result_too_large_for_its_record_can_be_collected(self, om: Omega) -> None:
        result = om.runtime.model("double").predict(LARGE)
        om.collect()
        assert len(result.get()) == len(LARGE)
        for name in temporaries(om):
            drop_temporary(om.context, om.bucket, name)
            drop_temporary(om.context, om.bucket, name)
        with pytest.raises(ObjectNotFoundError):
            result.get()

    def test_an_error_of_a_kind_that_is_not_installed_here_is_told(self, om: Omega) -> None:
        result = om.runtime.model("new").predict("x")
        elsewhere = Omega(metadata=om.context.metadata, store=om.context.store)
        with pytest.raises(TaskFailedError, match="NotFittedError: 'new' is not fitted yet"):
            elsewhere.runtime.result(result.id).get()


def _export(om: Omega, name: str) -> None:
    om.export(f"models/{name}", "never made")


def _link(om: Omega, name: str) -> None:
    om.runtime.link_dataset(name, "x")


#: What the runtime and an Omega do with the name of a model or script -> whether it may name a version.
CALLS: dict[str, tuple[Callable[[Omega, str], object], bool]] = {
    "model": (lambda om, name: om.runtime.model(name).predict("x"), True),
    "model in a canvas": (lambda om, name: om.runtime.sequence().model(name).predict("x"), True),
    "fit": (lambda om, name: om.runtime.model(name).fit("x", "y"), True),
    "script": (lambda om, name: om.runtime.script(name).run(), True),
    "callback": (lambda om, name: om.runtime.callback(name), True),
    "explain": (lambda om, name: om.runtime.explain(name), True),
    "export": (_export, True),
    "link_dataset": (_link, False),
    "ModelProxy.link_dataset": (lambda om, name: om.runtime.model(name).link_dataset("x"), False),
    "import_archive": (lambda om, name: om.import_archive("not read", f"models/{name}"), False),
    "restore": (lambda om, name: om.restore("not read", names=f"models/{name}"), False),
}


class TestNames:
    @pytest.mark.parametrize("piece", ["[x]", "[^x]", "#", "#rows:start=0,end=2", "#iterchunks:chunksize=2", "@1[x]"])
    @pytest.mark.parametrize("call", CALLS)
    def test_a_piece_is_no_model_or_script(self, om: Omega, call: str, piece: str) -> None:
        do, takes_versions = CALLS[call]
        whole = "double@1" if takes_versions and piece.startswith("@") else "double"
        with pytest.raises(InvalidNameError, match=rf"'double{re.escape(piece)}'.* '{whole}'$"):
            do(om, f"double{piece}")
        assert om.runtime.recent() == []

    @pytest.mark.parametrize("version", ["@1", "@latest", "^"])
    @pytest.mark.parametrize("call", [call for call, (_, takes_versions) in CALLS.items() if not takes_versions])
    def test_a_version_is_refused_where_all_are_meant(self, om: Omega, call: str, version: str) -> None:
        with pytest.raises(InvalidNameError, match="give the plain name 'double'"):
            CALLS[call][0](om, f"double{version}")

    @pytest.mark.parametrize("name", ["r[x]", "r@1", "r#", ".omega/r"])
    def test_a_result_gets_a_plain_name_of_the_users_own(self, om: Omega, name: str) -> None:
        with pytest.raises(InvalidNameError, match=re.escape(name)):
            om.runtime.model("double").predict("x", rName=name)
        assert om.runtime.recent() == []

    def test_pieces_that_data_do_not_have_are_refused_before_anything_is_submitted(self, om: Omega) -> None:
        for data in (("x[a]",), ("x#",), ("x", "y[a]")):
            with pytest.raises(UnsupportedOptionError):
                om.runtime.model("double").fit(*data)
        assert om.runtime.recent() == []


class TestWhatThereIs:
    def test_labels_workers_and_queues(self, om: Omega) -> None:
        worker = local_worker()
        assert om.runtime.labels() == {worker: ["default"]}
        assert om.runtime.queues() == {"default": 0}
        assert om.runtime.ping() == {worker: "pong"}
        assert om.runtime.workers()[worker]["capacity"] == 1

    def test_status_counts_tasks(self, om: Omega, runtime: OmegaRuntime) -> None:
        om.runtime.model("double").predict("x")
        om.runtime.model("new").predict("x")
        runtime.model("new").predict("x")
        assert om.runtime.status()["tasks"] == {PENDING: 1, STARTED: 0, SUCCESS: 1, FAILURE: 1}


class TestLinking:
    def test_a_model_is_linked_to_data_that_exist(self, om: Omega) -> None:
        meta = om.runtime.model("new").link_dataset("x", Yname="y")
        assert meta.attributes["linked"] == {"X": {"name": "x"}, "Y": {"name": "y"}}
        om.runtime.model("new").fit().get()
        assert om.models.get("new") == Affine(2)
        with pytest.raises(ObjectNotFoundError):
            om.runtime.model("new").link_dataset("missing")
        with pytest.raises(ObjectNotFoundError):
            om.runtime.model("missing").link_dataset("x")

    def test_a_star_is_the_link_when_the_model_was_not_fitted(self, om: Omega) -> None:
        om.runtime.model("double").link_dataset("x")
        assert om.runtime.model("double").predict("*").get() == [2, 4, 6]

    def test_arguments_that_a_backend_refuses_are_not_submitted(
        self, om: Omega, runtime: OmegaRuntime, later: LaterQueue
    ) -> None:
        om.context.registry.register(AffineBackend.KIND, Choosy)
        with pytest.raises(UnsupportedOptionError, match="predict of 'double' takes no path"):
            runtime.model("double").predict("x", path="/folder")
        assert later.stages == []
        assert temporaries(om) == []
        runtime.model("double").predict("x", bias=1)
        assert len(later.stages) == 1

    def test_arguments_for_a_backend_that_only_workers_have_are_submitted(self, om: Omega, later: LaterQueue) -> None:
        client = Omega(replace(om.context, registry=BackendRegistry()))
        client.context.registry.register(NumbersBackend.KIND, NumbersBackend)
        OmegaRuntime(stores_of(client), queue=later, router=InProcessRouter()).model("double").predict("x", bias=1)
        assert len(later.stages) == 1

    def test_linked_data_that_were_dropped_are_missed_before_anything_is_submitted(self, om: Omega) -> None:
        om.runtime.model("double").link_dataset("x")
        om.datasets.drop("x")
        with pytest.raises(ObjectNotFoundError, match="'x'"):
            om.runtime.model("double").predict()

    def test_only_x_may_be_linked(self, om: Omega) -> None:
        om.models.link_dataset("new", Xname="x")
        assert om.runtime.model("new").fit().get().version == 2
        assert om.models.get("new") == Affine(1)


class TestModes:
    def test_a_timeout_and_a_level_of_logging_travel_with_the_task(self, om: Omega, later: LaterQueue) -> None:
        runtime = OmegaRuntime(stores_of(om), queue=later, router=InProcessRouter())
        runtime.mode(timeout=5, logging="debug").mode(pdb=False).model("double").predict("x")
        [[task]] = later.stages
        assert task.options == {"timeout": 5, "logging": "DEBUG", "pdb": False}

    @pytest.mark.parametrize("wrong", [{"timeout": -1}, {"logging": "LOUD"}])
    def test_what_is_no_timeout_or_level_is_refused(self, om: Omega, wrong: dict[str, Any]) -> None:
        with pytest.raises(UnsupportedOptionError):
            om.runtime.mode(**wrong)

    def test_a_task_tells_how_far_it_is(self, om: Omega) -> None:
        om.runtime.progress(1)  # outside of tasks nothing happens
        om.context.registry.register(Walking.KIND, Walking)
        om.scripts.put([1], "walk", kind=Walking.KIND)
        result = om.runtime.script("walk").run()
        assert result.get(1) == {"done": 1, "total": 2, "note": "walking"}
        assert result.progress == {"done": 2, "total": 2, "note": ""}

    def test_it_is_explained_where_a_task_would_go(self, om: Omega) -> None:
        om.models.put(Affine(2), "heavy", attributes={"require": {"label": "gpu"}})
        found = om.runtime.explain("heavy", "fit")
        assert (found["label"], found["why"]) == ("gpu", "required by the attributes of 'heavy'")
        assert om.runtime.require("cpu").explain("heavy")["why"] == "asked for by require()"
        assert om.runtime.mode(local=True).explain("double")["candidates"] == [local_worker()]
        assert [record.action for record in om.runtime.recent()] == []

    def test_a_view_that_waits_keeps_what_is_required(self, om: Omega, later: LaterQueue) -> None:
        runtime = OmegaRuntime(stores_of(om), queue=later, router=InProcessRouter(["default"]))
        with pytest.raises(NoWorkerError):
            runtime.require("tpu").model("double").predict("x")
        assert runtime.require("tpu", wait=True).model("double").predict("x").record.label == "tpu"
        assert runtime.recent()[0].label == "tpu"


class TestCallbacks:
    @pytest.fixture(autouse=True)
    def scripts(self, om: Omega) -> None:
        om.context.registry.register(Walking.KIND, Walking)
        om.scripts.put([1], "note", kind=Walking.KIND)

    def test_a_script_is_called_with_the_result_of_each_task(self, om: Omega) -> None:
        runtime = om.runtime.callback("note").mode(timeout=5)
        good, bad = runtime.model("double").predict("x"), runtime.model("new").predict("x")
        assert Walking.seen[-2:] == [(good.id, "SUCCESS"), (bad.id, "FAILURE")]
        assert runtime.callback(None).model("double").predict("x").successful()
        assert len(Walking.seen[-2:]) == 2

    def test_it_is_called_for_all_tasks_of_a_canvas(self, om: Omega) -> None:
        with om.runtime.callback("note").parallel() as crt:
            results = [crt.model("double").predict("x") for _ in range(2)]
        crt.run()
        assert Walking.seen[-2:] == [(result.id, "SUCCESS") for result in results]

    def test_a_script_that_is_not_there_is_refused(self, om: Omega) -> None:
        with pytest.raises(ObjectNotFoundError):
            om.runtime.callback("missing")

    def test_a_script_of_a_runtime_without_an_omega_says_so(self, om: Omega, runtime: OmegaRuntime) -> None:
        om.scripts.put([1], "walk", kind=Walking.KIND)
        result = runtime.script("walk").run()
        runtime._submission.queue.work()  # type: ignore[attr-defined] # it is a LaterQueue
        with pytest.raises(UnsupportedActionError, match="was not given an Omega"):
            result.get(1)

    def test_arguments_of_scripts_that_can_not_travel_are_refused(self, om: Omega) -> None:
        for arguments in ({"args": [LARGE, object()]}, {"args": [LARGE], "kwargs": {"x": object()}}):
            with pytest.raises(CodecError):
                om.runtime.script("note").run(*arguments["args"], **arguments.get("kwargs", {}))  # type: ignore[arg-type]
        assert temporaries(om) == []


class Walking(NumbersBackend, SupportsActions):
    """Scripts that tell how far they are, and note what they are called with."""

    KIND = "test.walking"
    seen: ClassVar[list[tuple[str, str]]] = []

    def __init__(self, *, data_store: Any, model_store: Any) -> None:
        super().__init__(data_store=model_store, model_store=data_store)  # its own store is that of scripts

    def actions(self) -> frozenset[str]:
        return frozenset({"run"})

    def run(self, name: str, result: AsyncResult | None = None, *, om: Omega, **_: Any) -> Any:
        if result is not None:
            self.seen.append((result.id, result.status))
            return None
        om.runtime.progress(1, 2, "walking")
        task = om.runtime.recent()[0]
        om.runtime.progress(2, total=2)
        return dict(task.progress or {})
