"""Commands on garbage, damage and space, by the registry, on the memory adapters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
from omega_domain.commands.upkeep import CheckObjects, CollectGarbage, ShowUsage
from omega_domain.omega import Omega
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(TextBackend.KIND, TextBackend)
    om.datasets.put("one", "d")
    om["prod"].datasets.put("two", "d")
    return om


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


def test_garbage_is_collected_unless_it_is_a_dry_run(om: Omega) -> None:
    om.datasets.drop("d")
    now = timedelta(0)
    would = run(om, "upkeep.gc", CollectGarbage(grace=now, dry_run=True))
    done = run(om, "upkeep.gc", CollectGarbage(grace=now, force=True))
    assert would == {**done, "is_dry_run": True}
    assert done["objects"] == ["omega:data/d"]
    assert run(om, "upkeep.gc", CollectGarbage())["objects"] == []


def test_what_is_missing_is_found_by_a_quick_check(om: Omega) -> None:
    assert run(om, "upkeep.fsck", CheckObjects()) == []
    meta = om.datasets.metadata("d")
    assert meta is not None
    tomorrow = om.context.clock.now() + timedelta(days=1)
    om.context.store.files.delete([part.ref for part in meta.parts], leased_before=tomorrow)
    (finding,) = run(om, "upkeep.fsck", CheckObjects(quick=True))
    assert list(finding) == ["severity", "where", "what", "remedy"]
    assert finding["severity"] == "damage"


def test_space_is_told_of_all_buckets_or_one(om: Omega) -> None:
    report = run(om, "upkeep.du", ShowUsage())
    assert report == om.usage().to_plain()
    assert [each["bucket"] for each in report["objects"]] == ["omega", "prod"]
    assert [each["bucket"] for each in run(om, "upkeep.du", ShowUsage(bucket="prod"))["objects"]] == ["prod"]
