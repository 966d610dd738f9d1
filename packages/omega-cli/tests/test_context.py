"""`om context`: a new user's first contexts, through the real command."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


class Terminal(io.StringIO):
    """Somebody who answers on a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Answer questions that are asked on the terminal by these lines."""

    def answer(text: str) -> None:
        monkeypatch.setattr("sys.stdin", Terminal(text))
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)

    return answer


@pytest.fixture
def user(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a user who has set nothing in the environment."""
    monkeypatch.delenv("OMEGA_HOME")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return Path.home() / ".omega" / "omega.toml"


def test_contexts_are_added_listed_and_used(om: Run, user: Path) -> None:
    url = "mongodb://ada:${env:PW}@db.example.com/shop"
    assert om("context", "add", "prod", "--store", url, "--broker-url", "amqp://h", "--protected").code == 0
    assert om("context", "add", "dev", "--home", "dev", "--bucket", "b", "--json").json == {
        "name": "dev",
        "file": str(user),
    }
    assert om("context", "use", "dev").err == ""
    lines = [line.split() for line in om("context", "list").out.splitlines()]
    assert lines == [
        ["name", "used", "store", "broker", "protected", "file"],
        ["default", "-", f"file://{user.parent}", "-", "-", "-"],
        ["dev", "yes", f"file://{Path.cwd() / 'dev'}", "-", "-", "~/.omega/omega.toml"],
        ["prod", "-", url, "amqp://h", "yes", "~/.omega/omega.toml"],
    ]
    assert [row["name"] for row in om("context", "list", "--json").json if row["is_used"]] == ["dev"]


def test_a_context_that_was_chosen_is_worked_in_until_another_is_asked_for(om: Run, user: Path) -> None:
    Path("x.json").write_text("1")
    for name in ("dev", "test"):
        om("context", "add", name, "--home", name)
    om("context", "use", "dev")
    om("datasets", "put", "x.json", "x")
    assert om("datasets", "get", "x").out == "1\n"
    assert om("--context", "test", "datasets", "list", "--json").json == []
    assert Path("dev").is_dir()


def test_the_project_s_file_holds_a_context_for_all_who_work_in_it(om: Run, user: Path) -> None:
    assert om("context", "add", "ours", "--home", "data", "--project", "--json").json["file"] == str(
        Path("omega.toml").absolute()
    )
    assert 'home = "data"' in Path("omega.toml").read_text()
    assert not user.exists()


def test_every_setting_of_a_context_is_shown_but_no_secret(om: Run, user: Path) -> None:
    om("context", "add", "prod", "--store", "mongodb://ada:${env:PW}@h/d", "--protected")
    rows = {row["name"]: row for row in om("context", "show", "prod", "--json").json}
    assert rows["store"] == {
        "name": "store",
        "value": "mongodb://ada:${env:PW}@h/d",
        "source": f"{user} [contexts.prod]",
    }
    assert rows["protected"]["value"] == "true"
    assert "default" in om("context", "show").out


def test_a_password_in_clear_is_refused(om: Run, user: Path) -> None:
    done = om("context", "add", "prod", "--store", "mongodb://ada:secret@h/d")
    assert done.code == 1
    assert "'mongodb://ada:${env:PROD_PASSWORD}@h/d'" in done.err
    assert "secret" not in done.err
    assert not user.exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--store", "memory://", "--home", "x"], "say --store or --home"),
        (["--home", "x", "--project", "--user"], "not both"),
    ],
)
def test_options_that_exclude_each_other_are_wrong_usage(om: Run, user: Path, options: list[str], words: str) -> None:
    done = om("context", "add", "prod", *options)
    assert done.code == 2
    assert words in done.err


def test_a_context_that_can_not_be_opened_is_listed_with_what_is_wrong(om: Run, user: Path) -> None:
    Path("omega.toml").write_text('context = "gone"\n[contexts.odd]\nbucket = "b"\n')
    done = om("context", "list")
    assert done.code == 0
    assert "no context 'gone'" in done.err
    assert "'odd' has no store of its own" in done.err
    assert om("context", "use", "default").code == 0
    assert "gone" not in om("context", "list").err


def test_what_is_stronger_than_a_choice_is_told(om: Run, user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    om("context", "add", "dev", "--home", "dev")
    monkeypatch.setenv("OMEGA_CONTEXT", "default")
    assert om("context", "use", "dev").err == "om: warning: not used here: OMEGA_CONTEXT says 'default'\n"


def test_a_context_is_removed_after_a_question(om: Run, user: Path, answer: Callable[[str], None]) -> None:
    Path("x.json").write_text("1")
    om("context", "add", "dev", "--home", "dev")
    om("--context", "dev", "datasets", "put", "x.json", "x")
    assert om("context", "remove", "dev").err == f"om: say --yes to remove 'dev' from {user}; nothing was changed\n"
    answer("\n")
    done = om("context", "remove", "dev")
    assert (done.code, done.err.count("Its data stays. [y/N]")) == (1, 1)
    answer("y\n")
    assert om("context", "remove", "dev").code == 0
    assert om("context", "list", "--json").json[0]["name"] == "default"
    assert om("--home", "dev", "datasets", "get", "x").out == "1\n"


def test_a_context_is_removed_without_a_question_by_yes(om: Run, user: Path) -> None:
    om("context", "add", "dev", "--home", "dev")
    assert om("--yes", "context", "remove", "dev").code == 0
    assert om("context", "remove", "dev", "--yes").err == "om: no omega.toml describes a context 'dev'\n"


def test_nothing_is_asked_about_what_can_not_be_removed(om: Run, user: Path, answer: Callable[[str], None]) -> None:
    answer("y\n")
    assert om("context", "remove", "default").err == "om: no omega.toml describes a context 'default'\n"


def test_names_that_can_be_removed_are_completed(user: Path, om: Run) -> None:
    from omega_cli import completion

    om("context", "add", "dev", "--home", "dev")
    assert completion.described("de") == ["dev"]
    assert completion.contexts("de") == ["default", "dev"]


def test_a_project_s_file_that_others_can_write_is_used_once_it_is_allowed(om: Run) -> None:
    Path("omega.toml").write_text('bucket = "theirs"')
    Path("omega.toml").chmod(0o666)
    with pytest.warns(UserWarning, match="omega.toml is not used: others can write it"):
        shown = om("config", "show", "--json").json
    assert next(row for row in shown if row["name"] == "bucket")["source"] == "default"
    assert om("context", "allow", "--json").json == {"file": str(Path.cwd() / "omega.toml"), "settings": ["bucket"]}
    shown = om("config", "show", "--json").json
    assert next(row for row in shown if row["name"] == "bucket")["value"] == "theirs"
    assert om("context", "allow", "nothing.toml").code == 1
