"""Commands on what is live, by the registry, on the memory adapters."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.plain import to_plain
from omega_domain.commands.promotion import ApproveObject, ListGates, RollBack, ShowHistory
from omega_domain.commands.promotion_facts import HistoryFacts, PromotionFacts
from omega_domain.commands.registry import core_commands
from omega_domain.entities.promotion import Outcome, PromotionPlan
from omega_domain.omega import Omega
from omega_domain.ports.gate import GatePolicy
from omega_domain.repository.history import HISTORY
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def om() -> Omega:
    gates = GatePolicy(declared={"prod": {"models/": ("fitted",)}})
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), gates=gates)
    om.context.registry.register(TextBackend.KIND, TextBackend)
    for text in ("one", "two"):
        om.datasets.put(text, "d", tag=text)
        om.datasets.promote("d", om["prod"].datasets)
    return om


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


def plan_of(om: Omega, name: str, **options: Any) -> PromotionPlan:
    return om.datasets.promote(name, om["prod"].datasets, dry_run=True, **options)


def test_the_facts_of_a_plan_are_its_json(om: Omega) -> None:
    om.datasets.put("three", "d")
    plan = plan_of(om, "d", gates=["approved_by('release')"], tags=True, versions="all")
    assert to_plain(PromotionFacts.of(plan)) == to_plain(plan.to_plain())


def test_a_plan_says_in_words_what_it_would_do(om: Omega) -> None:
    om.datasets.put("three", "d")
    gates = {"gates": ["approved_by('release')"]}
    said = [
        PromotionFacts.of(plan).would
        for plan in (
            plan_of(om, "d@two"),
            plan_of(om, "d"),
            plan_of(om, "d", **gates),
            plan_of(om, "d", force="it is late", **gates),
        )
    ]
    assert said == [
        "change nothing: it is there already",
        "be done",
        "be refused",
        "be forced, which is recorded",
    ]


def test_what_is_brought_along_is_part_of_the_facts(om: Omega) -> None:
    plan = plan_of(om, "d@two")
    refused = PromotionPlan(source=plan.source, target=plan.target, outcomes=(Outcome(gate="g", passed=False),))
    whole = PromotionPlan(source=plan.source, target=plan.target, brings=(refused,), is_done=True)
    facts = PromotionFacts.of(whole)
    assert [each.is_done for each in facts.whole] == [False, True]
    assert (facts.would, facts.is_allowed) == ("be refused", False)
    assert to_plain(facts) == whole.to_plain()


def test_the_history_of_a_name_is_in_its_bucket(om: Omega) -> None:
    found = run(om, "promotion.history", ShowHistory(store="datasets", name="d", bucket="prod"))
    assert found == {"records": [each.to_plain() for each in om["prod"].datasets.history("d")], "problems": []}
    assert [record["action"] for record in found["records"]] == ["promote", "promote"]
    assert run(om, "promotion.history", ShowHistory(store="datasets", name="d"))["records"] == []


def test_a_record_that_is_missing_is_a_problem(om: Omega) -> None:
    records = om.context.store.collection(HISTORY)
    first = next(iter(records.find(sort=[("_id", 1)])))
    records.delete_many({"_id": first["_id"]})
    found = run(om, "promotion.history", ShowHistory(store="datasets", name="d", bucket="prod"))
    assert found["problems"][0].startswith("record ")


def test_a_rollback_is_a_version(om: Omega) -> None:
    facts = run(om, "promotion.rollback", RollBack(store="datasets", name="d", bucket="prod", reason="wrong"))
    assert (facts["version"], facts["bucket"], om["prod"].datasets.get("d")) == (3, "prod", "one")
    assert om["prod"].datasets.history("d")[-1].note == "wrong"


def test_an_approval_is_a_record_and_needs_the_right_of_its_role(om: Omega) -> None:
    request = ApproveObject(store="datasets", name="d@two", role="release", note="tested")
    record = run(om, "promotion.approve", request)
    assert (record["action"], record["role"], record["version"]) == ("approve", "release", 2)
    assert record == om.datasets.history("d")[-1].to_plain()
    assert str(core_commands()["promotion.approve"].right_of(om, request)) == "datasets:approve.release@omega/d"


def test_gates_are_those_of_the_settings_and_of_objects(om: Omega) -> None:
    om["prod"].datasets.put("a", "a", attributes={"gates": "schema_compatible"})
    om["prod"].datasets.put("b", "_b", attributes={"gates": ["signed", "fitted"]})
    found = run(om, "promotion.gates", ListGates(bucket="prod"))
    assert found["bucket"] == "prod"
    assert [tuple(each.values()) for each in found["declared"]] == [
        ("datasets", "_b", "signed", "object"),
        ("datasets", "_b", "fitted", "object"),
        ("datasets", "a", "schema_compatible", "object"),
        ("models", None, "fitted", "settings"),
    ]
    assert {"gate", "demands"} == set(found["known"][0])
    assert run(om, "promotion.gates", ListGates())["declared"] == []


def test_a_plan_is_outlined_for_people(om: Omega) -> None:
    om.datasets.put("three", "d", attributes={"owner": "ann"})
    plan = plan_of(om, "d", tags=True, versions="all", gates=["signed"])
    facts = PromotionFacts.of(plan)
    assert facts.outline == {
        "from": "default:omega/d@3",
        "to": "default:prod/d@2",
        "takes": ["3"],
        "size": 5,
        "to copy": 0,
        "tags": ["one@1", "two@2"],
        "would": facts.would,
    }
    assert {"what": "attributes owner", "live": None, "promoted": "ann"} in facts.changes
    assert {"what": "size", "live": 3, "promoted": 5} in facts.changes
    assert [(each["gate"], each["of"]) for each in facts.said] == [("signed", "d")]
    whole = PromotionPlan(source=plan.source, target=replace(plan.target, version=None), brings=(plan,))
    outline = PromotionFacts.of(whole).outline
    assert (outline["to"], outline["brings"]) == ("default:prod/d (new)", ["default:omega/d@3 -> default:prod/d@2"])


def test_records_are_told_to_people(om: Omega) -> None:
    om["prod"].datasets.rollback("d", reason="wrong")
    om["prod"].datasets.approve("d", "release", "tested")
    om.datasets.put("three", "d")
    om.datasets.promote("d", om["prod"].datasets, gates=["approved_by('x')"], force="it is late")
    rows = HistoryFacts(records=tuple(om["prod"].datasets.history("d")), problems=()).rows
    assert [(row["did"], row["from"], row["gates"], row["why"]) for row in rows[1:]] == [
        ("promote", "default:omega/d@2", None, None),
        ("rollback", "version 1", None, "wrong"),
        ("approve as release", None, None, "tested"),
        ("promote", "default:omega/d@3", "0 of 1", "forced: it is late"),
    ]


def test_an_import_is_told_with_its_archive(om: Omega, tmp_path: Path) -> None:
    om.export("datasets/d@one", tmp_path / "x.omega")
    om["live"].import_archive(tmp_path / "x.omega")
    (row,) = HistoryFacts(records=tuple(om["live"].datasets.history("d")), problems=()).rows
    assert (row["did"], row["from"]) == ("import", "x.omega")
