"""Promotions by the registry: to buckets, and to contexts that the settings describe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import omega_ml
from omega_domain.commands.plain import to_plain
from omega_domain.errors import PromotionRefusedError
from omega_domain.omega import Omega
from omega_ml.commands.promotion import PromoteObject
from omega_ml.commands.registry import commands


@pytest.fixture
def om(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Omega:
    monkeypatch.chdir(tmp_path)
    Path("omega.toml").write_text('[contexts.prod]\nhome = "prod"\n')
    om = omega_ml.setup(home=tmp_path / "home")
    om.datasets.put([1], "d", tag="v1")
    om.datasets.put([2], "d")
    return om


def run(om: Omega, command: str, **fields: Any) -> Any:
    return to_plain(commands()[command](om, PromoteObject(store="datasets", **fields)))


def test_an_object_is_promoted_to_a_bucket(om: Omega) -> None:
    facts = run(om, "promotion.promote", name="d@v1", to="live", asname="e", tag="first")
    meta = om["live"].datasets.metadata("e")
    assert meta is not None
    assert facts == meta.to_plain()
    assert (facts["tags"], om["live"].datasets.get("e")) == (["first"], [1])


def test_a_plan_changes_nothing(om: Omega) -> None:
    plan = run(om, "promotion.plan", name="d", to="live", versions="all", gates=("signed",))
    assert (plan["versions"], plan["is_allowed"], plan["target"]["version"]) == ([1, 2], True, None)
    assert om["live"].datasets.list() == []


def test_a_gate_refuses_unless_the_promotion_is_forced(om: Omega) -> None:
    gates = ("approved_by('release')",)
    with pytest.raises(PromotionRefusedError):
        run(om, "promotion.promote", name="d", to="live", gates=gates)
    assert run(om, "promotion.promote", name="d", to="live", gates=gates, force="it is late")["version"] == 1


def test_a_promotion_to_a_context_needs_the_right_there(om: Omega) -> None:
    request = PromoteObject(store="datasets", name="d", to_context="prod", to="live", asname="e")
    promote = commands()["promotion.promote"]
    there = promote.target(om, request)
    assert (there.context.name, there.bucket) == ("prod", "live")
    assert promote.target(om, request) is there
    assert str(promote.right_of(om, request)) == "datasets:promote@live/e"
    promote(om, request)
    assert there.datasets.get("e") == [2]


def test_a_promotion_without_a_bucket_is_within_the_bucket(om: Omega) -> None:
    assert run(om, "promotion.promote", name="d", asname="e")["bucket"] == om.bucket
