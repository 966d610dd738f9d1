"""`om gc|fsck|du`: garbage, damage and space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_domain.omega import Omega

Run = Callable[..., Any]


def damage(home: Path) -> None:
    """Change the content of every blob."""
    for blob in (home / "blobs").rglob("*"):
        if blob.is_file():
            blob.chmod(0o600)
            blob.write_bytes(b"damaged")


@pytest.fixture
def array(omega: Omega) -> None:
    """An object that is kept in a blob."""
    import numpy as np

    omega.datasets.put(np.arange(100), "a")


def test_gc_tells_what_it_removes(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "d")
    omega.datasets.drop("d")
    assert om("gc", "--json").json["objects"] == []
    would = om("gc", "--grace", "0s", "--dry-run", "--json").json
    assert would["objects"] == ["omega:data/d"]
    assert would["is_dry_run"] is True
    assert om("gc", "--grace", "0s", "--json").json["objects"] == ["omega:data/d"]
    assert om("gc", "--grace", "0s", "--json").json["objects"] == []


def test_gc_prints_facts(om: Run) -> None:
    assert "versions" in om("gc").out


def test_a_grace_of_another_form_is_wrong_usage(om: Run) -> None:
    done = om("gc", "--grace", "soon")
    assert done.code == 2
    assert "'15m'" in done.err


def test_fsck_is_quiet_when_all_is_well(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "d")
    done = om("fsck")
    assert (done.code, done.out, done.err) == (0, "", "all is well\n")
    assert om("fsck", "--json").json == []


def test_fsck_finds_damage(om: Run, array: None, home: Path) -> None:
    damage(home)
    done = om("fsck", "--json")
    assert done.code == 1
    assert [finding["severity"] for finding in done.json] == ["damage"]
    assert "omega:data/a" in om("fsck").out


def test_a_quick_fsck_reads_nothing(om: Run, array: None, home: Path) -> None:
    damage(home)
    assert om("fsck", "--quick").code == 0


def test_what_is_damaged_is_not_got(om: Run, array: None, home: Path) -> None:
    damage(home)
    done = om("datasets", "get", "a")
    assert (done.code, done.out) == (1, "")
    assert "SHA-256" in done.err


def test_du_shows_what_takes_how_much(om: Run, omega: Omega, array: None) -> None:
    omega.datasets.promote("a", omega["prod"].datasets)
    report = om("du", "--json").json
    assert [(row["bucket"], row["exclusive"]) for row in report["objects"]] == [("omega", 0), ("prod", 0)]
    assert report["stored"] == report["live"] == report["objects"][0]["total"]
    assert "stored" in om("du").out


def test_du_of_one_bucket(om: Run, omega: Omega, array: None) -> None:
    omega.datasets.promote("a", omega["prod"].datasets)
    assert [row["bucket"] for row in om("--bucket", "prod", "du", "--json").json["objects"]] == ["prod"]


def test_du_of_nothing_says_so(om: Run) -> None:
    assert om("du").err == "nothing is stored\n"


def test_a_database_that_was_lost_beside_its_blobs_is_told_and_gc_refuses(om: Run, array: None, home: Path) -> None:
    for path in home.glob("omega.db*"):
        path.unlink()
    done = om("gc")
    assert done.code == 1
    assert "nothing was removed" in done.err
    assert "om gc --force" in done.err
    [finding] = om("fsck", "--json").json
    assert finding["severity"] == "damage"
    assert "is younger than 1 blob(s)" in finding["what"]
    assert "damaged" in om("doctor").out
    assert len(list(home.glob("blobs/*/*"))) >= 1
    assert om("gc", "--force", "--json").code == 0
    assert om("fsck", "--json").json == []
