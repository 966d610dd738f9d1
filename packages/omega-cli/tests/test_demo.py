"""`om demo`: the story on real data."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

import omega_ml
from omega_cli.demo import command, story
from omega_cli.demo.narration import code_of, tell_end
from omega_domain.errors import SettingsError

Run = Callable[..., Any]
OM = Path(sys.executable).parent / "om"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The home of a demo, and what it told without a terminal."""
    home = tmp_path_factory.mktemp("demo") / "home"
    done = demo(home)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return home, done.stdout


def demo(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Tell the story, with one thread for the trees: other tests run beside it."""
    environ = {**os.environ, "OMP_NUM_THREADS": "1", "OMEGA_HOME": str(home)}
    return subprocess.run([OM, "demo", *options], env=environ, capture_output=True, text=True, check=False)


def test_every_step_is_told(told: tuple[Path, str]) -> None:
    for step in story.STEPS:
        assert step.title in told[1]


def test_all_flights_are_there(told: tuple[Path, str]) -> None:
    om = omega_ml.setup(home=told[0], bucket="dev")
    assert om.datasets.summary("flights")["rows"] == 336_776


def test_the_second_version_is_better_and_in_production(told: tuple[Path, str]) -> None:
    om = omega_ml.setup(home=told[0], bucket="dev")
    scores = story.compare(om)
    assert 0 < scores["delay@linear"] < scores["delay@boosted"] < 1
    meta = om["prod"].models.metadata("delay")
    assert meta is not None
    assert meta.provenance is not None
    assert meta.provenance["bucket"] == "dev"


def test_what_is_told_fits_eighty_columns(told: tuple[Path, str]) -> None:
    assert [line for line in told[1].splitlines() if len(line) > 80 and str(told[0]) not in line] == []
    assert [line for line in told[1].splitlines() if line != line.rstrip()] == []


def test_it_may_be_told_again(told: tuple[Path, str]) -> None:
    done = demo(told[0], "--json")
    assert done.returncode == 0, done.stderr
    again = json.loads(done.stdout)
    assert [step["step"] for step in again["steps"]] == [step.title for step in story.STEPS]
    assert again["store"] == f"file://{told[0]}"


def test_the_code_that_is_shown_is_what_runs() -> None:
    assert code_of(story.space) == "om.usage()"
    assert "return" not in code_of(story.train)
    assert inspect.getdoc(story.train) is not None


def test_it_never_works_in_the_user_s_own_store(home: Path, monkeypatch: pytest.MonkeyPatch, om: Run) -> None:
    monkeypatch.delenv("OMEGA_HOME")
    monkeypatch.setattr(story, "STEPS", ())
    monkeypatch.setattr("omega_cli.demo.narration.STEPS", ())
    Path("omega.toml").write_text('home = "precious"')
    assert om("demo", "--json").json["store"] == f"file://{command.HOME.expanduser()}"


def test_without_the_data_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(story, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install 'omega-cli\[demo\]'"):
        story.data_folder()


def test_the_end_says_where_the_command_is_if_the_shell_does_not_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    om, said = omega_ml.setup(store="memory://demo"), StringIO()
    for found in (None, "/usr/bin/om"):
        monkeypatch.setattr("shutil.which", lambda _, found=found: found)
        tell_end(om, Console(file=said), 1.0)
    assert said.getvalue().count(f"export PATH={OM.parent}") == 1
    assert said.getvalue().count("om --bucket dev datasets list") == 2
