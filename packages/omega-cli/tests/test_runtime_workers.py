"""`om runtime labels`, `workers`, `queues`, `ping` and `explain`: who works, what waits, and where a task would go."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sklearn.linear_model import LinearRegression

import omega_ml
from omega_domain.entities.requirement import Worker
from omega_domain.omega import Omega
from omega_domain.tasks.workers import WorkerRegistry, installed_packages

Run = Callable[..., Any]


@pytest.fixture
def clustered(omega: Omega, home: Path, monkeypatch: pytest.MonkeyPatch) -> Omega:
    """The same store with a broker, two models, and nobody who works."""
    omega.models.put(LinearRegression(), "m")
    omega.models.put(LinearRegression(), "large", attributes={"require": {"label": "gpu"}})
    monkeypatch.setenv("OMEGA_BROKER_URL", f"filesystem://{home}/broker")
    return omega_ml.setup(home=home)


def announce(omega: Omega, name: str, *labels: str, capacity: int = 2, **packages: str) -> None:
    """Let a worker say that it lives."""
    now = omega.context.clock.now()
    known = {**installed_packages(), **packages}
    worker = Worker(id=name, name=name, labels=labels, capacity=capacity, packages=known, seen=now)
    WorkerRegistry(omega.context).announce(worker)


@pytest.fixture
def staffed(clustered: Omega) -> Omega:
    """The store with a broker, and two workers."""
    announce(clustered, "one@host", "default", capacity=8)
    announce(clustered, "two@host", "default", "gpu")
    return clustered


def test_this_process_is_the_worker_where_there_is_no_broker(om: Run) -> None:
    [label] = om("runtime", "labels", "--json").json
    [worker] = om("runtime", "workers", "--json").json
    assert label["worker"] == worker["name"]
    assert label["labels"] == worker["labels"] == ["default"]
    assert om("runtime", "ping", "--json").json == [{"worker": worker["name"], "answer": "pong"}]
    assert om("runtime", "queues", "--json").json == [{"label": "default", "waiting": 0, "workers": 1}]


def test_labels_are_listed(om: Run, staffed: Omega) -> None:
    assert om("runtime", "labels").out.splitlines() == [
        "worker    labels",
        "one@host  default",
        "two@host  default, gpu",
    ]


def test_workers_are_listed_with_what_people_look_for(om: Run, staffed: Omega) -> None:
    head, one, two = om("runtime", "workers").out.splitlines()
    assert head.split() == ["name", "labels", "capacity", "seen"]
    assert re.fullmatch(r"one@host  default +8  \d+ s ago", one)
    assert re.fullmatch(r"two@host  default, gpu +2  \d+ s ago", two)


def test_workers_are_listed_with_all_facts_for_programs(om: Run, staffed: Omega) -> None:
    one, _ = om("runtime", "workers", "--json").json
    assert sorted(one) == ["capacity", "labels", "lease", "name", "packages", "seen"]
    assert one["packages"] == installed_packages()


def test_queues_are_listed_with_what_waits_and_who_serves_them(om: Run, staffed: Omega) -> None:
    staffed.runtime.require("tpu", wait=True).model("m").predict([[1.0]])
    assert om("runtime", "queues").out.splitlines() == [
        "label    waiting  workers",
        "default        0        2",
        "gpu            0        1",
        "tpu            1        0",
    ]
    assert om("runtime", "queues", "--json").json[2] == {"label": "tpu", "waiting": 1, "workers": 0}


def test_without_a_worker_the_tables_say_so(om: Run, clustered: Omega) -> None:
    for command in ("labels", "workers"):
        done = om("runtime", command)
        assert (done.code, done.out, done.err) == (0, "", "no worker lives\n")
    done = om("runtime", "ping")
    assert (done.code, done.out, done.err) == (1, "", "no worker lives\n")


def test_a_task_that_nobody_would_run_is_refused_in_one_line(om: Run, staffed: Omega) -> None:
    done = om("runtime", "--require", "tpu", "model", "m", "predict", "[[1]]")
    assert (done.code, done.out) == (1, "")
    done = om("runtime", "--require", "tpu", "model", "m", "run", "1")
    assert (done.code, done.out) == (1, "")
    assert done.err.count("\n") == 1
    assert "no worker lives that serves the label 'tpu'; those that live serve 'default', 'gpu'" in done.err
    assert "om worker --label tpu" in done.err


@pytest.mark.parametrize(
    "args",
    [
        ("--require", "tpu", "--wait", "model", "m", "run", "1"),
        ("model", "m", "run", "1", "--require", "tpu", "--wait"),
    ],
)
def test_a_task_may_wait_for_a_worker(om: Run, staffed: Omega, args: tuple[str, ...]) -> None:
    done = om("runtime", *args, "--async", "--json")
    assert done.code == 0, done.err
    assert done.json["status"] == "PENDING"
    assert done.err == ""
    assert om("runtime", "status", done.json["id"], "--json").json["label"] == "tpu"


def test_a_time_limit_travels_with_the_task(om: Run, staffed: Omega) -> None:
    for args in (("--timeout", "5", "model", "m", "run", "1"), ("model", "m", "run", "1", "--timeout", "5")):
        task = om("runtime", "--timeout", "7", *args, "--async", "--json").json
        assert '"options":{"timeout":5.0}' in staffed.runtime.result(task["id"]).record.envelope  # type: ignore[union-attr]


def test_a_task_is_explained(om: Run, staffed: Omega) -> None:
    found = om("runtime", "explain", "model", "large", "fit", "--json").json
    assert found["label"] == "gpu"
    assert found["why"] == "required by the attributes of 'large'"
    assert found["candidates"] == ["two@host"]
    assert (found["differences"], found["problem"]) == ({}, None)
    assert sorted(found) == ["candidates", "differences", "label", "problem", "queue", "task", "waiting", "why"]
    shown = om("runtime", "explain", "model", "large", "fit").out
    assert re.search(r"^candidates +two@host$", shown, re.MULTILINE)
    assert re.search(r"^differences +-$", shown, re.MULTILINE)


@pytest.mark.parametrize(
    "args", [("--require", "tpu", "explain", "model", "m"), ("explain", "model", "m", "fit", "--require", "tpu")]
)
def test_what_stands_in_the_way_is_explained(om: Run, staffed: Omega, args: tuple[str, ...]) -> None:
    done = om("runtime", *args)
    assert done.code == 0
    assert re.search(r"^why +asked for by require\(\)$", done.out, re.MULTILINE)
    assert re.search(r"^problem +no worker lives that serves the label 'tpu'", done.out, re.MULTILINE)
    assert om("runtime", *args, "--wait", "--json").json["problem"] is None


def test_other_versions_at_a_worker_are_explained(om: Run, clustered: Omega) -> None:
    announce(clustered, "old@host", "default", pandas="1.0", torch="2.0")
    here = installed_packages()["pandas"]
    shown = om("runtime", "explain", "model", "m", "fit").out
    assert re.search(rf"^differences +old@host: pandas 1\.0, here {re.escape(here)}$", shown, re.MULTILINE)
    assert re.search(r"^ +old@host: torch 2\.0, here it is missing$", shown, re.MULTILINE)


def test_explaining_what_is_not_there_is_an_error(om: Run, staffed: Omega) -> None:
    assert om("runtime", "explain", "model", "n", "fit").err.startswith("om: no object 'n' in models")
    assert om("runtime", "explain", "script", "s").err.startswith("om: no object 's' in scripts")
    assert om("runtime", "explain", "model", "m", "train").code == 2
    assert om("runtime", "explain", "dataset", "m").code == 2
