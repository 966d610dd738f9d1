"""`om export|import|backup|restore`."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import omega_ml
from omega_domain.omega import Omega

Run = Callable[..., Any]


@pytest.fixture
def filled(omega: Omega) -> Omega:
    """A store with a model of two versions, and data."""
    omega.models.put(1, "m", tag="v1")
    omega.models.put(2, "m", attributes={"owner": "ada"})
    omega.datasets.put([1, 2], "sales")
    return omega


def test_objects_are_exported_and_imported(om: Run, filled: Omega) -> None:
    done = om("export", "models/m", "datasets/sales", "--path", "x.omega", "--json")
    assert [(row["name"], row["versions"]) for row in done.json] == [("m", 2), ("sales", 1)]
    with tarfile.open("x.omega") as tar:
        assert tar.getnames()[:2] == ["omega.json", "omega.sig"]
    landed = om("import", "x.omega", "--to-bucket", "live", "--json").json
    assert [(row["bucket"], row["name"], row["outcome"]) for row in landed] == [
        ("live", "m", "new"),
        ("live", "sales", "new"),
    ]
    assert filled["live"].models.get("m@v1") == 1
    assert "unchanged" in om("import", "x.omega", "--to-bucket", "live").out


def test_some_objects_are_imported_into_another_home(om: Run, filled: Omega, tmp_path: Path) -> None:
    om("export", "models/m@v1", "datasets/sales", "--path", "x.omega")
    done = om("--home", tmp_path / "other", "--bucket", "b", "import", "x.omega", "datasets/sales")
    assert (done.code, "datasets/sales" in done.out, "models/m" in done.out) == (0, True, False)
    other = omega_ml.setup(home=tmp_path / "other")["b"]
    assert other.datasets.get("sales") == [1, 2]
    assert other.models.list() == []


def test_a_list_shows_what_is_in_an_archive_and_imports_nothing(om: Run, filled: Omega, tmp_path: Path) -> None:
    om("export", "models/m", "--path", "x.omega")
    done = om("--home", tmp_path / "other", "import", "x.omega", "--list")
    assert "models/m" in done.out
    assert "x.omega: from default at 20" in done.err
    listed = om("--home", tmp_path / "other", "import", "x.omega", "--list", "--json").json
    assert (listed["objects"][0]["tags"], listed["form"]) == (["v1"], "archive")
    assert omega_ml.setup(home=tmp_path / "other").models.list() == []


def test_what_is_no_archive_is_refused(om: Run, omega: Omega) -> None:
    Path("x.omega").write_text("x")
    for args in (("import", "x.omega"), ("import", "x.omega", "--list"), ("import", "missing.omega")):
        done = om(*args)
        assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert om("export", "m", "--path", "y.omega").code == 1
    assert not Path("y.omega").exists()


def test_a_context_is_backed_up_and_restored(om: Run, filled: Omega) -> None:
    first = om("backup", "backups", "--json").json
    assert (first["objects"], first["versions"]) == (2, 3)
    filled.models.put(3, "m")
    filled.datasets.drop("sales")
    assert "written" in om("backup", "backups").out
    done = om("restore", "backups", "--at", first["time"], "--json")
    assert {(row["name"], row["outcome"]) for row in done.json} == {("m", "changed"), ("sales", "new")}
    assert (filled.models.get("m"), filled.datasets.get("sales")) == (2, [1, 2])
    assert "models/m" in om("restore", "backups", "models/m").out
    assert filled.models.get("m") == 3


def test_a_backup_of_nothing_restores_nothing(om: Run, omega: Omega) -> None:
    om("backup", "backups")
    assert om("restore", "backups").err == "nothing is in it\n"


def test_a_time_of_another_form_is_wrong_usage(om: Run, omega: Omega) -> None:
    done = om("restore", "backups", "--at", "yesterday")
    assert done.code == 2
    assert "2030-01-31T18:00" in done.err
