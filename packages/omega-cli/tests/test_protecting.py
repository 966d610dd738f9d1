"""Protected contexts: what changes one asks before, what reads does not."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

import omega_ml
from omega_domain.omega import Omega

Run = Callable[..., Any]
OM = Path(sys.executable).parent / "om"

CHANGING = [
    "datasets put x.json y",
    "datasets drop x",
    "datasets metadata x -a a=1",
    "datasets tag x first",
    "datasets compact x",
    "datasets promote x --to other",
    "promote dataset x --as z",
    "models drop m",
    "scripts put x.json s",
    "gc",
    "runtime model m fit x[a] x[b]",
    "runtime model m predict x[a] --result predicted",
    "runtime model m predict x[a] --param rName=predicted",
    "runtime model m predict x[a] -p rName=predicted",
    "runtime script s run",
    "demo",
]
READING = [
    "datasets list",
    "datasets get x",
    "datasets metadata x",
    "datasets versions x",
    "datasets summary x",
    "datasets promote x --to-context default",
    "promote dataset x --to-context default",
    "gc --dry-run",
    "fsck",
    "du",
    "buckets",
    "config show",
    "context show",
    "runtime status",
    "runtime model m predict x[a]",
]


class Terminal(io.StringIO):
    """Somebody who answers on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def prod(home: Path) -> Omega:
    """A protected context with something in it."""
    Path("omega.toml").write_text('[contexts.prod]\nhome = "prod"\nprotected = true\n')
    Path("x.json").write_text("1")
    prod = omega_ml.setup(context="prod")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [2.0, 4.0]})
    prod.datasets.put(frame, "x")
    prod.models.put(LinearRegression().fit(frame[["a"]], frame["b"]), "m")
    return prod


def everything(om: Omega) -> list[dict[str, Any]]:
    """Return what is known of every version of everything that was put."""
    stores = [getattr(om[name], store) for name in om.buckets for store in ("datasets", "models", "scripts")]
    return [version.to_plain() for store in stores for name in store.list() for version in store.versions(name)]


@pytest.mark.parametrize("command", CHANGING)
def test_what_changes_a_protected_context_is_refused_where_nobody_can_be_asked(
    om: Run, prod: Omega, command: str
) -> None:
    before = everything(prod)
    done = om("--context", "prod", *command.split())
    assert done.code == 1
    assert done.err == "om: the context 'prod' is protected, nothing was changed; --yes changes it\n"
    assert everything(prod) == before


@pytest.mark.parametrize("command", READING)
def test_what_reads_a_protected_context_does_not_ask(om: Run, prod: Omega, command: str) -> None:
    done = om("--context", "prod", *command.split())
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    "command", ["datasets put x.json y", "datasets tag x t", "runtime model m fit x[a] x[b]", "gc"]
)
@pytest.mark.parametrize("before", [True, False])
def test_yes_changes_it_without_a_question(om: Run, prod: Omega, command: str, *, before: bool) -> None:
    words = [*(["--yes"] if before else []), "--context", "prod", *command.split(), *([] if before else ["--yes"])]
    done = om(*words)
    assert done.code == 0, done.err
    assert "protected" not in done.err


def test_a_task_of_a_protected_context_is_not_cancelled(om: Run, prod: Omega) -> None:
    task = om("--context", "prod", "runtime", "model", "m", "predict", "x[a]", "--async", "--json").json["id"]
    assert om("--context", "prod", "runtime", "cancel", task).code == 1


def test_a_promotion_into_a_protected_context_is_refused(om: Run, prod: Omega, omega: Omega) -> None:
    omega.datasets.put([1], "new")
    assert om("datasets", "promote", "new", "--to-context", "prod").code == 1
    assert not prod.datasets.exists("new")
    assert om("datasets", "promote", "new", "--to-context", "prod", "--yes").code == 0
    assert prod.datasets.exists("new")


def test_a_protected_folder_is_protected_whatever_it_is_called(om: Run, prod: Omega) -> None:
    assert "'prod' is protected" in om("--home", "prod", "datasets", "drop", "x").err
    assert prod.datasets.exists("x")


def test_other_contexts_are_not_asked_about(om: Run, prod: Omega) -> None:
    assert om("datasets", "put", "x.json", "x").code == 0


@pytest.mark.parametrize(("answer", "code"), [("prod\n", 0), ("prdo\n", 1), ("y\n", 1), ("", 1)])
def test_the_name_of_the_context_is_asked_for_on_a_terminal(
    om: Run, prod: Omega, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    done = om("--context", "prod", "datasets", "drop", "x")
    assert done.code == code
    assert "The context 'prod' is protected. Type its name to change it: " in done.err
    assert prod.datasets.exists("x") is (code == 1)


def test_one_answer_is_enough_for_one_command(prod: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    from omega_cli.session import Session

    monkeypatch.setattr("sys.stdin", Terminal("prod\n"))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    session = Session()
    session.changing(prod)
    session.changing(prod["bucket"])
    session.changing()


def test_a_real_terminal_asks_and_takes_the_answer(prod: Omega) -> None:
    terminal, other = pty.openpty()
    command = [str(OM), "--context", "prod", "datasets", "drop", "x"]
    with subprocess.Popen(command, stdin=other, stderr=other, stdout=subprocess.PIPE, text=True) as om:
        os.close(other)
        said = b""
        while not said.endswith(b"to change it: "):
            said += os.read(terminal, 1024)
        os.write(terminal, b"prod\n")
        printed, _ = om.communicate(timeout=60)
    os.close(terminal)
    assert (om.returncode, "dropped" in printed) == (0, True)
    assert not prod.datasets.exists("x")
