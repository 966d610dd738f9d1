"""Every sample of the page on the runtime, in this process and with real workers: models and scripts by name."""

from __future__ import annotations

import json
import os
import re
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from sklearn.linear_model import LinearRegression
from tests.e2e.runtime_story import (
    DISTRIBUTED,
    IN_PROCESS,
    WAIT,
    Place,
    Places,
    eventually,
    put_model,
    put_script,
)
from tests.seeds import times

import omega_ml
from omega_domain.entities.task import FAILURE, PENDING, STARTED, SUCCESS
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.results import AsyncResult, GroupResult

Command = Callable[..., Any]

MB = 1_000_000
#: Tasks of one parallel, in this process and over a broker.
MANY, MANY_OVER_A_BROKER = times(2_000, soak=10_000), times(200, soak=1_000)

#: What a notebook of the samples does, as a script: it leaves something in the store, and returns where.
JOB = """
    def run(om, *args, **kwargs):
        before = kwargs.get("results")
        names = [meta.name for meta in before] if isinstance(before, list) else before and before.name
        return om.datasets.put({"args": list(args), "before": names}, f"results/{args[0]}")
"""
#: A script that ends when a file is there, and says that it has begun by another.
PATIENT = """
    import time
    from pathlib import Path

    def run(om, folder):
        Path(folder, "begun").touch()
        give_up = time.monotonic() + 60
        while not Path(folder, "go").exists():
            assert time.monotonic() < give_up
            time.sleep(0.02)
        return "gone"
"""

_buckets = count()


@pytest.fixture(scope="module")
def places(request: pytest.FixtureRequest) -> Iterator[Places]:
    """All places; the workers of each are started once for this module."""
    opened = Places(request)
    yield opened
    opened.close()


@pytest.fixture(params=[IN_PROCESS, *DISTRIBUTED])
def place(request: pytest.FixtureRequest, places: Places) -> Place:
    """Each place, on a bucket of the test's own."""
    return places[request.param].on(f"story{next(_buckets)}")


@pytest.fixture
def om(place: Place) -> Omega:
    """The context of the place."""
    return place.om


@pytest.fixture
def fitted(om: Omega, sales: pd.DataFrame) -> Omega:
    """With data and a model that was fitted on them."""
    put_model(om, sales).runtime.model("mymodel").fit("data-X", "data-Y").get(WAIT)
    return om


@pytest.fixture
def jobs(om: Omega) -> Omega:
    """With five scripts."""
    for i in range(5):
        put_script(om, f"myjob{i}", JOB)
    return om


# -- tasks -------------------------------------------------------------------------------------------------------------


def test_a_model_is_fitted_on_datasets_by_name(om: Omega, sales: pd.DataFrame) -> None:
    put_model(om, sales)
    result = om.runtime.model("mymodel").fit("data-X", "data-Y")
    meta = result.get(WAIT)
    assert (meta.name, meta.version, meta.bucket) == ("mymodel", 2, om.bucket)
    assert om.models.get("mymodel").coef_.ravel().tolist() == pytest.approx([2.0])


def test_every_kind_of_task_returns_an_async_result(om: Omega, sales: pd.DataFrame) -> None:
    put_model(om, sales)
    put_script(om, "myscript", "def run(om, *args, **kwargs):\n    return [om.bucket, list(args), kwargs]")
    args, kwargs = ("data-X", "data-Y"), {"sample_weight": [1.0] * len(sales)}
    result = om.runtime.model("mymodel").fit(*args, **kwargs)
    assert isinstance(result, AsyncResult)
    assert isinstance(result.get(WAIT), Metadata)
    result = om.runtime.script("myscript").run(1, "two", three={"four": 5.0})
    assert isinstance(result, AsyncResult)
    assert result.get(WAIT) == [om.bucket, [1, "two"], {"three": {"four": 5.0}}]


def test_labels_tell_who_runs_tasks(place: Place) -> None:
    labels = place.om.runtime.labels()
    assert all(re.fullmatch(r"[^@\s]+@[^@\s]+", name) for name in labels)
    expected = {name: [label] for label in ("default", "gpu") for name in [place.worker_of(label)]}
    assert labels == (expected if place.is_distributed else {place.worker_of("default"): ["default"]})
    assert place.om.runtime.ping() == dict.fromkeys(labels, "pong")


def test_a_required_label_leads_to_its_worker(place: Place, sales: pd.DataFrame) -> None:
    om = put_model(place.om, sales)
    put_script(om, "myscript", JOB)
    results = [
        om.runtime.require("gpu").model("mymodel").fit("data-X", "data-Y"),
        om.runtime.require("gpu").script("myscript").run("x"),
        om.runtime.script("myscript").run("y"),
    ]
    assert all(result.get(WAIT) for result in results)
    labels = ("gpu", "gpu", "default")
    assert [result.record.worker for result in results] == [place.worker_of(label) for label in labels]


def test_an_async_result_is_a_promise(om: Omega) -> None:
    om.datasets.put(pd.DataFrame({"x": [5.0, 10.0, 11.0, 15.0]}), "new-X")
    om.models.put(LinearRegression().fit(pd.DataFrame({"x": [0.0, 1.0]}), [0.0, 1.0]), "mymodel")
    result = om.runtime.model("mymodel").predict("new-X")
    assert repr(result) == f"<AsyncResult: {result.id}>"
    assert result.status in {PENDING, STARTED, SUCCESS}
    assert np.round(result.get(WAIT), 9).tolist() == [5, 10, 11, 15]
    assert result.status == SUCCESS
    assert result.ready()


def test_a_failing_task_says_why(om: Omega) -> None:
    put_script(om, "wrong", "def run(om, text):\n    return int(text)")
    result = om.runtime.script("wrong").run("five")
    with pytest.raises(ValueError, match="invalid literal") as caught:
        result.get(WAIT)
    assert result.status == FAILURE
    assert "return int(text)" in (result.traceback or "")
    assert any("return int(text)" in note for note in caught.value.__notes__)


# -- many tasks --------------------------------------------------------------------------------------------------------


def test_a_loop_keeps_track_of_every_status(jobs: Omega) -> None:
    om = jobs
    results = []
    for i in range(5):
        result = om.runtime.script(f"myjob{i}").run(i)
        results.append(result)
    give_up, done = time.monotonic() + WAIT, False
    while not done and time.monotonic() < give_up:
        done = all(r.status == "SUCCESS" for r in results)
    assert done
    assert [om.datasets.get(f"results/{i}")["args"] for i in range(5)] == [[i] for i in range(5)]


def test_a_sequence_runs_in_order_and_forwards_each_result(jobs: Omega) -> None:
    om = jobs
    with om.runtime.sequence() as crt:
        for i in range(5):
            om.runtime.script(f"myjob{i}").run(i)
    result = crt.run()
    _assert_metadata_of_five(om, result.getall(WAIT))
    given = [om.datasets.get(f"results/{i}") for i in range(5)]
    assert [value["before"] for value in given] == [None, *(f"results/{i}" for i in range(4))]
    records = [task.record for task in result.results]
    assert all(before.ended <= after.started for before, after in pairwise(records))  # type: ignore[operator]


def test_parallel_returns_results_in_the_order_of_submission(jobs: Omega) -> None:
    om = jobs
    with om.runtime.parallel() as crt:
        for i in range(5):
            om.runtime.script(f"myjob{i}").run(i)
    result = crt.run()
    _assert_metadata_of_five(om, result.getall(WAIT))
    assert [om.datasets.get(f"results/{i}")["before"] for i in range(5)] == [None] * 5


def test_mapreduce_combines_results_in_the_last_task(jobs: Omega) -> None:
    om = jobs
    with om.runtime.mapreduce() as crt:
        for i in range(5):
            om.runtime.script(f"myjob{i}").run(i)
    result = crt.run()
    collected = result.collect(WAIT)
    (single,) = [found for found in collected if isinstance(found, AsyncResult)]
    (group,) = [found for found in collected if isinstance(found, GroupResult)]
    assert len(collected) == 2
    assert repr(single) == f"<AsyncResult: {single.id}>"
    assert repr(group) == f"<GroupResult: {group.id} [{', '.join(task.id for task in group.results)}]>"
    assert len(group) == 4
    assert [meta.name for meta in group.getall(WAIT)] == [f"results/{i}" for i in range(4)]
    assert om.datasets.get(single.get(WAIT).name) == {"args": [4], "before": [f"results/{i}" for i in range(4)]}


def test_the_last_script_of_mapreduce_may_take_nothing_but_the_results(om: Omega) -> None:
    put_script(om, "square", "def run(om, number):\n    return number * number")
    put_script(om, "total", "def run(om, numbers):\n    return sum(numbers)")
    with om.runtime.mapreduce() as crt:
        for i in range(4):
            om.runtime.script("square").run(i)
        om.runtime.script("total").run()
    assert crt.run().get(WAIT) == 14


def test_models_and_scripts_are_mixed_in_one_pipeline(om: Omega, sales: pd.DataFrame) -> None:
    put_model(om, sales)
    put_script(om, "clean", "def run(om, name):\n    return om.datasets.put(om.datasets.get(name).dropna(), 'clean')")
    put_script(om, "report", "def run(om, predicted):\n    return round(sum(predicted), 6)")
    with om.runtime.sequence() as crt:
        om.runtime.model("mymodel").fit("data-X", "data-Y")
        om.runtime.script("clean").run("data-X")
        om.runtime.require("gpu").model("mymodel").predict()
        om.runtime.script("report").run()
    assert crt.run().get(WAIT) == sales["y"].sum()


def test_a_failing_script_ends_a_sequence(jobs: Omega) -> None:
    om = jobs
    put_script(om, "wrong", "def run(om, results=None):\n    raise LookupError('no such customer')")
    with om.runtime.sequence() as crt:
        om.runtime.script("myjob0").run(0)
        om.runtime.script("wrong").run()
        om.runtime.script("myjob2").run(2)
    result = crt.run()
    result.collect(WAIT)
    with pytest.raises(LookupError, match="no such customer"):
        result.get()
    assert [task.status for task in result.results] == [SUCCESS, FAILURE, FAILURE]
    assert om.datasets.list("results/*") == ["results/0"]


# -- statuses, and results elsewhere -----------------------------------------------------------------------------------


@pytest.mark.parametrize("place", DISTRIBUTED, indirect=True)
def test_a_task_is_pending_then_started_then_a_success_that_outlives_its_worker(
    place: Place, command: Command, tmp_path: Path
) -> None:
    om, label = place.om, f"only-{place.om.bucket}"
    put_script(om, "patient", PATIENT)
    result = om.runtime.require(label, wait=True).script("patient").run(str(tmp_path))
    assert (result.status, result.ready()) == (PENDING, False)
    with place.worker(label, name=label) as worker:
        eventually(lambda: result.status == STARTED)
        eventually((tmp_path / "begun").exists)
        assert result.record.worker == worker.name
        (tmp_path / "go").touch()
        assert result.get(WAIT) == "gone"
        assert result.successful()
        assert worker.stop() == 0
    assert [label] not in om.runtime.labels().values()
    program = "import sys, omega_ml as om; result = om.runtime.result(sys.argv[1]); print(result.status, result.get())"
    assert place.python(program, result.id) == "SUCCESS gone"
    done = command("runtime", "result", result.id, "--json", env={**os.environ, **place.env})
    assert json.loads(done.stdout) == {"id": result.id, "status": "SUCCESS", "value": "gone"}, done.stderr


def test_a_result_is_read_by_its_id_in_another_process(place: Place, jobs: Omega) -> None:
    with jobs.runtime.parallel() as crt:
        for i in range(2):
            jobs.runtime.script(f"myjob{i}").run(i)
    group = crt.run()
    assert len(group.getall(WAIT)) == 2
    program = """
        import sys
        import omega_ml as om
        for task in sys.argv[1:]:
            result = om.runtime.result(task)
            print(repr(result), repr(result.get()))
    """
    single = group.results[0]
    lines = place.python(program, single.id, group.id).splitlines()
    assert lines == [f"{task!r} {task.get()!r}" for task in (single, group)]


# -- the newest code, and callbacks ------------------------------------------------------------------------------------


def test_the_next_task_runs_what_was_put_last(om: Omega) -> None:
    source = "from .numbers import NUMBER\n\ndef run(om):\n    return NUMBER"
    for number in (10, 20, 30):
        put_script(om, "myscript", source, numbers=f"NUMBER = {number}")
        assert om.runtime.script("myscript").run().get(WAIT) == number
    assert om.runtime.script("myscript@2").run().get(WAIT) == 20


def test_scripts_of_the_same_module_names_do_not_meet(om: Omega) -> None:
    source = "from .settings import NAME\n\ndef run(om):\n    return NAME"
    for name in ("one", "two"):
        put_script(om, f"{name}/job", source, settings=f"NAME = {name!r}")
    with om.runtime.parallel() as crt:
        for name in ("one", "two", "one"):
            om.runtime.script(f"{name}/job").run()
    assert crt.run().getall(WAIT) == ["one", "two", "one"]


def test_a_callback_hears_of_success_and_failure(om: Omega) -> None:
    put_script(om, "divide", "def run(om, a, b):\n    return a / b")
    put_script(
        om,
        "notify",
        """
        def run(om, result):
            value = result.get() if result.successful() else result.traceback.splitlines()[-1]
            om.datasets.put([result.status, value], f"notes/{result.id}")
        """,
    )
    runtime = om.runtime.callback("notify")
    good, bad = runtime.script("divide").run(6, 3), runtime.script("divide").run(1, 0)
    assert good.get(WAIT) == 2
    with pytest.raises(ZeroDivisionError):
        bad.get(WAIT)
    with runtime.parallel() as crt:
        runtime.script("divide").run(9, 3)
    (third,) = crt.run().results
    names = {f"notes/{result.id}" for result in (good, bad, third)}
    eventually(lambda: set(om.datasets.list("notes/*")) == names)
    assert om.datasets.get(f"notes/{good.id}") == [SUCCESS, 2.0]
    assert om.datasets.get(f"notes/{bad.id}") == [FAILURE, "ZeroDivisionError: division by zero"]
    assert om.datasets.get(f"notes/{third.id}") == [SUCCESS, 3.0]


# -- very many tasks ---------------------------------------------------------------------------------------------------


def test_thousands_of_tasks_in_one_parallel_take_little_memory(tmp_path: Path) -> None:
    om = omega_ml.setup(home=tmp_path / "many")
    om.models.put(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), "double")
    om.runtime.model("double").predict([[0.0]]).get()
    before = _resident()
    with om.runtime.parallel() as crt:
        for i in range(MANY):
            om.runtime.model("double").predict([[float(i)]])
    result = crt.run()
    values = result.getall()
    assert _resident() - before < 80 * MB  # 24 MB for 10,000 when this was written
    assert np.allclose(np.ravel(values), np.arange(MANY) * 2.0)


@pytest.mark.parametrize("place", ["valkey"], indirect=True)
def test_very_many_tasks_in_one_parallel_over_a_broker(place: Place) -> None:
    om = place.om
    om.models.put(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]), "double")
    tracemalloc.start()
    try:
        with om.runtime.parallel() as crt:
            for i in range(MANY_OVER_A_BROKER):
                om.runtime.model("double").predict([[float(i)]])
        result = crt.run()
        values = result.getall(WAIT)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * MB
    assert np.allclose(np.ravel(values), np.arange(MANY_OVER_A_BROKER) * 2.0)
    assert result.status == SUCCESS
    assert {task.record.worker for task in result.results} == {place.worker_of("default")}


def _resident() -> int:
    """Return how many bytes of memory this process takes."""
    return int(psutil.Process().memory_info().rss)


def _assert_metadata_of_five(om: Omega, values: list[Any]) -> None:
    form = r"<Metadata: Metadata\(name=results/%d,bucket=%s,prefix=data/,kind=python\.data,created=[-\d]+ [:.\d]+\)>"
    for i, value in enumerate(values):
        assert re.fullmatch(form % (i, om.bucket), repr(value)), repr(value)
    assert len(values) == 5
