"""A user's day at the terminal: from a CSV file to predictions in production, by nothing but the command."""

from __future__ import annotations

import json
import os
import pty
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import omega_ml

Command = Callable[..., Any]
OM = Path(sys.executable).parent / "om"


def ok(done: Any) -> str:
    """What a command printed, that must have been done."""
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_from_a_file_to_production(command: Command, sales: pd.DataFrame) -> None:
    sales.to_csv("sales.csv", index=False)
    ok(command("--bucket", "dev", "datasets", "put", "sales.csv", "sales", "--tag", "raw"))
    assert "pandas.parquet" in ok(command("--bucket", "dev", "datasets", "list"))
    shown = json.loads(ok(command("--bucket", "dev", "datasets", "get", "sales[x]", "--where", "x__lt=2", "--json")))
    assert shown["value"] == [{"x": 0.0}, {"x": 1.0}]

    omega_ml.setup(bucket="dev").models.put(LinearRegression(), "forecast")
    ok(command("--bucket", "dev", "runtime", "model", "forecast", "fit", "sales[x]", "sales[y]"))
    ok(command("--bucket", "dev", "models", "tag", "forecast", "good"))
    tags = [
        row["tags"] for row in json.loads(ok(command("--bucket", "dev", "models", "versions", "forecast", "--json")))
    ]
    assert tags == [[], ["good"]]

    ok(command("--bucket", "dev", "promote", "model", "forecast@good", "--to", "prod"))
    ok(command("--bucket", "dev", "promote", "datasets", "sales", "--to", "prod", "--as", "today"))
    ok(command("--bucket", "prod", "runtime", "model", "forecast", "predict", "today[x]", "--result", "tomorrow"))
    assert ok(command("--bucket", "prod", "datasets", "get", "tomorrow", "tomorrow.csv")) != ""
    assert len(Path("tomorrow.csv").read_text().splitlines()) == len(sales) + 1

    assert json.loads(ok(command("buckets", "--json"))) == [{"bucket": "dev"}, {"bucket": "prod"}]
    assert json.loads(ok(command("fsck", "--json"))) == []
    assert json.loads(ok(command("du", "--json")))["live"] > 0
    ok(command("gc"))


def test_a_task_is_followed_from_another_process(command: Command, sales: pd.DataFrame) -> None:
    om = omega_ml.setup()
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression().fit(sales[["x"]], sales["y"]), "m")
    submitted = json.loads(ok(command("runtime", "model", "m", "score", "sales[x]", "sales[y]", "--async", "--json")))
    result = json.loads(ok(command("runtime", "result", submitted["id"], "--json")))
    assert (result["status"], result["value"]) == ("SUCCESS", pytest.approx(1.0))


def test_a_task_that_fails_is_one_line(command: Command, sales: pd.DataFrame) -> None:
    om = omega_ml.setup()
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression(), "m")
    done = command("runtime", "model", "m", "predict", "sales[x]")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("om: ")
    assert "not fitted" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" in command("--debug", "runtime", "model", "m", "predict", "sales[x]").stderr


def test_a_task_on_data_that_is_missing_fails_before_it_is_queued(command: Command) -> None:
    omega_ml.setup().models.put(LinearRegression(), "m")
    done = command("runtime", "model", "m", "fit", "nothing[x]", "nothing[y]")
    assert done.returncode == 1
    assert "'nothing'" in done.stderr


def test_parameters_reach_the_action(command: Command, sales: pd.DataFrame) -> None:
    om = omega_ml.setup()
    om.datasets.put(sales, "sales")
    om.models.put(LinearRegression(), "m")
    grid = '{"fit_intercept": [true, false]}'
    ok(command("runtime", "model", "m", "gridsearch", "sales[x]", "sales[y]", "-p", f"parameters={grid}"))
    assert om.models.get("m").fit_intercept is True


def test_the_runtime_says_who_works(command: Command) -> None:
    [labels] = json.loads(ok(command("runtime", "labels", "--json")))
    assert labels["labels"] == ["default"]
    assert json.loads(ok(command("runtime", "workers", "--json")))
    assert ok(command("runtime", "ping"))
    assert ok(command("runtime", "status"))


def test_on_a_terminal_tables_fit_and_progress_is_shown(tmp_path: Path) -> None:
    pd.DataFrame({"x": range(1000)}).to_csv("x.csv", index=False)
    environ = {**os.environ, "COLUMNS": "60", "TERM": "xterm"}
    assert "reading x.csv" in on_terminal([str(OM), "datasets", "put", "x.csv", "x"], environ)
    assert "pandas.parquet" in on_terminal([str(OM), "datasets", "list"], environ)


def on_terminal(words: list[str], environ: dict[str, str]) -> str:
    """Run a command on a terminal of its own; return what it wrote there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(words[0], words, environ)  # noqa: S606 -- pty gives no other way
    pieces = []
    try:
        while piece := os.read(terminal, 4096):
            pieces.append(piece)
    except OSError:  # the end, on Linux
        pass
    os.close(terminal)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    return b"".join(pieces).decode()
