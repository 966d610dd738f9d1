"""Contexts: listing, describing, choosing and forgetting them; and which are protected."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.errors import SettingsError
from omega_ml.contexts import Contexts


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of a project, without a file."""
    folder = tmp_path / "project"
    folder.mkdir()
    return folder


@pytest.fixture
def user(tmp_path: Path) -> Path:
    """The user's file, which is not there yet."""
    return tmp_path / "user" / ".omega" / "omega.toml"


@pytest.fixture
def contexts(project: Path, user: Path) -> Contexts:
    """Contexts of a new user in a fresh folder."""
    return contexts_of(project, user)


def contexts_of(project: Path, user: Path, **environ: str) -> Contexts:
    return Contexts({"HOME": str(user.parents[1]), **environ}, project)


def test_a_new_user_has_the_default_context(contexts: Contexts) -> None:
    [facts] = contexts.list()
    assert (facts.name, facts.is_used, facts.files, facts.broker) == ("default", True, (), None)


def test_what_is_added_is_listed_and_opened(contexts: Contexts, project: Path, user: Path) -> None:
    table: dict[str, str | bool] = {
        "store": "mongodb://ada:${env:PW}@h/d",
        "broker_url": "amqp://h",
        "bucket": "b",
        "protected": True,
    }
    assert contexts.add("prod", table) == user
    facts = {facts.name: facts.to_plain() for facts in contexts.list()}
    assert facts["prod"] == {
        "name": "prod",
        "is_used": False,
        "store": "mongodb://ada:${env:PW}@h/d",
        "broker": "amqp://h",
        "is_protected": True,
        "files": [str(user)],
        "problem": None,
    }
    settings = contexts.settings("prod")
    assert (settings.bucket.value, settings.protected.value) == ("b", True)
    assert contexts.settings("default").protected.value is False


def test_a_home_is_written_so_that_the_file_finds_it(contexts: Contexts, project: Path, user: Path) -> None:
    contexts.add("mine", {"home": "here"})
    assert f'home = "{project / "here"}"' in user.read_text()
    path = contexts.add("ours", {"home": "here"}, to="project")
    contexts.add("far", {"home": str(project.parent / "far")}, to="project")
    contexts.add("by", {"home": "${env:PLACE}"}, to="project")
    assert path.read_text().count('home = "here"') == 1
    assert f'home = "{project.parent / "far"}"' in path.read_text()
    assert contexts.settings("mine").store.value == contexts.settings("ours").store.value


@pytest.mark.parametrize(
    ("url", "instead"),
    [
        ("mongodb://ada:secret@h/d", "'mongodb://ada:${env:PROD_1_PASSWORD}@h/d'"),
        ("mongodb://h/d?password=secret", "'mongodb://h/d?password=${env:PROD_1_PASSWORD}'"),
        ("mongodb://a:secret@h/d?password=secret", "${keyring:SERVICE/USER} in its place"),
    ],
)
def test_a_password_in_clear_is_refused_with_what_to_write(
    contexts: Contexts, user: Path, url: str, instead: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        contexts.add("prod-1", {"store": url})
    assert str(caught.value).endswith(instead)
    assert "secret" not in str(caught.value)
    assert not user.exists()


@pytest.mark.parametrize(
    ("name", "table", "words"),
    [
        ("prod", {}, "needs a store of its own"),
        ("prod", {"store": "x"}, "store = 'x': write a URL"),
        ("prod", {"store": "${PW}"}, r"write \$\{env:PW\}"),
        ("prod", {"store": "env:URL"}, r"write \$\{env:URL\}"),
        ("pr@d", {"store": "memory://"}, "have a meaning in names"),
        ("prod", {"store": "memory://", "bucket": "a/b"}, "separates folders"),
        ("dev", {"store": "memory://"}, "describes a context 'dev': remove it first"),
    ],
)
def test_what_can_not_be_opened_is_not_added(
    contexts: Contexts, user: Path, name: str, table: dict[str, str | bool], words: str
) -> None:
    contexts.add("dev", {"home": "dev"})
    before = user.read_text()
    with pytest.raises(SettingsError, match=words):
        contexts.add(name, table)
    assert user.read_text() == before


def test_the_default_context_may_be_protected_where_it_is(contexts: Contexts) -> None:
    contexts.add("default", {"protected": True})
    [facts] = contexts.list()
    assert (facts.is_protected, facts.problem) == (True, None)


def test_the_context_that_is_used_is_chosen_in_the_user_s_file(contexts: Contexts, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    chosen = contexts.use("dev")
    assert (chosen.name, chosen.file, chosen.but) == ("dev", user, None)
    assert [facts.name for facts in contexts.list() if facts.is_used] == ["dev"]
    assert [facts.name for facts in contexts.list({"context": "default"}) if facts.is_used] == ["default"]
    assert contexts.use("default").but is None


def test_the_project_s_file_chooses_if_it_did_before_or_alone_knows_the_context(
    contexts: Contexts, project: Path, user: Path
) -> None:
    file = contexts.add("ours", {"home": "x"}, to="project")
    contexts.add("mine", {"home": "y"})
    assert contexts.use("mine").file == user
    assert contexts.use("ours").file == file == project / "omega.toml"
    assert contexts.use("mine").file == file
    assert contexts.use("ours", of="user").but == f"{file} says 'mine'"


def test_a_choice_says_what_is_stronger(contexts: Contexts, project: Path, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    assert contexts_of(project, user, OMEGA_CONTEXT="default").use("dev").but == "OMEGA_CONTEXT says 'default'"
    home = str(project / "h")
    assert (
        contexts_of(project, user, OMEGA_HOME=home).use("dev").but == f"OMEGA_HOME says that the store is file://{home}"
    )
    assert contexts_of(project, user, OMEGA_HOME=home).use("default").but is None


def test_a_context_that_does_not_exist_is_not_chosen(contexts: Contexts, user: Path) -> None:
    with pytest.raises(SettingsError, match="no context 'prod'"):
        contexts.use("prod")
    assert not user.exists()


def test_a_choice_mends_that_of_a_context_that_is_gone(contexts: Contexts, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    user.write_text('context = "gone"\n' + user.read_text())
    [gone] = [facts for facts in contexts.list() if facts.is_used]
    assert (gone.name, gone.store) == ("gone", None)
    assert "no context 'gone'" in str(gone.problem)
    contexts.use("dev")
    assert all(facts.problem is None for facts in contexts.list())


def test_what_is_removed_is_forgotten(contexts: Contexts, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    contexts.add("prod", {"home": "prod"})
    assert contexts.remove("dev") == user
    assert [facts.name for facts in contexts.list()] == ["default", "prod"]
    for of in (None, "user"):
        with pytest.raises(SettingsError, match="describes a context 'dev'"):
            contexts.remove("dev", of=of)


def test_the_context_that_is_used_is_not_removed(contexts: Contexts, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    contexts.use("dev")
    with pytest.raises(SettingsError, match="uses the context 'dev': choose another first"):
        contexts.remove("dev")


def test_of_two_descriptions_it_must_be_said_whose_is_removed(contexts: Contexts, project: Path, user: Path) -> None:
    contexts.add("dev", {"home": "dev"})
    contexts.add("dev", {"home": "dev"}, to="project")
    contexts.use("dev", of="user")
    with pytest.raises(SettingsError, match="say --project or --user"):
        contexts.remove("dev")
    assert contexts.remove("dev", of="project") == project / "omega.toml"
    assert [facts.files for facts in contexts.list() if facts.name == "dev"] == [(user,)]


@pytest.mark.parametrize("first", ["project", "user"])
def test_one_table_that_protects_is_enough(contexts: Contexts, project: Path, first: str) -> None:
    contexts.add("prod", {"home": "prod", "protected": first == "project"}, to="project")
    contexts.add("prod", {"home": "prod", "protected": first == "user"})
    assert contexts.settings("prod").protected.value
    assert contexts.protecting("prod", "memory://") == "prod"


def test_a_protected_folder_is_protected_under_any_name(contexts: Contexts, project: Path) -> None:
    contexts.add("prod", {"home": "prod", "protected": True})
    contexts.add("broken", {"home": "${env:NONE}", "protected": True})
    assert contexts.protecting("default", f"file://{project / 'prod'}") == "prod"
    assert contexts.protecting("default", f"file://{project / 'dev'}") is None
    assert contexts.protecting("default", "memory://") is None


def test_protected_is_true_or_false(contexts: Contexts, user: Path) -> None:
    user.parent.mkdir(parents=True)
    user.write_text('[contexts.prod]\nhome = "x"\nprotected = "yes"\n')
    with pytest.raises(SettingsError, match=r"protected in \[contexts.prod\] is neither true nor false"):
        contexts.list()
