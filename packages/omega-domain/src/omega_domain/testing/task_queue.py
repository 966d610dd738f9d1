"""Contract of the port TaskQueue: what a runtime promises, wherever its tasks run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from omega_domain.entities.names import is_temporary
from omega_domain.entities.task import FAILURE, SUCCESS, Argument, Task
from omega_domain.errors import (
    CodecError,
    ColumnNotFoundError,
    InvalidNameError,
    ObjectNotFoundError,
    TaskFailedError,
    VersionNotFoundError,
)
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.parcels import LIMIT
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult
from omega_domain.testing.models import Affine, AffineBackend, NotFittedError, NumbersBackend

WAIT = 30
LARGE = [float(number) for number in range(LIMIT // 4)]


def register_backends(context: Context) -> None:
    """Teach a context the kinds of the contract; workers need this, too."""
    for backend in (AffineBackend, NumbersBackend):
        context.registry.register(backend.KIND, backend)


class _WithOmega:
    """A fresh Omega with data and models, from the fixture ``make_omega`` of a subclass."""

    @pytest.fixture
    def om(self, make_omega: Callable[[], Omega]) -> Omega:
        return fill(make_omega())


def fill(om: Omega) -> Omega:
    """Put the data and models that the tests use; return the same Omega."""
    om.datasets.put([1, 2, 3], "x")
    om.datasets.put([2, 4, 6], "y")
    om.models.put(Affine(2), "double")
    om.models.put(Affine(1, 1), "next")
    om.models.put(Affine(), "new")
    return om


def temporaries(om: Omega) -> list[str]:
    """Return the names of what was kept for the arguments of tasks."""
    return [name for name in om.datasets.list(hidden=True) if is_temporary(name)]


def left_behind(om: Omega) -> list[str]:
    """Return what is left of that for good: a worker drops it when it has said how the task went."""
    give_up = time.monotonic() + WAIT
    while (names := temporaries(om)) and time.monotonic() < give_up:
        time.sleep(0.01)
    return names


class TaskQueueContract(_WithOmega):
    """Single tasks. A subclass gives the fixture ``make_omega``: a function that returns a fresh, empty Omega.

    Its runtime must submit to the queue that is tried, :func:`register_backends` must have been called where tasks are
    submitted and where they run, and a worker must live.
    """

    def test_a_model_predicts_from_a_dataset_by_name(self, om: Omega) -> None:
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]

    def test_a_model_predicts_from_data_in_memory(self, om: Omega) -> None:
        assert om.runtime.model("double").predict([5]).get(WAIT) == [10]

    def test_large_data_in_memory_leave_nothing_behind(self, om: Omega) -> None:
        assert om.runtime.model("double").score(LARGE, [2 * number for number in LARGE]).get(WAIT) == 0
        assert left_behind(om) == []

    def test_large_data_in_memory_leave_nothing_behind_when_the_task_fails(self, om: Omega) -> None:
        with pytest.raises(NotFittedError):
            om.runtime.model("new").predict(LARGE).get(WAIT)
        assert left_behind(om) == []

    def test_large_data_that_no_backend_stores_travel_all_the_same(self, om: Omega) -> None:
        texts = ["x" * LIMIT]
        assert om.runtime.model("double").run(texts).get(WAIT)["data"] == texts
        with pytest.raises(TypeError):
            om.runtime.model("double").predict(texts).get(WAIT)

    def test_a_large_result_is_returned_whole(self, om: Omega) -> None:
        assert om.runtime.model("next").predict(LARGE).get(WAIT) == [number + 1 for number in LARGE]

    def test_a_large_option_travels_whole(self, om: Omega) -> None:
        option = "y" * (2 * LIMIT)
        result = om.runtime.model("double").run(1, option=option)
        assert result.get(WAIT) == {"model": "double", "data": 1, "option": option}

    def test_the_result_of_a_prediction_can_be_kept_by_a_name(self, om: Omega) -> None:
        meta = om.runtime.model("double").predict("x", rName="results/z").get(WAIT)
        assert isinstance(meta, Metadata)
        assert (meta.name, meta.bucket, meta.prefix) == ("results/z", "omega", "data/")
        assert om.datasets.get("results/z") == [2, 4, 6]

    def test_fit_makes_a_new_version_and_returns_its_metadata(self, om: Omega) -> None:
        meta = om.runtime.model("new").fit("x", "y").get(WAIT)
        assert (meta.name, meta.version, meta.prefix) == ("new", 2, "models/")
        assert om.models.get("new") == Affine(2)
        assert om.models.get("new@1") == Affine()

    def test_a_result_that_was_dropped_since_says_so(self, om: Omega) -> None:
        result = om.runtime.model("new").fit("x", "y")
        result.get(WAIT)
        om.models.drop("new@2")
        with pytest.raises(VersionNotFoundError, match=r"version 2 of 'new'.*dropped"):
            result.get(WAIT)

    def test_a_version_of_a_model_can_be_used(self, om: Omega) -> None:
        om.models.put(Affine(3), "double", tag="triple")
        assert om.runtime.model("double@triple").predict("x").get(WAIT) == [3, 6, 9]
        assert om.runtime.model("double@1").predict("x").get(WAIT) == [2, 4, 6]

    def test_a_star_is_what_the_model_was_last_fitted_on(self, om: Omega) -> None:
        om.runtime.model("new").fit("x", "y").get(WAIT)
        assert om.runtime.model("new").predict("*").get(WAIT) == [2, 4, 6]
        assert om.runtime.model("new").score("*").get(WAIT) == 0
        assert om.runtime.model("new").score("x", "*").get(WAIT) == 0

    def test_without_data_the_last_fit_counts(self, om: Omega) -> None:
        om.runtime.model("new").fit("x", "y").get(WAIT)
        om.datasets.put([10, 10, 10], "y")
        om.runtime.model("new").fit().get(WAIT)
        assert om.runtime.model("new").predict().get(WAIT) == [5, 10, 15]

    def test_linked_data_come_before_the_last_fit(self, om: Omega) -> None:
        om.runtime.model("new").fit("x", "y").get(WAIT)
        om.runtime.model("new").link_dataset("y")
        assert om.runtime.model("new").predict().get(WAIT) == [4, 8, 12]
        assert om.runtime.model("new").predict("*").get(WAIT) == [2, 4, 6]

    def test_metadata_of_a_dataset_are_data(self, om: Omega) -> None:
        meta = om.datasets.metadata("x")
        om.datasets.put([7], "x")
        assert om.runtime.model("double").predict(meta).get(WAIT) == [2, 4, 6]

    def test_metadata_of_a_dataset_of_another_bucket_are_data(self, om: Omega) -> None:
        meta = om["other"].datasets.put([7], "far")
        assert om.runtime.model("double").predict(meta).get(WAIT) == [14]

    def test_tasks_of_a_bucket_work_in_that_bucket(self, om: Omega) -> None:
        other = fill(om["other"])
        other.datasets.put([50], "x")
        meta = other.runtime.model("double").predict("x", rName="z").get(WAIT)
        assert meta.bucket == "other"
        assert other.datasets.get("z") == [100]
        assert not om.datasets.exists("z")

    def test_options_reach_the_model(self, om: Omega) -> None:
        assert om.runtime.model("double").run(None, a=[1], b={"c": 2}).get(WAIT) == {
            "model": "double",
            "data": None,
            "a": [1],
            "b": {"c": 2},
        }

    def test_results_can_be_reduced_by_hand(self, om: Omega) -> None:
        assert om.runtime.model("double").reduce([[1, 2], [3]]).get(WAIT) == [3, 3]

    @pytest.mark.parametrize(
        ("error", "type_", "args"),
        [
            ("builtin", KeyError, ("a", 1)),
            ("file", FileNotFoundError, (2, "No such file")),
            ("decoding", UnicodeDecodeError, ("utf-8", b"\xff", 0, 1, "invalid start byte")),
            ("ours", ColumnNotFoundError, ("no column 'z'",)),
            ("library", NotFittedError, ("'m' is not fitted yet",)),
            ("unknown", TaskFailedError, ("UnknownToClientError: nobody knows",)),
            ("group", TaskFailedError, ("ExceptionGroup: several (1 sub-exception)",)),
        ],
    )
    def test_errors_come_back(self, om: Omega, error: str, type_: type[Exception], args: tuple[Any, ...]) -> None:
        result = om.runtime.model("double").transform("x", error=error)
        with pytest.raises(Exception) as caught:  # noqa: PT011 -- its type is compared below
            result.get(WAIT)
        assert type(caught.value) is type_
        assert caught.value.args == args
        assert result.status == FAILURE
        assert result.traceback is not None
        assert "models.py" in result.traceback
        assert any(result.traceback in note for note in caught.value.__notes__)

    def test_the_file_of_an_error_is_kept(self, om: Omega) -> None:
        with pytest.raises(FileNotFoundError, match=r"a\.csv"):
            om.runtime.model("double").transform("x", error="file").get(WAIT)

    def test_an_error_whose_arguments_can_not_travel_keeps_its_message(self, om: Omega) -> None:
        with pytest.raises(ValueError, match="object object"):
            om.runtime.model("double").transform("x", error="odd arguments").get(WAIT)

    def test_a_result_that_can_not_travel_is_an_error_of_the_task(self, om: Omega) -> None:
        with pytest.raises(CodecError, match=r"models\.Affine has no form in JSON"):
            om.runtime.model("double").decision_function("x").get(WAIT)

    def test_metadata_that_were_not_saved_can_not_travel(self, om: Omega) -> None:
        with pytest.raises(CodecError, match=r"'double' can not travel before it is saved"):
            om.runtime.model("double").decision_function("x", saved=False).get(WAIT)

    @pytest.mark.parametrize("action", ["partial_fit", "fit_transform", "predict_proba", "gridsearch"])
    def test_an_action_that_the_kind_has_not_is_an_error_of_the_task(self, om: Omega, action: str) -> None:
        with pytest.raises(NotImplementedError, match=rf"'double' is a test\.affine, which has no {action}"):
            getattr(om.runtime.model("double"), action)("x").get(WAIT)

    def test_an_object_that_is_no_model_has_no_actions(self, om: Omega) -> None:
        om.models.put([1, 2], "numbers")
        with pytest.raises(NotImplementedError, match=r"'numbers' is a test\.numbers, which has no predict"):
            om.runtime.model("numbers").predict("x").get(WAIT)

    @pytest.mark.parametrize(
        ("model", "data"), [("missing", "x"), ("double", "missing"), ("double", "x@9"), ("missing", [1]), ("new", "*")]
    )
    def test_what_does_not_exist_is_refused_before_anything_is_submitted(
        self, om: Omega, model: str, data: Any
    ) -> None:
        with pytest.raises(ObjectNotFoundError):
            om.runtime.model(model).predict(data)
        assert sum(om.runtime.status()["tasks"].values()) == 0

    def test_no_data_where_none_are_known_are_refused_saying_how_to_link(self, om: Omega) -> None:
        with pytest.raises(ObjectNotFoundError, match=r"neither linked nor fitted.*link_dataset\('new'"):
            om.runtime.model("new").fit()
        om.runtime.model("new").fit([1], [2]).get(WAIT)
        with pytest.raises(ObjectNotFoundError, match="data that has no name"):
            om.runtime.model("new").predict("*")

    @pytest.mark.parametrize("arguments", [{"Xname": "x["}, {"Xname": "x", "rName": "z@1"}])
    def test_names_that_break_the_grammar_are_refused(self, om: Omega, arguments: dict[str, Any]) -> None:
        with pytest.raises(InvalidNameError):
            om.runtime.model("double").predict(**arguments)

    def test_what_can_not_travel_is_refused_and_leaves_nothing_behind(self, om: Omega) -> None:
        with pytest.raises(CodecError, match="object"):
            om.runtime.model("double").score(LARGE, [object()])
        with pytest.raises(CodecError, match="object"):
            om.runtime.model("double").predict(LARGE, option=object())
        assert left_behind(om) == []
        assert sum(om.runtime.status()["tasks"].values()) == 0

    def test_the_result_can_be_asked_for_by_its_id_from_elsewhere(self, om: Omega) -> None:
        done = om.runtime.model("double").predict("x")
        failed = om.runtime.model("new").predict("x")
        elsewhere = Omega(om.context)["another"].runtime
        assert elsewhere.result(done.id).get(WAIT) == [2, 4, 6]
        assert elsewhere.result(done.id) == done
        with pytest.raises(NotFittedError, match="'new' is not fitted yet"):
            elsewhere.result(failed.id).get(WAIT)

    def test_an_id_that_is_unknown_is_an_error(self, om: Omega) -> None:
        with pytest.raises(ObjectNotFoundError, match="no task 'nobody'"):
            om.runtime.result("nobody")

    def test_a_result_tells_its_status(self, om: Omega) -> None:
        result = om.runtime.model("double").predict("x")
        result.get(WAIT)
        assert (result.status, result.ready(), result.successful(), result.traceback) == (SUCCESS, True, True, None)
        assert repr(result) == f"<AsyncResult: {result.id}>"

    def test_a_task_leaves_a_record(self, om: Omega) -> None:
        result = om.runtime.require("gpu").model("double").predict("x")
        result.get(WAIT)
        record = result.record
        assert (record.action, record.kind, record.name, record.bucket) == ("predict", "model", "double", "omega")
        assert (record.label, record.data, record.attempts) == ("gpu", ("x",), 1)
        assert record.submitted is not None
        assert record.started is not None
        assert record.ended is not None
        assert record.submitted <= record.started <= record.ended
        assert record.worker in om.runtime.workers()

    def test_a_task_that_has_ended_is_not_run_again(self, om: Omega) -> None:
        result = om.runtime.model("new").fit("x", "y")
        result.get(WAIT)
        task = Task(
            id=result.id,
            action="fit",
            kind="model",
            name="new",
            bucket="omega",
            context="default",
            args=(Argument("dataset", "x"), Argument("dataset", "y")),
            submitted=om.context.clock.now(),
        )
        marker = replace(task, id=om.context.new_id(), action="run", name="double", args=())
        om.queue.submit([[task]])
        om.queue.submit([[marker]])
        AsyncResult(TaskRecords(om.context), marker.id).get(WAIT)
        assert len(om.models.versions("new")) == 2
        assert result.record.attempts == 1

    def test_predicting_writes_nothing_but_the_record(self, om: Omega) -> None:
        def state() -> list[tuple[str, object]]:
            metas = [*om.models.list(raw=True, hidden=True), *om.datasets.list(raw=True, hidden=True)]
            return [(meta.name, meta.modified) for meta in metas]

        before = state()
        om.runtime.model("double").predict("x").get(WAIT)
        assert state() == before
