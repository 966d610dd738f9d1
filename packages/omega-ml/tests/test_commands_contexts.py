"""Commands on settings, contexts and the installation, by the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_domain.commands.plain import to_plain
from omega_domain.errors import SettingsError
from omega_domain.omega import Omega
from omega_ml.commands.contexts import AddContext, AllowFile, ListContexts, RemoveContext, ShowContext, UseContext
from omega_ml.commands.doctor import Examine
from omega_ml.commands.registry import commands
from omega_ml.commands.settings import ShowSettings
from omega_ml.commands.workplace import Workplace
from omega_ml.composition import setup


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    """A folder and a user of this test's own."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Workplace(environ={"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}, folder=folder)


def run(workplace: Workplace, name: str, request: object) -> Any:
    return to_plain(commands()[name](workplace, request))


def test_every_setting_is_shown_with_what_set_it(tmp_path: Path) -> None:
    given = Workplace(given={"bucket": "b"}, environ={"OMEGA_HOME": str(tmp_path)}, folder=tmp_path)
    rows = {row["name"]: row for row in run(given, "settings.show", ShowSettings())}
    assert rows["bucket"] == {"name": "bucket", "value": "b", "source": "argument"}
    assert rows["store"]["source"] == "OMEGA_HOME"
    assert list(rows.values()) == given.settings.to_plain()


def test_contexts_are_added_shown_used_listed_and_removed(workplace: Workplace) -> None:
    added = run(workplace, "contexts.add", AddContext(name="dev", home="dev", bucket="b", protected=True))
    assert added == {"name": "dev", "file": added["file"]}
    shown = {row["name"]: row["value"] for row in run(workplace, "contexts.show", ShowContext(name="dev"))}
    assert (shown["bucket"], shown["protected"]) == ("b", "true")
    assert run(workplace, "contexts.use", UseContext(name="dev")) == added
    assert [row["name"] for row in run(workplace, "contexts.list", ListContexts()) if row["is_used"]] == ["dev"]
    assert run(workplace, "contexts.show", ShowContext()) == run(workplace, "settings.show", ShowSettings())
    run(workplace, "contexts.use", UseContext(name="default"))
    assert run(workplace, "contexts.remove", RemoveContext(name="dev", dry_run=True)) == added
    assert run(workplace, "contexts.remove", RemoveContext(name="dev")) == added
    assert [row["name"] for row in run(workplace, "contexts.list", ListContexts())] == ["default"]


def test_a_context_is_described_where_one_says(workplace: Workplace) -> None:
    added = run(workplace, "contexts.add", AddContext(name="ours", of="project", store="memory://"))
    assert added["file"] == str(workplace.folder and workplace.folder / "omega.toml")
    with pytest.raises(SettingsError, match="describes a context 'ours'"):
        run(workplace, "contexts.remove", RemoveContext(name="ours", of="user"))


def test_a_project_s_file_is_allowed(workplace: Workplace) -> None:
    assert workplace.folder is not None
    file = workplace.folder / "omega.toml"
    file.write_text("trust = 'any'\n[contexts.dev]\nhome = 'dev'\n")
    with pytest.warns(UserWarning, match="would loosen trust"):
        assert workplace.settings.trust.shown == "signed"
    for request in (AllowFile(), AllowFile(file=Path("omega.toml")), AllowFile(file=file)):
        allowed = run(workplace, "contexts.allow", request)
        assert allowed == {"file": str(file), "settings": ["trust", "contexts.dev.home"]}
    assert workplace.settings.trust.shown == "any"


def test_contexts_have_the_json_of_their_facts(workplace: Workplace) -> None:
    facts = workplace.contexts.list()
    assert run(workplace, "contexts.list", ListContexts()) == [each.to_plain() for each in facts]
    assert list(facts[0].row) == ["name", "used", "store", "broker", "protected", "file"]


def test_a_file_in_the_home_of_the_user_is_short_for_people(
    workplace: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(workplace, "contexts.add", AddContext(name="dev", home="dev"))
    file = Path(workplace.contexts.list()[1].to_plain()["files"][0])
    assert workplace.contexts.list()[1].row["file"] == [str(file)]
    monkeypatch.setenv("HOME", str(file.parent))
    assert workplace.contexts.list()[1].row["file"] == ["~/omega.toml"]


def test_the_doctor_examines_what_the_settings_choose(tmp_path: Path) -> None:
    found = run(Workplace(given={"home": tmp_path / "home"}), "doctor.examine", Examine())
    assert {"what", "state", "detail", "remedy"} == set(found[0])
    assert "store" in {symptom["what"] for symptom in found}
    (tmp_path / "omega.toml").write_text("bucket =")
    *_, last = commands()["doctor.examine"](Workplace(environ={}, folder=tmp_path), Examine())
    assert (last.what, last.row["state"]) == ("settings", "failed")
    assert ". Mend: " in last.row["detail"]
    assert "Mend" not in found[0]["detail"]


@pytest.mark.parametrize("name", [name for name in commands() if name.startswith(("contexts", "settings", "keys"))])
def test_what_changes_needs_the_right_of_an_admin(name: str) -> None:
    om: Omega = setup(store="memory://")
    command = commands()[name]
    assert command.subject_type is Workplace
    assert str(command.right_of(om, object())) == f"context:{'admin' if command.changes else 'read'}"
