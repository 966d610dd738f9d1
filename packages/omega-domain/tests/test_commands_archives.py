"""Commands on archives and backups, by the registry, on the memory adapters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.archives import BackUp, DescribeArchive, ExportObjects, ImportArchive, Restore
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
from omega_domain.omega import Omega
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(TextBackend.KIND, TextBackend)
    om.datasets.put("one", "d", tag="v1")
    om.models.put("two", "m")
    return om


@pytest.fixture
def archive(om: Omega, tmp_path: Path) -> Path:
    path = tmp_path / "x.omega"
    om.export(["datasets/d", "models/m"], path)
    return path


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


def test_what_is_exported_is_told(om: Omega, tmp_path: Path) -> None:
    command = core_commands()["archives.export"]
    done = command(om, ExportObjects(names=("datasets/d", "models/m"), path=tmp_path / "x.omega"))
    assert [each.object for each in done] == ["datasets/d", "models/m"]
    assert to_plain(done) == om.describe_archive(tmp_path / "x.omega")["objects"]


def test_an_archive_is_described(om: Omega, archive: Path) -> None:
    assert run(om, "archives.describe", DescribeArchive(path=archive)) == om.describe_archive(archive)


def test_objects_are_imported_into_a_bucket(om: Omega, archive: Path) -> None:
    request = ImportArchive(names=("datasets/d",), to_bucket="live", path=archive)
    assert str(core_commands()["archives.import"].right_of(om, request)) == "*:write@live"
    (landed,) = run(om, "archives.import", request)
    assert list(landed) == ["bucket", "prefix", "name", "version", "versions", "size", "outcome"]
    assert (landed["bucket"], landed["outcome"], om["live"].datasets.get("d")) == ("live", "new", "one")
    assert [each["outcome"] for each in run(om, "archives.import", ImportArchive(path=archive))] == ["unchanged"] * 2


def test_a_context_is_backed_up_and_restored(om: Omega, tmp_path: Path) -> None:
    report = run(om, "archives.backup", BackUp(folder=tmp_path))
    assert list(report) == ["backup", "time", "objects", "versions", "size", "written"]
    assert (report["objects"], report["size"]) == (2, 6)
    om.datasets.put("three", "d")
    (landed,) = run(om, "archives.restore", Restore(folder=tmp_path, names=("datasets/d",)))
    assert (landed["outcome"], om.datasets.get("d")) == ("changed", "one")
