"""`om keys`: the own key, and trust in those of others."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from omega_domain.omega import Omega
from omega_ml.keys import FolderKeyRing

Run = Callable[..., Any]


@pytest.fixture
def other(tmp_path: Path) -> FolderKeyRing:
    return FolderKeyRing(tmp_path / "other", name="bob@lab")


def test_there_is_no_key_before_the_first_put(om: Run, omega: Omega) -> None:
    assert om("keys", "list").err == "no key yet; it is made with the first put\n"
    omega.datasets.put(1, "d")
    [row] = om("keys", "list", "--json").json
    assert (row["role"], row["id"][:8]) == ("own", "ed25519-")
    assert row["id"] in om("keys", "list").out


def test_the_own_key_is_shown_and_exported(om: Run, tmp_path: Path) -> None:
    facts = om("keys", "show", "--json").json
    assert facts["folder"].endswith("omega/keys/default")
    assert om("keys", "export").out == facts["public"] + "\n"
    assert om("keys", "export", "--json").json["public"] == facts["public"]
    assert om("keys", "export", "--path", tmp_path / "me.pub").code == 0
    assert (tmp_path / "me.pub").read_text() == facts["public"] + "\n"


def test_each_context_has_a_key_of_its_own(om: Run) -> None:
    Path("omega.toml").write_text('[contexts."team/prod"]\nhome = "prod"\n')
    here, there = (om(*words, "keys", "show", "--json").json for words in ((), ("--context", "team/prod")))
    assert here["public"] != there["public"]
    assert there["folder"].endswith("omega/keys/team%2Fprod")


def test_keys_of_others_are_trusted_until_they_are_not(
    om: Run, other: FolderKeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("bob.pub").write_text(f"\n{other.public.to_line()}\n")
    assert "bob@lab" in om("keys", "trust", "bob.pub").out
    assert [row["name"] for row in om("keys", "list", "--json").json] == ["bob@lab"]
    assert om("keys", "distrust", other.public.id, "--json").json["role"] == "distrusted"
    assert om("keys", "list", "--json").json == []
    monkeypatch.setattr("sys.stdin", io.StringIO(other.public.to_line()))
    assert om("keys", "trust", "-", "--json").json[0]["id"] == other.public.id


def test_what_is_no_key_is_refused(om: Run) -> None:
    assert om("keys", "trust", "nothing.pub").code == 2
    Path("empty.pub").touch()
    assert "empty.pub holds no key" in om("keys", "trust", "empty.pub").err
    Path("ssh.pub").write_text("ssh-ed25519 AAAA me")
    assert "is no public key of omega-ml" in om("keys", "trust", "ssh.pub").err
    assert "is no key that was trusted" in om("keys", "distrust", "ed25519-0").err


def test_a_rotated_key_leaves_what_it_signed_trusted(om: Run) -> None:
    before = om("keys", "show", "--json").json
    after = om("keys", "rotate", "--json").json
    assert after["id"] != before["id"]
    assert [(row["id"], row["role"]) for row in om("keys", "list", "--json").json] == [
        (after["id"], "own"),
        (before["id"], "trusted"),
    ]
    last = om("keys", "rotate", "--distrust", "--json").json
    assert after["id"] not in {row["id"] for row in om("keys", "list", "--json").json}
    assert last["id"] in om("keys", "list").out
