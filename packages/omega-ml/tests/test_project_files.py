"""Files of projects: what others can have written does not steer, and what was not allowed only tightens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from omega_domain.errors import SettingsError
from omega_ml.contexts import Contexts
from omega_ml.doctor import examine
from omega_ml.settings import Settings, load_settings
from omega_ml.settings_files import allow_file, find_files, nearest_file, project_file

STRANGER = 65534
HOSTILE = """
trust = "any"
code = "allowed"
home = "theirs"
keys = "theirs"
broker_url = "redis://their-host"
[contexts.prod]
home = "theirs"
"""
NOT_USED = "omega.toml is not used: "
KEY = "omega-ed25519 FZ7b4qJMxWzY0Pp3DdHsWmCdt2LbR4wsN5eqb3kQDsk= eve"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shared" / "project" / "sub"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "user" / ".omega").mkdir(parents=True)
    return {"HOME": str(tmp_path / "user")}


@pytest.fixture
def own(tmp_path: Path, environ: dict[str, str]) -> Path:
    """The user's own file."""
    return tmp_path / "user" / ".omega" / "omega.toml"


def written(folder: Path, text: str, mode: int = 0o644) -> Path:
    path = folder / "omega.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file belong to somebody else; only root can do so in earnest."""
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    else:
        monkeypatch.setattr("omega_ml.files.own.os.geteuid", lambda: os.getuid() + 1)


def load(folder: Path, environ: dict[str, str], **arguments: Any) -> Settings:
    return load_settings(arguments, environ=environ, folder=folder)


# -- whose file --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("height", [0, 1, 2])
@pytest.mark.parametrize("text", [HOSTILE, "no toml ["])
def test_a_file_of_somebody_else_is_skipped(
    folder: Path, environ: dict[str, str], height: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written([folder, *folder.parents][height], text, 0o000)
    give_away(path, monkeypatch)
    with pytest.warns(UserWarning, match=rf"{path} is not used: it belongs to \w+; .*, om context allow {path}"):
        settings = load(folder, environ)
    assert settings.files == ()
    assert (settings.trust.value, settings.contexts) == ("signed", ("default",))
    assert {setting["source"] for setting in settings.to_plain()} == {"default"}


@pytest.mark.parametrize("mode", [0o666, 0o646, 0o602, 0o777])
def test_a_file_that_others_can_write_is_skipped(folder: Path, environ: dict[str, str], mode: int) -> None:
    written(folder.parent, HOSTILE, mode)
    with pytest.warns(UserWarning, match=f"{NOT_USED}others can write it"):
        assert load(folder, environ).files == ()


def test_a_link_of_somebody_else_is_skipped(
    folder: Path, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = folder / "omega.toml"
    link.symlink_to(written(tmp_path / "user", HOSTILE))
    give_away(link, monkeypatch)
    with pytest.warns(UserWarning, match=NOT_USED):
        assert load(folder, environ, trust="signed").store.source == "default"


def test_a_file_that_is_skipped_hides_none_above_it(folder: Path, environ: dict[str, str]) -> None:
    written(folder, HOSTILE, 0o666)
    mine = written(folder.parent, '[contexts.prod]\nhome = "mine"\nprotected = true')
    with pytest.warns(UserWarning, match=NOT_USED):
        settings = load(folder, environ, context="prod")
    assert settings.files == (mine,)
    assert settings.protected.value
    assert settings.store.value.endswith("project/mine")


def test_the_user_s_own_file_must_be_the_user_s_alone(folder: Path, environ: dict[str, str], own: Path) -> None:
    own.write_text('trust = "any"')
    own.chmod(0o646)
    with pytest.raises(SettingsError, match=rf"{own} is your own file of settings, but others can write it.*chmod 600"):
        load(folder, environ)


def test_what_is_skipped_is_neither_changed_nor_copied(folder: Path, environ: dict[str, str]) -> None:
    path = written(folder, HOSTILE, 0o666)
    with pytest.warns(UserWarning, match=NOT_USED), pytest.raises(SettingsError, match="others can write it"):
        Contexts(environ, folder).add("dev", {"home": "dev"}, to="project")
    assert path.read_text() == HOSTILE
    below = folder / "below"
    below.mkdir()
    with pytest.warns(UserWarning, match=NOT_USED):
        assert Contexts(environ, below).add("dev", {"home": "dev"}, to="project") == below / "omega.toml"


def test_a_link_of_somebody_else_is_not_written_through(
    folder: Path, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = folder / "omega.toml"
    link.symlink_to(tmp_path / "target")
    give_away(link, monkeypatch)
    with pytest.raises(SettingsError, match="it belongs to"):
        Contexts(environ, folder).add("dev", {"home": "dev"}, to="project")
    assert not (tmp_path / "target").exists()


def test_doctor_says_what_is_skipped(folder: Path, environ: dict[str, str]) -> None:
    path = written(folder, HOSTILE, 0o666)
    found = [each for each in examine(lambda: load(folder, environ, store="memory://")) if each.what == "settings"]
    assert [(each.state, str(path) in each.detail) for each in found] == [("warning", True), ("ok", False)]


def test_a_name_of_a_folder_steers_no_shell(tmp_path: Path, environ: dict[str, str]) -> None:
    folder = tmp_path / "a; echo $(id)"
    folder.mkdir()
    path = written(folder, HOSTILE, 0o666)
    with pytest.warns(UserWarning, match=NOT_USED) as said:
        load(folder, environ)
    assert f"om context allow '{path}'" in str(said[0].message)


def test_a_file_that_can_not_be_read_is_said(
    folder: Path, environ: dict[str, str], own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> bytes:
        raise OSError(5, "Input/output error", str(path))

    own.write_text("")
    monkeypatch.setattr("omega_ml.settings_files.read_own", broken)
    with pytest.raises(SettingsError, match=rf"{own} can not be read: .*Input/output error"):
        load(folder, environ)
    path = written(folder, "")
    monkeypatch.setattr("omega_ml.files.project.read_own", broken)
    with pytest.raises(SettingsError, match=rf"{path} can not be read: .*Input/output error"):
        load(folder, environ)


# -- what was allowed --------------------------------------------------------------------------------------------------


def test_a_file_that_was_allowed_is_used_until_it_changes(folder: Path, environ: dict[str, str]) -> None:
    path = written(folder, HOSTILE, 0o666)
    assert allow_file(environ, path).path == path
    settings = load(folder, environ)
    assert (settings.trust.value, settings.broker[0]) == ("any", "redis://their-host")
    assert settings.resolved(environ).broker_url.value == "redis://their-host"
    written(folder, HOSTILE + "# more", 0o666)
    with pytest.warns(UserWarning, match=NOT_USED):
        assert load(folder, environ).trust.value == "signed"
    written(folder, HOSTILE, 0o666)
    assert load(folder, environ).trust.value == "any"


def test_what_was_allowed_is_allowed_there_only(folder: Path, environ: dict[str, str]) -> None:
    allow_file(environ, written(folder, HOSTILE, 0o666))
    written(folder.parent, HOSTILE, 0o666)
    with pytest.warns(UserWarning, match=NOT_USED):
        assert load(folder.parent, environ).files == ()


@pytest.mark.parametrize("mode", [0o666, 0o602])
def test_what_others_can_write_allows_nothing(folder: Path, environ: dict[str, str], mode: int) -> None:
    allow_file(environ, written(folder, HOSTILE, 0o666))
    [note] = (Path(environ["HOME"]) / ".config" / "omega" / "allowed").iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    note.chmod(mode)
    with pytest.warns(UserWarning, match=NOT_USED):
        assert load(folder, environ).files == ()


def test_it_is_remembered_beside_the_user_s_configuration(
    folder: Path, environ: dict[str, str], tmp_path: Path
) -> None:
    contexts = Contexts({**environ, "XDG_CONFIG_HOME": str(tmp_path / "config")}, folder)
    written(folder.parent, HOSTILE, 0o666)
    assert contexts.allow().path == folder.parent / "omega.toml" == nearest_file(folder)
    assert len(list((tmp_path / "config" / "omega" / "allowed").iterdir())) == 1
    assert [file.is_allowed for file in find_files({"XDG_CONFIG_HOME": str(tmp_path / "config")}, folder)] == [True]


@pytest.mark.parametrize(("text", "why"), [(None, "can not be read"), ("a = [", "is not TOML"), ("x = 1", "unknown")])
def test_what_is_no_file_of_settings_is_not_allowed(
    folder: Path, environ: dict[str, str], text: str | None, why: str
) -> None:
    if text is not None:
        written(folder, text)
    with pytest.raises(SettingsError, match=why):
        Contexts(environ, folder).allow()
    assert not (Path(environ["HOME"]) / ".config").exists()


def test_where_nothing_can_be_remembered_that_is_said(folder: Path, environ: dict[str, str]) -> None:
    (Path(environ["HOME"]) / ".config").write_text("a file")
    with pytest.raises(SettingsError, match="allowed can not be written"):
        allow_file(environ, written(folder, HOSTILE))


def test_a_file_that_is_made_and_changed_from_here_is_allowed(folder: Path, environ: dict[str, str]) -> None:
    contexts = Contexts({**environ, "PW": "moon"}, folder)
    store = {"store": "mongodb://ada:${env:PW}@h/d"}
    contexts.add("team", store, to="project")
    contexts.add("other", store, to="project")
    contexts.remove("other")
    contexts.use("team")
    assert contexts.settings("team").resolved({"PW": "moon"}).store.value == "mongodb://ada:moon@h/d"


def test_a_file_of_unknown_origin_is_not_allowed_by_changing_it(folder: Path, environ: dict[str, str]) -> None:
    written(folder, 'trust = "any"')
    contexts = Contexts(environ, folder)
    contexts.add("team", {"home": "x"}, to="project")
    with pytest.warns(UserWarning, match="would loosen trust"):
        contexts.use("team")
    with pytest.warns(UserWarning, match="would loosen trust"):
        assert contexts.settings("team").trust.value == "signed"


def test_the_user_s_own_file_is_no_project_s(environ: dict[str, str], own: Path) -> None:
    own.write_text('trust = "any"\nbroker_url = "redis://h"')
    settings = load(own.parent, environ)
    assert settings.files == (own,)
    assert settings.trust.value == "any"
    assert settings.resolved({}).broker_url.value == "redis://h"
    assert project_file(environ, own.parent) == own


# -- what only tightens ------------------------------------------------------------------------------------------------


def followed(folder: Path, environ: dict[str, str], name: str, **arguments: Any) -> Any:
    """Return a setting that a project's file may set, without a warning."""
    return getattr(load(folder, environ, **arguments), name).value


GATES = "gates = { prod = { models = ['fitted'] } }"
MORE_GATES = "gates = { prod = { models = ['has_signature', 'fitted'] }, '*' = { datasets = ['fitted'] } }"


@pytest.mark.parametrize(
    ("user", "project", "name"),
    [
        ("", 'trust = "any"', "trust"),
        ('trust = "signed"', 'trust = "any"', "trust"),
        ('trust = "formats-only"', 'trust = "any"', "trust"),
        ('trust = "formats-only"', 'trust = "signed"', "code"),
        ('trust = "formats-only"', 'trust = "signed"\ncode = "allowed"', "code"),
        ('code = "formats-only"', 'code = "allowed"', "code"),
        ("", f'trusted_keys = ["{KEY}"]', "trusted_keys"),
        ('trusted_keys = ["a"]', f'trusted_keys = ["a", "{KEY}"]', "trusted_keys"),
        ("", 'trusted_types = ["posix.system"]', "trusted_types"),
        ("", 'keys = "theirs"', "keys"),
        ('keys = "mine"', 'keys = "theirs"', "keys"),
        (GATES, "gates = {}", "gates"),
        (GATES, "gates = { prod = { models = [] } }", "gates"),
        (MORE_GATES, GATES, "gates"),
        ("", '[contexts.dev]\nhome = "x"\ntrust = "any"', "trust"),
        ('[contexts.dev]\nhome = "x"\ntrust = "formats-only"', '[contexts.dev]\nhome = "x"\ntrust = "any"', "trust"),
    ],
)
def test_a_project_loosens_nothing(folder: Path, environ: dict[str, str], user: str, project: str, name: str) -> None:
    own = Path(environ["HOME"]) / ".omega" / "omega.toml"
    context = {"context": "dev"} if "contexts.dev" in project else {}
    own.write_text(user or '[contexts.dev]\nhome = "x"')
    before = getattr(load(folder, environ, **context), name)
    path = written(folder.parent, project)
    with pytest.warns(UserWarning, match=rf"{path} would loosen .*{name}, .*om context allow {path}"):
        assert getattr(load(folder, environ, **context), name) == before
    allow_file(environ, path)
    assert getattr(load(folder, environ, **context), name) != before


@pytest.mark.parametrize(
    ("user", "project", "found"),
    [
        ('trust = "any"', 'trust = "signed"', {"trust": "signed", "code": "allowed"}),
        ('trust = "any"', 'trust = "formats-only"', {"trust": "signed", "code": "formats-only"}),
        ("", 'code = "formats-only"', {"trust": "signed", "code": "formats-only"}),
        ('trust = "any"', 'code = "formats-only"', {"trust": "any", "code": "formats-only"}),
        ('trusted_keys = ["a", "b"]', 'trusted_keys = ["b"]', {"trusted_keys": ("b",)}),
        ('trusted_types = ["a.B"]', "trusted_types = []", {"trusted_types": ()}),
        ("", GATES, {"gates": {"prod": {"models/": ("fitted",)}}}),
        (GATES, MORE_GATES, {"gates": {"prod": {"models/": ("has_signature", "fitted")}, "*": {"data/": ("fitted",)}}}),
        ('keys = "/mine"', 'keys = "/mine"', {"keys": Path("/mine")}),
    ],
)
def test_a_project_tightens(
    folder: Path, environ: dict[str, str], user: str, project: str, found: dict[str, Any]
) -> None:
    (Path(environ["HOME"]) / ".omega" / "omega.toml").write_text(user)
    path = written(folder.parent, project)
    settings = load(folder, environ)
    assert {name: getattr(settings, name).value for name in found} == found
    assert str(path) in {getattr(settings, name).source for name in found}


def test_the_user_s_arguments_and_variables_are_stronger_than_a_project(folder: Path, environ: dict[str, str]) -> None:
    written(folder, 'trust = "any"')
    assert load(folder, environ, trust="signed").trust.source == "argument"
    written(folder, 'trust = "formats-only"')
    assert load(folder, {**environ, "OMEGA_TRUST": "any"}).trust.value == "any"


# -- what it reaches ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        'store = "mongodb://ada:${env:PW}@their-host/d"',
        'store = "mongodb://ada:${file:/etc/hostname}@their-host/d"',
        'store = "mongodb://ada:${file:~/.ssh/id_rsa}@their-host/d"',
        'store = "mongodb://ada:${keyring:mail/ada}@their-host/d"',
        'home = "${env:PW}"',
        'author = "${env:PW}"',
        'mongo_options = { password = "${env:PW}" }',
        'mongo_options = { tlsInsecure = true, proxyHost = "their-host" }',
        'broker_url = "redis://:${file:~/.ssh/id_rsa}@their-host/0"',
        'broker_url = "redis://their-host/0"',
        'celeryconf = { broker_url = "redis://their-host/0" }',
        'celeryconf = { imports = ["evil"] }',
    ],
)
def test_a_project_reaches_no_secrets_and_servers(
    folder: Path, environ: dict[str, str], text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    monkeypatch.setattr("omega_ml.secrets._LOOK_UPS", {place: _seen(looked) for place in ("env", "file", "keyring")})
    path = written(folder.parent, text)
    with pytest.raises(SettingsError, match=rf"a project's file .* before you allow it: .*om context allow {path}"):
        load(folder, environ).resolved({"PW": "moon"})
    assert not looked
    allow_file(environ, path)
    load(folder, environ).resolved({"PW": "moon"})


@pytest.mark.parametrize("place", ["home = 'here'\n", "[contexts.dev]\nhome = 'here'\n"])
def test_a_project_has_a_broker_and_options_for_its_own_store(
    folder: Path, environ: dict[str, str], place: str
) -> None:
    context = {"context": "dev"} if "dev" in place else {}
    written(folder, f"{place}broker_url = 'redis://h'\nmongo_options = {{ tls = true }}")
    settings = load(folder, environ, **context)
    assert settings.resolved({}).broker_url.value == "redis://h"
    with pytest.raises(SettingsError, match="leads to no servers and modules"):
        load(folder, environ, **context, home="/elsewhere").resolved({})
    written(folder, f"{place}celeryconf = {{ imports = ['evil'] }}")
    with pytest.raises(SettingsError, match="leads to no servers and modules"):
        load(folder, environ, **context).resolved({})


def _seen(looked: list[str]) -> Any:
    def look_up(name: str, _: Any) -> str:
        looked.append(name)
        return "found"

    return look_up


def test_a_secret_in_the_folder_of_a_project_is_its_own(folder: Path, environ: dict[str, str]) -> None:
    (folder / "secret").write_text("moon\n")
    written(folder, f'store = "mongodb://ada:${{file:{folder}/secret}}@h/d"')
    assert load(folder, environ).resolved({}).store.value == "mongodb://ada:moon@h/d"


@pytest.mark.parametrize("way", ["{folder}/link", "{folder}/../outside", "{folder}/sub/../../outside"])
def test_no_detour_leads_out_of_the_folder_of_a_project(folder: Path, environ: dict[str, str], way: str) -> None:
    (folder.parent / "outside").write_text("moon\n")
    (folder / "link").symlink_to(folder.parent / "outside")
    written(folder, f'store = "mongodb://ada:${{file:{way.format(folder=folder)}}}@h/d"')
    with pytest.raises(SettingsError, match="reaches no secret outside of its folder"):
        load(folder, environ).resolved({})
