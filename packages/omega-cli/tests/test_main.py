"""`om`: global options, exit codes and errors, through the real command."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_cli import main
from omega_domain.omega import Omega

Run = Callable[..., Any]
OM = Path(sys.executable).parent / "om"


def call(*args: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([OM, *args], capture_output=True, text=True, check=False, **options)


def test_the_help_lists_all_commands() -> None:
    done = call("--help")
    assert done.returncode == 0
    shown = {line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert {name for names in main.SECTIONS.values() for name in names} <= shown


@pytest.mark.parametrize("group", ["datasets", "runtime", "config"])
def test_a_group_has_help(group: str) -> None:
    assert call(group, "--help").returncode == 0


def test_the_version_is_shown() -> None:
    done = call("--version")
    assert (done.returncode, done.stdout) == (0, "om 0.1.0\n")


def test_without_a_command_the_help_is_shown() -> None:
    done = call()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: om")
    assert "See om --help" not in done.stderr


def test_an_unknown_command_is_wrong_usage_and_the_nearest_is_named() -> None:
    done = call("datasets", "lst")
    assert (done.returncode, done.stdout) == (2, "")
    assert "Did you mean 'list'?" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_failure_is_one_line(home: Path) -> None:
    done = call("datasets", "get", "nothing")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "om: no object 'nothing' in datasets of bucket 'omega'; nothing like it is there\n"


def test_debug_shows_the_traceback(home: Path) -> None:
    done = call("datasets", "get", "nothing", "--debug")
    assert done.returncode == 1
    assert "Traceback (most recent call last)" in done.stderr
    assert "ObjectNotFoundError" in done.stderr


def test_an_unexpected_failure_names_its_type(om: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("omega_domain.omega.Omega.buckets", property(broken))
    done = om("buckets")
    assert done.code == 1
    assert done.err == "om: RuntimeError: two lines (--debug shows where)\n"


def test_an_interrupt_ends_quietly(om: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("omega_domain.omega.Omega.buckets", property(interrupted))
    assert om("buckets").code == 128 + signal.SIGINT


def test_a_closed_pipe_is_no_failure_to_shout_about(omega: Omega) -> None:
    for number in range(200):
        omega.datasets.put(number, f"dataset/with/a/long/name/{number}" + "x" * 100)
    done = subprocess.run(f"{OM} datasets list | head -1", shell=True, capture_output=True, text=True, check=False)  # noqa: S602
    assert done.stderr == ""


@pytest.mark.parametrize(
    "args",
    [
        ["--bucket", "b", "datasets", "list", "--json"],
        ["--json", "datasets", "list", "--bucket", "b"],
        ["datasets", "list", "--bucket=b", "--json"],
        ["datasets", "--bucket=b", "list", "--json"],
    ],
)
def test_global_options_may_stand_anywhere(om: Run, omega: Omega, args: list[str]) -> None:
    omega["b"].datasets.put(1, "d")
    assert [row["name"] for row in om(*args).json] == ["d"]


def test_what_stands_behind_two_dashes_is_no_option(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "--json")
    assert om("datasets", "get", "--", "--json").out == "1\n"


def test_a_global_option_without_a_value_is_wrong_usage(om: Run) -> None:
    done = om("datasets", "list", "--bucket")
    assert done.code == 2
    assert "--bucket" in done.err


def test_home_chooses_the_store(om: Run, tmp_path: Path) -> None:
    Path("x.json").write_text("1")
    om("datasets", "put", "x.json", "x", "--home", tmp_path / "other")
    assert om("--home", tmp_path / "other", "datasets", "list", "--json").json[0]["name"] == "x"
    assert om("datasets", "list", "--json").json == []


def test_a_context_chooses_a_table_of_settings(om: Run, tmp_path: Path) -> None:
    Path("omega.toml").write_text(f'[contexts.dev]\nhome = "{tmp_path / "dev"}"')
    Path("x.json").write_text("1")
    om("--context", "dev", "datasets", "put", "x.json", "x")
    assert (tmp_path / "dev").exists()
    assert om("datasets", "list", "--json").json == []


def test_warnings_are_one_line_on_stderr(home: Path) -> None:
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    folder = Path("broken-1.0.dist-info")
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[omega.backends]\nodd = no_such_module:Backend\n")
    Path("x.txt").write_text("x")
    done = call("datasets", "put", "x.txt", "x", env=environ)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("om: warning: ")
    assert "no_such_module" in done.stderr
    assert done.stderr.count("\n") == 1


def test_work_is_shown_on_a_terminal(om: Run, omega: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    Path("x.csv").write_text("x\n1\n")
    assert "reading x.csv" in om("datasets", "put", "x.csv", "x").err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert om("gc").code == 0


def test_wrong_usage_repeats_no_secret(om: Run) -> None:
    for words in (("config", "show", "mongodb:/ada:moon@h"), ("datasets", "get", "x", "--limit=redis://:moon@h")):
        done = om(*words)
        assert done.code == 2
        assert "moon" not in done.err
        assert "***" in done.err
