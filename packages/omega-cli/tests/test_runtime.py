"""`om runtime model` and `script`: training, predicting and running by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from omega_domain.omega import Omega

Run = Callable[..., Any]

ECHO = """
def run(om, *args, **kwargs):
    print("called")
    return {"args": list(args), "kwargs": kwargs, "bucket": om.bucket}
"""


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


@pytest.mark.parametrize(
    "args",
    [
        ("runtime", "--require", "gpu", "model", "m", "predict", "d[x]"),
        ("runtime", "model", "m", "predict", "d[x]", "--require", "gpu"),
        ("runtime", "--require", "tpu", "model", "--require", "gpu", "m", "predict", "d[x]"),
    ],
)
def test_a_requirement_is_passed_on(om: Run, trained: None, args: tuple[str, ...]) -> None:
    task = om(*args, "--async", "--json").json
    assert om("runtime", "status", task["id"], "--json").json["label"] == "gpu"


def test_a_negative_time_limit_is_wrong_usage(om: Run, trained: None) -> None:
    assert om("runtime", "model", "m", "predict", "d[x]", "--timeout", "-1").code == 2
    assert om("runtime", "--timeout", "-1", "model", "m", "predict", "d[x]").code == 2


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


@pytest.fixture
def echo(omega: Omega) -> None:
    """A script in two buckets that returns how it was called."""
    Path("echo.py").write_text(ECHO)
    for bucket in ("omega", "b"):
        omega[bucket].scripts.put("echo.py", "echo")


@pytest.mark.parametrize(
    ("words", "args", "kwargs"),
    [
        ([], [], {}),
        (["1", "two", "[3, null]"], [1, "two", [3, None]], {}),
        (["a=1", "b=text", 'c={"x": 1}'], [], {"a": 1, "b": "text", "c": {"x": 1}}),
        (["1", "größe=2"], [1], {"größe": 2}),
        (["http://x/?a=b", "1=2", '"a=b"'], ["http://x/?a=b", "1=2", "a=b"], {}),
        (["--", "-1", "--json"], [-1, "--json"], {}),
    ],
)
def test_a_script_is_called_with_values(
    om: Run, echo: None, words: list[str], args: list[Any], kwargs: dict[str, Any]
) -> None:
    done = om("--json", "runtime", "script", "echo", "run", *words)
    assert done.code == 0, done.err
    assert done.json["status"] == "SUCCESS"
    assert done.json["value"] == {"args": args, "kwargs": kwargs, "bucket": "omega"}


@pytest.mark.parametrize("folder", [False, True])
def test_a_script_is_put_from_a_file_or_folder(om: Run, tmp_path: Path, folder: bool) -> None:
    path = tmp_path / "nightly" / "__init__.py" if folder else tmp_path / "nightly.py"
    path.parent.mkdir(exist_ok=True)
    path.write_text("def run(om, n):\n    return n + 1\n")
    done = om("scripts", "put", path.parent if folder else path, "nightly", "--json")
    assert done.json["kind"] == "python.package", done.err
    assert om("runtime", "script", "nightly", "run", "n=1").out == "2\n"


def test_code_that_is_put_as_a_file_stays_a_file(om: Run) -> None:
    Path("s.py").write_text(ECHO)
    assert om("scripts", "put", "s.py", "s", "--format", "file", "--json").json["kind"] == "python.file"
    assert om("datasets", "put", "s.py", "s", "--json").json["kind"] == "python.file"


def test_a_script_runs_in_the_bucket(om: Run, echo: None) -> None:
    assert om("--bucket", "b", "--json", "runtime", "script", "echo", "run").json["value"]["bucket"] == "b"


def test_a_script_need_not_be_waited_for(om: Run, echo: None) -> None:
    submitted = om("runtime", "script", "echo", "run", "1", "--async", "--json").json
    assert om("runtime", "result", submitted["id"], "--json").json["value"]["args"] == [1]


def test_a_script_goes_to_the_required_label(om: Run, echo: None) -> None:
    submitted = om("runtime", "script", "echo", "run", "--require", "gpu", "--async", "--json").json
    assert om("runtime", "status", submitted["id"], "--json").json["label"] == "gpu"


@pytest.mark.parametrize(
    ("words", "problem"),
    [(["a=1", "2"], "values without a name stand before"), (["a=1", "a=2"], "'a' is given twice")],
)
def test_a_call_that_python_would_not_take_is_wrong_usage(om: Run, echo: None, words: list[str], problem: str) -> None:
    done = om("runtime", "script", "echo", "run", *words)
    assert done.code == 2
    assert problem in done.err


def test_a_script_has_nothing_to_do_but_run(om: Run, echo: None) -> None:
    for words in (["walk"], []):
        done = om("runtime", "script", "echo", *words)
        assert done.code == 2
        assert "run" in done.err
        assert done.err.count("\n") == 1


def test_a_missing_script_is_one_line(om: Run, echo: None) -> None:
    done = om("runtime", "script", "ecko", "run")
    assert (done.code, done.out) == (1, "")
    assert done.err == "om: no object 'ecko' in scripts of bucket 'omega'; nearest are: echo\n"


def test_output_of_a_task_is_read_by_its_id(om: Run, echo: None) -> None:
    task = om("runtime", "script", "echo", "run", "--logging", "--async", "--json").json
    assert om("runtime", "log", "--task", task["id"]).out.endswith("stdout: called\n")
    silent = om("runtime", "script", "echo", "run", "--async", "--json").json
    assert om("runtime", "log", "--task", silent["id"]).out == ""
