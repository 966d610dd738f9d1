"""`om runtime`: training, predicting and running by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from omega_domain.omega import Omega

Run = Callable[..., Any]


@pytest.fixture
def trained(omega: Omega) -> None:
    """A dataset, and a model that was fitted on it."""
    omega.datasets.put(pd.DataFrame({"x": [1.0, 2.0, 3.0], "y": [3.0, 5.0, 7.0]}), "d")
    omega.models.put(LinearRegression(), "m")
    omega.runtime.model("m").fit("d[x]", "d[y]").get()


def test_a_fit_makes_a_version(om: Run, trained: None) -> None:
    done = om("runtime", "model", "m", "fit", "d[x]", "d[y]", "--json")
    assert done.code == 0, done.err
    assert (done.json["status"], done.json["value"]["version"]) == ("SUCCESS", 3)


def test_a_prediction_is_printed(om: Run, trained: None) -> None:
    values = om("runtime", "model", "m", "predict", "d[x]", "--json").json["value"]
    assert [round(value) for value in values] == [3, 5, 7]
    assert om("runtime", "model", "m", "predict", "d[x]").out.strip() != ""


def test_a_result_is_stored(om: Run, omega: Omega, trained: None) -> None:
    saved = om("runtime", "model", "m", "predict", "d[x]", "--result", "p", "--json").json["value"]
    assert (saved["name"], saved["prefix"]) == ("p", "data/")
    assert len(omega.datasets.get("p")) == 3
    assert "p" in om("runtime", "model", "m", "predict", "d[x]", "--result", "p").out


def test_a_score_is_printed(om: Run, trained: None) -> None:
    assert om("runtime", "model", "m", "score", "*", "*", "--json").json["value"] == pytest.approx(1.0)


def test_a_requirement_is_passed_on(om: Run, trained: None) -> None:
    assert om("runtime", "--require", "gpu", "model", "m", "predict", "d[x]").code == 0


def test_tasks_run_in_this_process_when_asked(om: Run, trained: None) -> None:
    assert om("--local", "runtime", "model", "m", "predict", "d[x]").code == 0


def test_a_task_need_not_be_waited_for(om: Run, trained: None) -> None:
    submitted = om("runtime", "model", "m", "predict", "d[x]", "--async", "--json").json
    assert sorted(submitted) == ["id", "status"]
    found = om("runtime", "result", submitted["id"], "--timeout", "10", "--json").json
    assert (found["id"], found["status"], len(found["value"])) == (submitted["id"], "SUCCESS", 3)


def test_an_unknown_task_is_an_error(om: Run) -> None:
    done = om("runtime", "result", "nothing")
    assert done.code == 1
    assert "nothing" in done.err


def test_a_target_for_what_takes_none_is_wrong_usage(om: Run, trained: None) -> None:
    done = om("runtime", "model", "m", "predict", "d[x]", "d[y]")
    assert done.code == 2
    assert "predict takes no target" in done.err


def test_an_unknown_action_is_wrong_usage(om: Run) -> None:
    done = om("runtime", "model", "m", "train")
    assert done.code == 2
    assert "'fit'" in done.err


def test_what_fails_is_one_line(om: Run, omega: Omega, trained: None) -> None:
    omega.models.put(LinearRegression(), "new")
    done = om("runtime", "model", "new", "predict", "d[x]")
    assert (done.code, done.out) == (1, "")
    assert "not fitted" in done.err
    assert done.err.count("\n") == 1


def test_parameters_are_passed_on(om: Run, trained: None) -> None:
    done = om("runtime", "model", "m", "predict", "d[x]", "-p", "pure_python=true", "--json")
    assert [round(value) for value in done.json["value"]] == [3, 5, 7]


def test_a_function_is_run(om: Run, omega: Omega) -> None:
    from omega_ml import virtualobj

    @virtualobj
    def double(data: Any = None, method: str | None = None, **kwargs: Any) -> Any:
        return [2 * value for value in data]

    omega.models.put(double, "double")
    assert om("runtime", "model", "double", "run", "[1, 2]", "--json").json["value"] == [2, 4]


def test_workers_labels_and_tasks_are_shown(om: Run, trained: None) -> None:
    [label] = om("runtime", "labels", "--json").json
    [worker] = om("runtime", "workers", "--json").json
    assert label["worker"] == worker["name"]
    assert label["labels"] == worker["labels"] == ["default"]
    assert om("runtime", "ping", "--json").json == [{"worker": worker["name"], "answer": "pong"}]
    assert om("runtime", "status", "--json").json["tasks"]["SUCCESS"] == 1
    assert "SUCCESS" in om("runtime", "status").out


def test_without_a_worker_there_is_no_answer(om: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_domain.services.runtime.OmegaRuntime.ping", lambda _: {})
    done = om("runtime", "ping")
    assert (done.code, done.err) == (1, "no worker lives\n")
