"""Commands on keys, by the registry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from omega_domain.commands.plain import to_plain
from omega_domain.errors import KeysError
from omega_ml.commands.keys import DistrustKey, ExportKey, ListKeys, RotateKey, ShowOwnKey, TrustKeys
from omega_ml.commands.registry import commands
from omega_ml.commands.workplace import Workplace
from omega_ml.keys import FolderKeyRing


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(given={"keys": tmp_path / "keys", "author": "ada"}, environ={}, folder=tmp_path)


@pytest.fixture
def other(tmp_path: Path) -> FolderKeyRing:
    return FolderKeyRing(tmp_path / "other", name="bob@lab")


def run(workplace: Workplace, name: str, request: object) -> Any:
    return to_plain(commands()[name](workplace, request))


def test_the_own_key_is_made_shown_and_listed(workplace: Workplace, tmp_path: Path) -> None:
    assert run(workplace, "keys.list", ListKeys()) == []
    own = run(workplace, "keys.show", ShowOwnKey())
    assert list(own) == ["id", "role", "name", "public", "folder"]
    assert (own["role"], own["name"]) == ("own", "ada")
    assert own.pop("folder") == str(tmp_path / "keys" / "default")
    assert run(workplace, "keys.list", ListKeys()) == [own]


def test_the_public_part_is_exported_to_a_file_if_one_is_named(workplace: Workplace, tmp_path: Path) -> None:
    exported = run(workplace, "keys.export", ExportKey())
    assert exported == run(workplace, "keys.export", ExportKey(path=tmp_path / "me.pub"))
    assert (tmp_path / "me.pub").read_text() == exported["public"] + "\n"


def test_keys_of_others_are_trusted_until_they_are_not(workplace: Workplace, other: FolderKeyRing) -> None:
    line = other.public.to_line()
    trusted = {"id": other.public.id, "role": "trusted", "name": "bob@lab", "public": line}
    assert run(workplace, "keys.trust", TrustKeys(text=f"\n{line}\n")) == [trusted]
    assert run(workplace, "keys.list", ListKeys()) == [trusted]
    distrusted = run(workplace, "keys.distrust", DistrustKey(key=other.public.id))
    assert distrusted == {**trusted, "role": "distrusted"}
    assert run(workplace, "keys.list", ListKeys()) == []


def test_nothing_is_trusted_if_a_line_is_no_key(workplace: Workplace, other: FolderKeyRing) -> None:
    with pytest.raises(KeysError, match=r"x\.pub holds no key"):
        run(workplace, "keys.trust", TrustKeys(text="\n", file="x.pub"))
    with pytest.raises(KeysError, match="is no public key"):
        run(workplace, "keys.trust", TrustKeys(text=f"{other.public.to_line()}\nssh-rsa x"))
    assert run(workplace, "keys.list", ListKeys()) == []


@pytest.mark.parametrize("distrust", [False, True])
def test_a_new_key_takes_the_place_of_the_own_one(workplace: Workplace, distrust: bool) -> None:
    before = run(workplace, "keys.show", ShowOwnKey())["id"]
    after = run(workplace, "keys.rotate", RotateKey(distrust=distrust))
    assert after == run(workplace, "keys.show", ShowOwnKey())
    known = [(key["id"], key["role"]) for key in run(workplace, "keys.list", ListKeys())]
    assert known == [(after["id"], "own"), *([] if distrust else [(before, "trusted")])]
