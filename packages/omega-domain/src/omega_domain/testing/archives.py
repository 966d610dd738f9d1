"""Contract of archives: export, import, backup and restore, from one context to another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import HeadQuery
from omega_domain.errors import StoreFullError
from omega_domain.omega import Omega
from omega_domain.repository import payloads
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend, UriBackend
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore, InjectedFault
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)
BACKENDS = (TextBackend, RowsBackend, CollectionBackend, UriBackend)


def omega_on(context: Context) -> Omega:
    """Return an Omega whose context knows the small backends."""
    for backend in BACKENDS:
        context.registry.register(backend.KIND, backend)
    return Omega(context)


def fill(om: Omega) -> None:
    """Put one object of every sort."""
    om.models.put("one", "m", tag="v1", attributes={"x": 1})
    om.models.put("two", "m", attributes={"y": [1, None, "ü"]})
    om.datasets.put([{"x": 1}, {"$b": "x"}, {"x": {"$y": [1.5]}}], "rows")
    om.datasets.put([{"x": 2}], "rows", append=True)
    om.datasets.put(("p", b"q", 1.5, float("inf")), "folder/own")
    om.datasets.put(bytearray(b"there"), "remote")
    om["prod"].scripts.put("print()", "s")


def state(om: Omega, *, numbers: bool = True) -> dict[str, Any]:
    """Return everything that can be seen of all objects of a context."""
    found: dict[str, Any] = {}
    for head in om.context.metadata.heads(HeadQuery()):
        store = OmegaStore(om.context, prefix=head.key.prefix, bucket=head.key.bucket)
        name = head.key.name
        versions = [
            (meta.version if numbers else 0, meta.kind, meta.tags, meta.attributes, store.get(f"{name}@{meta.version}"))
            for meta in store.versions(name)
        ]
        meta = store.metadata(name, required=True)
        found[str(head.key)] = (store.get(name), meta.attributes, meta.version if numbers else 0, versions)
    return found


def details(om: Omega) -> dict[str, Any]:
    """Return who made the versions of all objects, and when."""
    found: dict[str, Any] = {}
    for head in om.context.metadata.heads(HeadQuery()):
        store = OmegaStore(om.context, prefix=head.key.prefix, bucket=head.key.bucket)
        made = [(meta.created, meta.author) for meta in store.versions(head.key.name)]
        found[str(head.key)] = (head.created, head.modified, made)
    return found


def assert_clean(*contexts: Context) -> None:
    """See that all is well, and that collect leaves nothing behind."""
    for context in contexts:
        assert [finding for finding in check(context) if finding.severity == "damage"] == []
        assert isinstance(context.clock, ManualClock)
        context.clock.advance(LONG)
        collect(context)
        collect(context)
        assert check(context) == []


class ArchiveContract:
    """Between two adapters. A subclass gives the fixtures ``context`` and ``other_context``.

    Attributes:
        page: how many parts fill a page. Fewer than there really are: their requests would take seconds over the wire.
    """

    page: ClassVar[int] = 16

    @pytest.fixture
    def om(self, context: Context) -> Omega:
        om = omega_on(replace(context, name="here", author="ada"))
        fill(om)
        assert_clean(om.context)
        return om

    @pytest.fixture
    def other(self, other_context: Context) -> Omega:
        return omega_on(replace(other_context, name="there", author="bob"))

    NAMES = ("models/m", "datasets/rows", "datasets/folder/own", "datasets/remote")

    def test_what_is_exported_is_imported(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        exported = om.export(self.NAMES, tmp_path / "x.omega")
        assert [row["name"] for row in exported] == ["m", "rows", "folder/own", "remote"]
        done = other["live"].import_archive(tmp_path / "x.omega")
        assert {each.outcome for each in done} == {"new"}
        live = other["live"]
        assert (live.models.get("m"), live.models.get("m@v1"), live.models.get("m@1")) == ("two", "one", "one")
        assert live.datasets.get("rows") == om.datasets.get("rows")
        assert live.datasets.get("folder/own") == ("p", b"q", 1.5, float("inf"))
        assert live.datasets.get("remote") == b"there"
        assert live.models.metadata("m", required=True).attributes == {"x": 1, "y": [1, None, "ü"]}
        assert_clean(other.context, om.context)

    def test_the_importer_signs_for_it_and_says_where_it_is_from(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        om.export("models/m", tmp_path / "x.omega")
        other.import_archive(tmp_path / "x.omega")
        source, copy = om.models.metadata("m", required=True), other.models.metadata("m", required=True)
        assert copy.author == "bob"
        assert copy.provenance is not None
        assert copy.provenance["digest"] == source.digest
        assert (copy.provenance["context"], copy.provenance["archive"]["by"]) == ("here", "ada")

    def test_the_same_import_again_changes_nothing(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        om.export(self.NAMES, tmp_path / "x.omega")
        other.import_archive(tmp_path / "x.omega")
        before = other.context.metadata.heads(HeadQuery()), len(list(other.context.store.files.find()))
        done = other.import_archive(tmp_path / "x.omega")
        assert {(each.outcome, each.versions, each.size) for each in done} == {("unchanged", 0, 0)}
        assert (other.context.metadata.heads(HeadQuery()), len(list(other.context.store.files.find()))) == before

    def test_an_import_comes_on_top_of_what_is_there(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        om.export("models/m", tmp_path / "x.omega")
        other.models.put("mine", "m", tag="own")
        done = other.import_archive(tmp_path / "x.omega")
        assert [(each.outcome, each.version) for each in done] == [("changed", 3)]
        assert [other.models.get(f"m@{tag}") for tag in ("own", "v1", "latest")] == ["mine", "one", "two"]
        other.models.put("mine again", "m")
        other.import_archive(tmp_path / "x.omega")
        assert other.models.get("m") == "two"
        assert_clean(other.context)

    def test_one_version_is_exported_with_its_attributes(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        om.export("models/m@v1", tmp_path / "x.omega")
        other.import_archive(tmp_path / "x.omega")
        meta = other.models.metadata("m", required=True)
        assert (other.models.get("m"), meta.tags, meta.attributes) == ("one", ["v1"], {"x": 1})
        assert len(other.models.versions("m")) == 1

    def test_a_payload_of_many_parts_travels(
        self, om: Omega, other: Omega, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(payloads, "PAGE", self.page)
        part = om.datasets.metadata("rows", required=True).parts[0]
        text = om.datasets.payloads.write(lambda file: file.write(b"x"))
        for name, one in (("long", text), ("long rows", part)):
            kind = TextBackend.KIND if one is text else RowsBackend.KIND
            meta = om.datasets.make_metadata(name, kind)
            meta._parts = [one] * (2 * self.page + 5)  # noqa: SLF001 -- as a backend that appends would, after a while
            meta.save()
        record = om.datasets.metadata("long", required=True).record
        assert record is not None
        assert any(part.type == "page" for part in record.parts)
        om.export(["datasets/long", "datasets/long rows"], tmp_path / "x.omega")
        other.import_archive(tmp_path / "x.omega")
        assert other.datasets.get("long") == "x" * (2 * self.page + 5)
        assert other.datasets.get("long rows") == om.datasets.get("long rows")
        assert_clean(other.context)

    def test_a_backup_is_restored_into_an_empty_context(self, om: Omega, other: Omega, tmp_path: Path) -> None:
        report = om.backup(tmp_path / "backups")
        assert (report.objects, report.written) == (5, report.size)
        other.restore(tmp_path / "backups")
        assert state(other) == state(om)
        assert details(other) == details(om)
        assert {each.outcome for each in other.restore(tmp_path / "backups")} == {"unchanged"}
        assert_clean(other.context)
        again = other.backup(tmp_path / "backups of the other")
        assert again.objects == report.objects

    def test_a_restore_undoes_what_was_done_since(self, om: Omega, tmp_path: Path) -> None:
        before = state(om)
        om.backup(tmp_path / "backups")
        om.models.put("three", "m", tag="v1", attributes={"z": 1})
        om.models.put("four", "m")
        om.datasets.put([{"x": 9}], "rows")
        om["prod"].scripts.drop("s")
        om.datasets.drop("remote")
        om.datasets.put("another life", "remote")
        om.datasets.put("new since", "new")
        om.restore(tmp_path / "backups")
        assert om.datasets.get("new") == "new since"
        om.datasets.drop("new")
        assert state(om, numbers=False) == _without_numbers(before)
        assert state(om)["omega:models/m"] == before["omega:models/m"]
        assert {each.outcome for each in om.restore(tmp_path / "backups")} == {"unchanged"}
        assert_clean(om.context)
        assert state(om, numbers=False) == _without_numbers(before)

    def test_what_was_collected_comes_back(self, om: Omega, tmp_path: Path) -> None:
        before = state(om, numbers=False)
        om.backup(tmp_path / "backups")
        om.models.drop("m@v1")
        om.models.put("three", "m")
        om.datasets.put([], "rows")
        om.datasets.drop("folder/own")
        assert_clean(om.context)
        om.restore(tmp_path / "backups")
        assert state(om, numbers=False) == before
        assert_clean(om.context)
        assert state(om, numbers=False) == before

    def test_a_second_backup_writes_only_what_is_new(self, om: Omega, tmp_path: Path) -> None:
        om.backup(tmp_path / "backups")
        _tick(om)
        om.models.put("three", "m")
        report = om.backup(tmp_path / "backups")
        assert report.written == len("three")
        assert report.size > report.written


def _without_numbers(found: dict[str, Any]) -> dict[str, Any]:
    return {
        key: (value, attributes, 0, [(0, *version[1:]) for version in versions])
        for key, (value, attributes, _, versions) in found.items()
    }


def _tick(om: Omega) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(timedelta(minutes=1))


class ArchiveFaultsContract:
    """Interrupts imports and restores at every step that writes. A subclass gives the fixture ``new_context``."""

    @pytest.fixture
    def new_omega(self, new_context: Callable[[str], Context]) -> Callable[[str], Omega]:
        return lambda name: omega_on(new_context(name))

    @pytest.fixture
    def source(self, new_omega: Callable[[str], Omega], tmp_path: Path) -> Path:
        """A folder with an archive and a backup."""
        om = new_omega("source")
        om.models.put("one", "m", tag="v1", attributes={"x": 1})
        om.models.put("two", "m")
        om.datasets.put([{"x": 1}, {"x": 2}], "rows")
        om.datasets.put(("p", b"q"), "own")
        om.export(["models/m", "datasets/rows", "datasets/own"], tmp_path / "x.omega")
        om.backup(tmp_path / "backups")
        return tmp_path

    @pytest.mark.parametrize("target", ["empty", "filled"])
    @pytest.mark.parametrize("operation", ["import", "restore"])
    def test_an_interrupted_import_leaves_every_object_old_or_new(
        self, operation: str, target: str, new_omega: Callable[[str], Omega], source: Path
    ) -> None:
        def start() -> Omega:
            om = new_omega(target)
            if target == "filled":
                om.models.put("mine", "m", tag="own")
                om.datasets.put([{"x": 9}], "rows")
            return om

        om, plan = start(), FaultPlan()
        before = state(om)
        _run(operation, _faulty(om, plan), source)
        after = state(om)
        assert plan.steps > 8
        for faulty in FaultPlan.every(plan.steps):
            om = start()
            with pytest.raises((InjectedFault, StoreFullError)):
                _run(operation, _faulty(om, faulty), source)
            found = state(om)
            for key in after:
                assert found.get(key) in (before.get(key), after[key]), faulty
            assert set(found) <= set(after), faulty
            assert [each for each in check(om.context) if each.severity == "damage"] == [], faulty
            _run(operation, om, source)
            assert _without_numbers(state(om)) == _without_numbers(after), faulty
            assert_clean(om.context)

    def test_an_interrupted_export_leaves_no_file(self, new_omega: Callable[[str], Omega], tmp_path: Path) -> None:
        om, plan = new_omega("source"), FaultPlan()
        om.models.put("one", "m")
        om.datasets.put([{"x": 1}], "rows")
        folder = tmp_path / "exported"
        folder.mkdir()
        path = folder / "x.omega"
        _faulty(om, plan).export(["models/m", "datasets/rows"], path)
        path.unlink()
        for faulty in FaultPlan.every(plan.steps):
            with pytest.raises((InjectedFault, StoreFullError)):
                _faulty(om, faulty).export(["models/m", "datasets/rows"], path)
            assert list(folder.iterdir()) == []


def _run(operation: str, om: Omega, source: Path) -> None:
    if operation == "import":
        om.import_archive(source / "x.omega")
    else:
        om.restore(source / "backups")


def _faulty(om: Omega, plan: FaultPlan) -> Omega:
    context = om.context
    metadata, store = FaultyMetadataStore(context.metadata, plan), FaultyStore(context.store, plan)
    return omega_on(replace(context, metadata=metadata, store=store))
