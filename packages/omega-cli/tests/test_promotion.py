"""`om promote`: copying objects between buckets and contexts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import omega_ml
from omega_domain.omega import Omega

Run = Callable[..., Any]


def test_an_object_is_promoted_to_a_bucket(om: Run, omega: Omega) -> None:
    omega["dev"].datasets.put([1], "d")
    saved = om("--bucket", "dev", "promote", "datasets", "d", "--to", "prod", "--tag", "live", "--json").json
    assert (saved["bucket"], saved["tags"]) == ("prod", ["live"])
    assert saved["provenance"]["bucket"] == "dev"
    assert omega["prod"].datasets.get("d") == [1]


@pytest.mark.parametrize("what", ["model", "models"])
def test_a_store_may_be_named_by_what_it_keeps(om: Run, omega: Omega, what: str) -> None:
    omega.models.put(1, "m")
    assert om("promote", what, "m", "--to", "prod", "--as", "n").code == 0
    assert omega["prod"].models.get("n") == 1


def test_the_group_of_a_store_promotes_too(om: Run, omega: Omega) -> None:
    omega.models.put(1, "m", tag="v1")
    omega.models.put(2, "m")
    assert om("models", "promote", "m@v1", "--to", "prod").code == 0
    assert omega["prod"].models.get("m") == 1


def test_an_object_is_promoted_to_a_context(om: Run, omega: Omega, tmp_path: Path) -> None:
    Path("omega.toml").write_text(f'[contexts.prod]\nhome = "{tmp_path / "prod"}"')
    omega["dev"].datasets.put([1], "d")
    saved = om("--bucket", "dev", "promote", "datasets", "d", "--to-context", "prod", "--json").json
    assert saved["bucket"] == "omega"
    assert omega_ml.setup(home=tmp_path / "prod").datasets.get("d") == [1]
    om("--bucket", "dev", "promote", "datasets", "d", "--to-context", "prod", "--to", "live")
    assert omega_ml.setup(home=tmp_path / "prod")["live"].datasets.get("d") == [1]


@pytest.mark.parametrize("command", [("promote", "datasets"), ("datasets", "promote")])
def test_a_context_behind_promote_is_the_target(om: Run, omega: Omega, tmp_path: Path, command: list[str]) -> None:
    Path("omega.toml").write_text(f'[contexts.prod]\nhome = "{tmp_path / "prod"}"')
    omega.datasets.put([1], "promote")
    assert om(*command, "promote", "--to", "live", "--context", "prod", "--dry-run").out.count("prod:live/promote") == 1
    assert om(*command, "promote", "--context=prod").code == 0
    prod = omega_ml.setup(home=tmp_path / "prod")
    assert prod.datasets.get("promote") == [1]
    assert om("--context", "prod", *command, "promote", "--context", "default", "--as", "back").code == 0
    assert omega.datasets.get("back") == [1]
    assert om("datasets", "get", "promote", "--context", "prod", "--json").json["version"] == 1


def test_a_promotion_needs_a_target(om: Run, omega: Omega) -> None:
    omega.datasets.put([1], "d")
    done = om("promote", "datasets", "d")
    assert done.code == 2
    assert "--to BUCKET" in done.err


def test_a_promotion_to_itself_is_refused(om: Run, omega: Omega) -> None:
    omega.datasets.put([1], "d")
    done = om("promote", "datasets", "d", "--to", "omega")
    assert done.code == 1
    assert "another bucket or context" in done.err


def test_an_unknown_context_is_refused(om: Run, omega: Omega) -> None:
    omega.datasets.put([1], "d")
    done = om("promote", "datasets", "d", "--to-context", "prod")
    assert done.code == 1
    assert "[contexts.prod]" in done.err


def test_what_is_not_a_store_is_wrong_usage(om: Run) -> None:
    done = om("promote", "flight", "d", "--to", "prod")
    assert done.code == 2
    assert "'datasets'" in done.err


def test_what_was_sent_by_a_folder_is_received(om: Run, omega: Omega) -> None:
    stick = Path("stick")
    stick.mkdir()
    Path("omega.toml").write_text('[contexts.customer]\nhome = "sent"\npromotion = "folder:stick"\n')
    omega.models.put(1, "m")
    assert om("promote", "models", "m", "--to-context", "customer", "--to", "prod").code == 0
    assert len(list(stick.iterdir())) == 1
    done = om("receive", "stick", "--dry-run")
    assert (done.code, "allowed" in done.out, "models/m" in done.out) == (0, True, True)
    (row,) = om("receive", "stick", "--json").json
    assert (row["prefix"], row["name"], row["bucket"]) == ("models/", "m", "prod")
    assert (row["outcome"], row["version"]) == ("promoted", 1)
    assert omega["prod"].models.get("m") == 1
    assert "received" in om("receive", "stick").out
    (stick / "bad.omega").write_bytes(b"no archive")
    done = om("receive", "stick")
    assert (done.code, "bad.omega" in done.out, "refused" in done.out) == (1, True, True)
    assert om("receive", "nowhere").code == 1
