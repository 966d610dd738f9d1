"""`om config show|buckets|doctor|shell`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from omega_domain.omega import Omega

Run = Callable[..., Any]


def test_config_shows_values_with_their_sources(om: Run, home: Path) -> None:
    Path("omega.toml").write_text('author = "me"')
    rows = {row["name"]: row for row in om("--bucket", "b", "config", "show", "--json").json}
    assert rows["bucket"] == {"name": "bucket", "value": "b", "source": "argument"}
    assert rows["store"] == {"name": "store", "value": f"file://{home}", "source": "OMEGA_HOME"}
    assert rows["author"]["source"].endswith("omega.toml")
    assert "OMEGA_HOME" in om("config", "show").out


def test_config_that_is_broken_is_named(om: Run) -> None:
    Path("omega.toml").write_text("bucket =")
    done = om("config", "show")
    assert done.code == 1
    assert "omega.toml is not TOML" in done.err


def test_buckets_are_listed(om: Run, omega: Omega) -> None:
    assert om("buckets").err == "no bucket holds an object yet\n"
    omega["b"].datasets.put(1, "d")
    assert om("buckets", "--json").json == [{"bucket": "b"}]
    assert om("buckets").out.splitlines() == ["bucket", "b"]


def test_the_doctor_finds_nothing_wrong(om: Run) -> None:
    done = om("doctor", "--json")
    assert done.code == 0
    assert {row["state"] for row in done.json} == {"ok"}


def test_the_doctor_says_how_to_mend(om: Run) -> None:
    Path("omega.toml").write_text("bucket = 1")
    done = om("doctor")
    assert done.code == 1
    assert "Mend: " in done.out


def test_the_shell_has_om_in_it(om: Run, omega: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("code.interact", lambda **options: given.update(options))
    monkeypatch.setattr("omega_cli.config.find_spec", lambda _: None)
    om("--bucket", "b", "shell")
    assert given["local"]["om"].bucket == "b"
    assert "Omega(context='default', bucket='b'" in given["banner"]


def test_the_shell_is_ipython_s_if_there_is_one(om: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    ipython = ModuleType("IPython")
    ipython.start_ipython = lambda **options: given.update(options)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setattr("omega_cli.config.find_spec", lambda _: ipython)
    om("shell")
    assert "om" in given["user_ns"]
    assert isinstance(given["user_ns"]["om"], Omega)
