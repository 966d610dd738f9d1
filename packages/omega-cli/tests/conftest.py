"""What tests of the command line share: a home of their own, and `om` in this process."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import omega_ml
from omega_cli import main
from omega_domain.omega import Omega


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What was printed, as JSON."""
        return json.loads(self.out)


Run = Callable[..., Outcome]


@pytest.fixture(scope="session", autouse=True)
def command_made_once() -> Iterator[None]:
    """Typer makes all commands anew at each call, which takes four fifths of a command's time here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main, "app", get_command(main.app))
        yield


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of this test's own; no setting of who runs the tests is seen."""
    import os

    for name in [name for name in os.environ if name.startswith("OMEGA_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("OMEGA_HOME", str(tmp_path / "home"))
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return tmp_path / "home"


@pytest.fixture
def omega(home: Path) -> Omega:
    """The same store, from Python."""
    return omega_ml.setup(home=home)


@pytest.fixture
def om(home: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command, run in this process."""

    def call(*args: object) -> Outcome:
        code = main.run([str(arg) for arg in args])
        out, err = capsys.readouterr()
        return Outcome(code, out, err)

    return call
