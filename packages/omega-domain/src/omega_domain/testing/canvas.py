"""Contract of tasks that are submitted together: sequence, parallel, mapreduce; the same on every TaskQueue."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omega_domain.entities.task import FAILURE, SUCCESS
from omega_domain.errors import CodecError, InvalidNameError, ObjectNotFoundError, TaskError
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.results import AsyncResult, GroupResult
from omega_domain.testing.models import Affine, NotFittedError
from omega_domain.testing.task_queue import LARGE, WAIT, fill, left_behind

numbers = st.lists(st.integers(-1000, 1000), max_size=4)
affines = st.builds(Affine, st.integers(-9, 9), st.integers(-9, 9))
#: Examples share the fixture, and adapters the contract; both are meant.
SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
SETTINGS = settings(deadline=None, suppress_health_check=SHARED)


def predict(model: Affine, data: Sequence[float]) -> list[float]:
    """What the model predicts, in plain Python."""
    return [(model.factor or 0) * x + model.offset for x in data]


class CanvasContract:
    """A subclass gives the fixture ``make_omega``, see :class:`~omega_domain.testing.task_queue.TaskQueueContract`."""

    @pytest.fixture
    def om(self, make_omega: Callable[[], Omega]) -> Omega:
        return fill(make_omega())

    @SETTINGS
    @given(data=numbers, models=st.lists(affines, min_size=1, max_size=4))
    def test_a_sequence_equals_calls_in_plain_python(self, om: Omega, data: list[int], models: list[Affine]) -> None:
        expected: list[list[float]] = []
        value: list[float] = list(data)
        with om.runtime.sequence() as crt:
            for i, model in enumerate(models):
                om.models.put(model, f"m{i}")
                om.runtime.model(f"m{i}").predict(data if i == 0 else None)
                value = predict(model, value)
                expected.append(value)
        result = crt.run()
        assert result.getall(WAIT) == expected
        assert result.get(WAIT) == expected[-1]

    @SETTINGS
    @given(inputs=st.lists(numbers, max_size=4), model=affines)
    def test_parallel_equals_calls_in_plain_python(self, om: Omega, inputs: list[list[int]], model: Affine) -> None:
        om.models.put(model, "m")
        with om.runtime.parallel() as crt:
            for data in inputs:
                om.runtime.model("m").predict(data)
        result = crt.run()
        assert result.getall(WAIT) == result.get(WAIT) == [predict(model, data) for data in inputs]

    @SETTINGS
    @given(inputs=st.lists(numbers, max_size=4), model=affines)
    def test_mapreduce_equals_calls_in_plain_python(self, om: Omega, inputs: list[list[int]], model: Affine) -> None:
        om.models.put(model, "m")
        with om.runtime.mapreduce() as crt:
            for data in inputs:
                crt.model("m").predict(data)
            crt.model("m").reduce()
        result = crt.run()
        mapped = [predict(model, data) for data in inputs]
        reduced = [sum(values) for values in mapped]
        assert result.get(WAIT) == reduced
        assert result.getall(WAIT) == [*mapped, reduced]

    def test_tasks_inside_the_block_are_not_submitted_before_run(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            task = om.runtime.model("double").predict("x")
        assert sum(om.runtime.status()["tasks"].values()) == 0
        with pytest.raises(ObjectNotFoundError, match=r"run\(\)"):
            task.get(WAIT)
        crt.run()
        assert task.get(WAIT) == [2, 4, 6]

    def test_tasks_after_the_block_are_submitted_as_usual(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            pass
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]
        assert len(crt) == 0

    def test_tasks_made_by_the_canvas_are_collected_after_the_block_too(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            crt.model("double").predict("x")
        crt.require("gpu").model("next").predict("x")
        result = crt.run()
        assert result.getall(WAIT) == [[2, 4, 6], [2, 3, 4]]
        assert [task.record.label for task in result.results] == ["default", "gpu"]

    def test_a_stored_result_is_forwarded_by_its_name(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x", rName="z")
            om.runtime.model("next").predict()
            om.runtime.model("new").fit("x", "z")
        first, second, third = crt.run().getall(WAIT)
        assert isinstance(first, Metadata)
        assert second == [3, 5, 7]
        assert (third.name, om.models.get("new")) == ("new", Affine(2))

    def test_a_result_of_another_bucket_is_forwarded(self, om: Omega) -> None:
        other = fill(om["other"])
        with om.runtime.sequence() as crt:
            other.runtime.model("double").predict("x", rName="z")
            om.runtime.model("next").predict()
        assert crt.run().get(WAIT) == [3, 5, 7]

    def test_a_result_goes_to_the_first_argument_that_is_open(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x")
            om.runtime.model("new").fit("x")
        crt.run().get(WAIT)
        assert om.models.get("new") == Affine(2)

    def test_what_a_fit_returns_is_no_data(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("new").fit("x", "y")
            om.runtime.model("new").predict()
            om.runtime.model("new").predict("*")
            om.runtime.model("new").fit(None, "*")
        result = crt.run().getall(WAIT)
        assert result[1:3] == [[2, 4, 6], [2, 4, 6]]
        assert result[3].version == 3

    def test_none_is_no_data(self, om: Omega) -> None:
        om.models.link_dataset("double", "x")
        with om.runtime.sequence() as crt:
            om.runtime.model("double").run(returns=None)
            om.runtime.model("double").predict()
        assert crt.run().getall(WAIT) == [None, [2, 4, 6]]

    def test_a_large_result_is_forwarded_whole(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict(LARGE)
            om.runtime.model("next").predict()
        assert crt.run().get(WAIT) == [2 * number + 1 for number in LARGE]

    def test_values_are_forwarded_to_functions(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x", rName="z")
            om.runtime.model("double").run()
        assert crt.run().get(WAIT)["data"].name == "z"

    def test_a_failing_task_ends_a_sequence(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x", rName="before")
            om.runtime.model("new").predict("x")
            om.runtime.model("double").predict("x", rName="after")
            om.runtime.model("next").predict()
        result = crt.run()
        for get in (result.get, result.getall, result.results[2].get, result.results[3].get):
            with pytest.raises(NotFittedError, match="'new' is not fitted yet"):
                get(WAIT)
        assert [task.status for task in result.results] == [SUCCESS, FAILURE, FAILURE, FAILURE]
        assert (result.status, result.ready(), result.successful()) == (FAILURE, True, False)
        assert "not fitted" in (result.traceback or "")
        assert om.datasets.exists("before")
        assert not om.datasets.exists("after")

    def test_a_task_that_was_not_run_says_why(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            failing = om.runtime.model("new").predict("x")
            om.runtime.model("double").predict()
        with pytest.raises(NotFittedError) as caught:
            crt.run().results[1].get(WAIT)
        assert any("was not run" in note and failing.id in note for note in caught.value.__notes__)

    def test_a_failing_task_leaves_the_others_of_parallel_alone(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            om.runtime.model("new").predict("x")
            om.runtime.model("double").predict("x")
        result = crt.run()
        assert result.results[1].get(WAIT) == [2, 4, 6]
        with pytest.raises(NotFittedError):
            result.getall(WAIT)

    def test_mapreduce_does_not_reduce_when_a_task_failed(self, om: Omega) -> None:
        with om.runtime.mapreduce() as crt:
            om.runtime.model("double").predict("x")
            om.runtime.model("new").predict("x")
            om.runtime.model("double").reduce()
        result = crt.run()
        with pytest.raises(NotFittedError):
            result.get(WAIT)
        assert result.results[-1] in result.collect(WAIT)

    def test_collect_returns_the_results_themselves(self, om: Omega) -> None:
        with om.runtime.mapreduce() as crt:
            for _ in range(4):
                om.runtime.model("double").predict("x")
            om.runtime.model("double").reduce()
        result = crt.run()
        groups = [found for found in result.collect(WAIT) if isinstance(found, GroupResult)]
        singles = [found for found in result.collect(WAIT) if isinstance(found, AsyncResult)]
        assert singles == [result.results[-1]]
        assert [group.results for group in groups] == [result.results[:-1]]

    def test_collect_of_the_other_forms(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x")
            om.runtime.model("double").predict()
        result = crt.run()
        assert result.collect(WAIT) == set(result.results)
        with om.runtime.parallel() as crt:
            om.runtime.model("double").predict("x")
        result = crt.run()
        assert result.collect(WAIT) == {result}

    def test_the_group_can_be_asked_for_by_its_id_from_elsewhere(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            om.runtime.model("double").predict("x")
            om.runtime.model("double").predict()
        result = crt.run()
        found = Omega(om.context).runtime.result(result.id)
        assert found == result
        assert found.get(WAIT) == [4, 8, 12]
        assert repr(found) == f"<GroupResult: {result.id} [{', '.join(task.id for task in result.results)}]>"

    @pytest.mark.parametrize("form", ["sequence", "parallel", "mapreduce"])
    def test_no_tasks_are_fine(self, om: Omega, form: str) -> None:
        with getattr(om.runtime, form)() as crt:
            pass
        result = crt.run()
        assert (result.getall(WAIT), result.status, len(result)) == ([], SUCCESS, 0)
        assert result.get(WAIT) == ([] if form == "parallel" else None)
        assert all(isinstance(found, AsyncResult | GroupResult) for found in result.collect(WAIT))

    def test_an_error_inside_the_block_collects_nothing(self, om: Omega) -> None:
        canvas = om.runtime.parallel()

        def collect() -> None:
            with canvas:
                om.runtime.model("double").predict(LARGE)
                raise KeyError("oops")

        with pytest.raises(KeyError):
            collect()
        assert len(canvas) == 0
        assert left_behind(om) == []
        assert om.runtime.model("double").predict("x").get(WAIT) == [2, 4, 6]

    def test_large_data_leave_nothing_behind(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            om.runtime.model("double").score(LARGE)
            om.runtime.model("new").predict(LARGE)
        result = crt.run()
        result.collect(WAIT)
        assert left_behind(om) == []

    def test_a_canvas_inside_another_is_refused(self, om: Omega) -> None:
        inner = om.runtime.parallel()
        with om.runtime.sequence(), pytest.raises(TaskError, match="parallel can not be put inside another"):
            inner.__enter__()

    def test_a_canvas_is_submitted_once(self, om: Omega) -> None:
        with om.runtime.parallel() as crt:
            om.runtime.model("double").predict("x")
        assert repr(crt) == "<parallel of 1 tasks, not submitted>"
        crt.run()
        assert repr(crt) == "<parallel of 1 tasks, submitted>"
        with pytest.raises(TaskError, match="submitted before"):
            crt.run()
        with pytest.raises(TaskError, match="submitted before"):
            crt.model("double").predict("x")

    def test_the_last_task_of_mapreduce_must_take_the_results(self, om: Omega) -> None:
        with om.runtime.mapreduce() as crt:
            om.runtime.model("double").predict("x")
            om.runtime.model("double").predict("y")
        with pytest.raises(TaskError, match="leave them out"):
            crt.run()

    def test_tasks_of_another_context_are_refused(self, om: Omega, make_omega: Callable[[], Omega]) -> None:
        stranger = fill(make_omega())
        with om.runtime.parallel() as crt:
            with pytest.raises(TaskError, match="two contexts"):
                stranger.runtime.model("double").predict(LARGE)
            om.runtime.model("double").predict("x")
        assert crt.run().get(WAIT) == [[2, 4, 6]]
        assert left_behind(stranger) == []

    def test_what_does_not_exist_is_refused_in_the_line_that_asks_for_it(self, om: Omega) -> None:
        with om.runtime.sequence() as crt:
            with pytest.raises(ObjectNotFoundError):
                om.runtime.model("double").predict("missing")
            with pytest.raises(ObjectNotFoundError, match="link_dataset"):
                om.runtime.model("double").predict()
            with pytest.raises(InvalidNameError):
                om.runtime.model("double").predict("x", rName="a@b")
            with pytest.raises(CodecError):
                om.runtime.model("double").predict([object()])
        assert len(crt) == 0
