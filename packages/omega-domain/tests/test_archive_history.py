"""What archives and backups bring in is on record, and backups bring the record itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.entities.archive import Index
from omega_domain.entities.names import MODELS, ObjectKey
from omega_domain.errors import ArchiveError, PromotionError
from omega_domain.omega import Omega
from omega_domain.ports.keys import KeyRing
from omega_domain.repository.context import Context
from omega_domain.repository.history import HISTORY, History, is_trusted
from omega_domain.testing.archives import omega_on
from omega_domain.trust import SIGNED, Trust


def new_omega(name: str = "here", keys: KeyRing | None = None, author: str = "ada") -> Omega:
    clock = ManualClock()
    return omega_on(
        Context(
            name=name,
            metadata=MemoryMetadataStore(),
            store=MemoryStore(name, clock=clock),
            clock=clock,
            author=author,
            trust=Trust(keys, SIGNED if keys else "any"),
        )
    )


def actions(om: Omega, name: str = "m") -> list[tuple[str, int | None]]:
    return [(entry.action, entry.version) for entry in om.models.history(name)]


def sound(om: Omega, name: str = "m") -> bool:
    return History(om.context).problems(ObjectKey("omega", MODELS, name)) == []


@pytest.fixture
def path(tmp_path: Path) -> Path:
    om = new_omega("lab")
    for text in ("one", "two", "three"):
        om.models.put(text, "m")
    om.export("models/m", tmp_path / "x.omega")
    return tmp_path / "x.omega"


def test_an_import_is_on_record(path: Path) -> None:
    om = new_omega(author="bob")
    om.models.put("mine", "m")
    om.import_archive(path)
    (entry,) = om.models.history("m")
    assert (entry.action, entry.author, entry.version, entry.digest) == (
        "import",
        "bob",
        4,
        om.models.metadata("m", required=True).digest,
    )
    assert entry.source is not None
    assert (entry.source["context"], entry.source["version"], entry.source["archive"]["name"]) == ("lab", 3, "x.omega")
    om.import_archive(path)
    assert len(om.models.history("m")) == 1


def test_a_rollback_returns_to_what_was_live_before_an_import(path: Path) -> None:
    om = new_omega()
    om.models.put("mine", "m")
    om.import_archive(path)
    om.models.rollback("m")
    assert om.models.get("m") == "mine"
    assert actions(om) == [("import", 4), ("rollback", 5)]
    fresh = new_omega()
    fresh.import_archive(path)
    with pytest.raises(PromotionError, match="nothing was live before"):
        fresh.models.rollback("m")


def with_history(om: Omega) -> None:
    om.models.put("one", "m")
    om.models.approve("m", "release", "by hand")
    om.models.promote("m", om["prod"].models)
    om["prod"].models.approve("elsewhere", "release", digest="ab" * 32)


def test_a_backup_brings_the_history(tmp_path: Path) -> None:
    ring = MemoryKeyRing()
    om = new_omega(keys=ring)
    with_history(om)
    om.backup(tmp_path)
    other = new_omega("a new disk", keys=ring, author="bob")
    other.restore(tmp_path)
    prod = other["prod"]
    assert actions(other) == [("approve", 1), ("restore", 1)]
    assert actions(prod) == [("promote", 1), ("restore", 1)]
    assert prod.models.history("m")[0] == om["prod"].models.history("m")[0]
    restored = prod.models.history("m")[1]
    assert restored.author == "bob"
    assert restored.source is not None
    assert (restored.source["context"], restored.source["archive"]["by"]) == ("here", "ada")
    assert prod.models.history("elsewhere") == om["prod"].models.history("elsewhere")
    assert sound(other)
    assert sound(prod)
    other.restore(tmp_path)
    assert len(prod.models.history("m")) == 2


def test_of_some_objects_only_the_history_of_these_is_restored(tmp_path: Path) -> None:
    om = new_omega()
    with_history(om)
    om.models.put("other", "n")
    om.models.approve("n", "release")
    om.backup(tmp_path)
    other = new_omega()
    other.restore(tmp_path, names="models/n")
    assert {document["_id"] for document in other.context.store.collection(HISTORY).find()} == {
        "omega/models/n#0000000001",
        "omega/models/n#0000000002",
    }


def test_what_is_on_record_here_stays_and_what_comes_back_follows(tmp_path: Path) -> None:
    ring = MemoryKeyRing()
    om = new_omega(keys=ring)
    with_history(om)
    om.backup(tmp_path)
    other = new_omega("begun again", keys=ring, author="bob")
    other.models.put("zero", "m")
    mine = other.models.approve("m", "review")
    other.restore(tmp_path)
    history = other.models.history("m")
    assert history[0] == mine
    assert [(entry.action, entry.role, entry.author, entry.recorded_by) for entry in history[1:]] == [
        ("approve", "release", "ada", "bob"),
        ("restore", None, "bob", ""),
    ]
    assert sound(other)
    other.restore(tmp_path)
    assert other.models.history("m") == history


def test_a_record_that_was_not_trusted_is_not_trusted_for_being_brought_back(tmp_path: Path) -> None:
    stranger, ring = MemoryKeyRing(), MemoryKeyRing()
    om = new_omega(keys=stranger)
    om.models.approve("m", "release", digest="ab" * 32)
    om.context.trust.keys = ring
    om.backup(tmp_path)
    other = new_omega(keys=ring)
    other.models.approve("m", "review", digest="cd" * 32)
    other.restore(tmp_path)
    review, release = other.models.history("m")
    assert is_trusted(review, other.context.trust)
    assert not is_trusted(release, other.context.trust)


def refused(plain: dict[str, Any], match: str) -> None:
    with pytest.raises(ArchiveError, match=match):
        Index.from_text(json.dumps(plain), "x")


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"bucket": "a/b"}, "bucket"),
        ({"prefix": "omega/"}, "one of no object"),
        ({"name": "m@1"}, "one of no object"),
        ({"n": 0}, "one of no object"),
        ({"n": True}, "one of no object"),
        ({"id": 7}, "not written as records are"),
        ({"source": []}, "not written as records are"),
        ({"unknown": 1}, "can not be read"),
        ({"gates": 7}, "can not be read"),
    ],
)
def test_records_that_can_not_be_are_refused(tmp_path: Path, changes: dict[str, Any], match: str) -> None:
    plain = index_of(tmp_path)
    plain["history"][0].update(changes)
    refused(plain, match)


def test_only_backups_have_a_history(tmp_path: Path) -> None:
    plain = index_of(tmp_path)
    assert Index.from_text(json.dumps(plain), "x").history != ()
    refused({**plain, "form": "archive"}, "which only backups have")


def index_of(folder: Path) -> dict[str, Any]:
    om = new_omega()
    with_history(om)
    om.backup(folder)
    index = Index(
        form="backup",
        context="here",
        author="ada",
        time=om.context.clock.now(),
        objects=(),
        history=tuple(replace(entry, signature="x") for entry in History(om.context).every()),
    )
    plain: dict[str, Any] = json.loads(index.to_text())
    return plain
