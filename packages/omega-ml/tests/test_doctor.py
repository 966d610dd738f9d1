"""Doctor: says what is wrong, and how to mend it."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import omega_ml
from omega_domain.entities.requirement import Worker
from omega_domain.errors import SettingsError
from omega_domain.ports.diagnosis import Symptom
from omega_domain.tasks.workers import WORKERS, WorkerRegistry, installed_packages
from omega_domain.testing.clocks import WrongClock
from omega_ml.doctor import examine
from omega_ml.settings import Settings, load_settings

START = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set for the run of the tests is nothing that doctor should find."""
    for name in [name for name in os.environ if name.startswith("OMEGA_TEST_")]:
        monkeypatch.delenv(name)


def examined(settings: Settings) -> dict[str, list[Symptom]]:
    found: dict[str, list[Symptom]] = {}
    for symptom in examine(lambda: settings):
        found.setdefault(symptom.what, []).append(symptom)
    return found


def test_all_is_well_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMEGA_COLOUR", raising=False)
    found = examined(load_settings({"store": "memory://"}))
    assert {symptom.state for symptoms in found.values() for symptom in symptoms} == {"ok"}
    assert list(found) == ["python", "packages", "settings", "store", "runtime", "backends"]


def test_a_broker_that_is_away_and_workers_that_live_or_died_are_said(tmp_path: Path) -> None:
    om = omega_ml.setup(home=tmp_path)
    settings = load_settings({"home": tmp_path, "broker_url": "redis://:secret@127.0.0.1:1"})
    [broker] = examined(settings)["broker"]
    assert (broker.state, "secret" in broker.detail) == ("failed", False)
    [nobody] = examined(settings)["workers"]
    assert (nobody.state, nobody.remedy) == ("warning", "start one: om worker")
    now, registry = om.context.clock.now(), WorkerRegistry(om.context)
    same = installed_packages()
    registry.announce(Worker(id="1", name="same@host", labels=("gpu",), packages=same, seen=now))
    registry.announce(Worker(id="2", name="other@host", labels=("gpu",), packages={**same, "numpy": "0"}, seen=now))
    entries = om.context.store.collection(WORKERS)
    entries.insert_many([{**(entries.find_one() or {}), "_id": "dead@host", "name": "dead@host", "seen": START}])
    other, dead, live = examined(settings)["workers"]
    assert "other@host has other versions: numpy 0, here" in other.detail
    assert dead.detail == "dead@host was last heard of at 2020-01-01 00:00 UTC"
    assert (live.state, live.detail) == ("ok", "other@host (gpu), same@host (gpu)")


def test_keys_that_others_can_change_are_said(tmp_path: Path) -> None:
    om = omega_ml.setup(home=tmp_path, keys=tmp_path / "keys")
    om.datasets.put([1], "numbers")
    settings = load_settings({"home": tmp_path, "keys": tmp_path / "keys"})
    assert "keys" not in examined(settings)
    (tmp_path / "keys" / "default").chmod(0o777)
    [symptom] = examined(settings)["keys"]
    assert symptom.state == "failed"
    assert "chmod 700" in symptom.detail


def test_a_variable_that_sets_nothing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMEGA_BUKET", "x")
    [symptom] = examined(load_settings({"store": "memory://"}))["environment"]
    assert symptom.state == "warning"
    assert "OMEGA_BUKET" in symptom.detail
    assert "OMEGA_BUCKET" in symptom.remedy


def test_settings_that_can_not_be_read_end_the_examination() -> None:
    def broken() -> Settings:
        raise SettingsError("omega.toml is not TOML")

    *_, last = examine(broken)
    assert (last.what, last.state, last.detail) == ("settings", "failed", "omega.toml is not TOML")


def test_a_store_that_can_not_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file where a folder should be")
    [symptom] = examined(load_settings({"home": tmp_path / "home"}))["store"]
    assert symptom.state == "failed"
    assert str(tmp_path / "home") in symptom.detail


def test_damage_is_said(tmp_path: Path) -> None:
    om = omega_ml.setup(home=tmp_path / "home")
    om.datasets.fs.put(b"x")
    meta = om.datasets.make_metadata("f", "python.file")
    meta.gridfile = om.datasets.fs.put(b"content")
    meta.save()
    for blob in (tmp_path / "home" / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    found = examined(load_settings({"home": tmp_path / "home"}))
    assert "damaged in 1 place(s): the file of blob" in found["store"][-1].detail
    assert "om fsck" in found["store"][-1].remedy


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_ml.doctor.PACKAGES", ("omega-nothing",))
    missing, _ = examined(load_settings({"store": "memory://"}))["packages"]
    assert (missing.state, missing.remedy) == ("warning", "pip install omega-nothing")


def test_a_backend_that_can_not_be_loaded_is_said_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "broken-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text("[omega.backends]\nodd = no_such_module:Backend\n")
    monkeypatch.syspath_prepend(tmp_path)
    failed, rest = examined(load_settings({"store": "memory://"}))["backends"]
    assert failed.state == "failed"
    assert "No module named 'no_such_module'" in failed.detail
    assert "python.data" in rest.detail


def test_a_symptom_is_plain() -> None:
    plain = Symptom("python", "ok", "3.11").to_plain()
    assert plain == {"what": "python", "state": "ok", "detail": "3.11", "remedy": ""}


def test_a_clock_that_is_behind_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_ml.composition.SystemClock", lambda: WrongClock(timedelta(hours=-2)))
    [clock] = examined(load_settings({"home": tmp_path}))["clock"]
    assert clock.state == "failed"
    assert "is 1:59:" in clock.detail or "is 2:00:" in clock.detail
