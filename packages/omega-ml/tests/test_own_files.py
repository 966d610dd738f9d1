"""Files that steer omega-ml: read only if nobody but the user and root can have written them."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from omega_ml.files import own as own_files
from omega_ml.files.own import NotOwnError, check_own, read_own

STRANGER = 65534


def give_away(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a file or folder, or a link itself, belong to somebody else; only root can do so in earnest."""
    if os.geteuid() == 0:
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    path.chmod(0o644)
    return path


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o400, 0o755])
def test_what_the_user_alone_can_write_is_read(file: Path, mode: int) -> None:
    file.chmod(mode)
    assert read_own(file) == b"content"


def test_what_belongs_to_somebody_else_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    give_away(file, monkeypatch)
    with pytest.raises(NotOwnError, match="it belongs to "):
        read_own(file)


@pytest.mark.parametrize("mode", [0o666, 0o602, 0o777])
def test_what_all_can_write_is_not_read(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(NotOwnError, match=rf"others can write it \(mode {mode:o}\)"):
        read_own(file)


def test_what_a_group_can_write_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.chmod(0o660)
    monkeypatch.setattr(own_files, "_is_private", lambda _: False)
    with pytest.raises(NotOwnError, match="others can write it"):
        read_own(file)


@pytest.mark.parametrize(
    ("group", "is_private"),
    [
        ({"gr_name": "ada", "gr_mem": []}, True),
        ({"gr_name": "ada", "gr_mem": ["ada"]}, True),
        ({"gr_name": "ada", "gr_mem": ["ada", "bob"]}, False),
        ({"gr_name": "staff", "gr_mem": []}, False),
    ],
)
def test_the_group_that_a_system_makes_for_each_user_may_write(
    file: Path, monkeypatch: pytest.MonkeyPatch, group: dict[str, Any], is_private: bool
) -> None:
    file.chmod(0o660)
    gid = 1000
    monkeypatch.setattr("pwd.getpwuid", lambda _: SimpleNamespace(pw_name="ada", pw_gid=gid))
    monkeypatch.setattr("grp.getgrgid", lambda _: SimpleNamespace(**group))
    assert own_files._is_private(gid) is is_private
    assert own_files._is_private(gid + 1) is False


def test_a_user_and_a_group_without_names_are_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(_: int) -> Any:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert own_files._name(12345) == "the user 12345"
    assert own_files._is_private(1234) is False
    assert own_files._is_private(0)


def test_root_is_told_by_name() -> None:
    assert own_files._name(0) == pwd.getpwuid(0).pw_name


def test_a_link_of_somebody_else_is_not_followed(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(file)
    assert read_own(link) == b"content"
    give_away(link, monkeypatch)
    with pytest.raises(NotOwnError, match="it belongs to "):
        read_own(link)


def test_a_link_of_somebody_else_to_nothing_is_not_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError):
        check_own(link)
    give_away(link, monkeypatch)
    with pytest.raises(NotOwnError):
        check_own(link)


def test_a_file_that_is_exchanged_while_it_is_opened_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_files, "check_own", lambda path: path.chmod(0o666))
    with pytest.raises(NotOwnError, match="others can write it"):
        read_own(file)


def test_a_folder_such_as_tmp_is_taken_where_that_is_harmless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o1777)
    check_own(tmp_path, spares_sticky=True)
    with pytest.raises(NotOwnError):
        check_own(tmp_path)
    tmp_path.chmod(0o777)
    with pytest.raises(NotOwnError):
        check_own(tmp_path, spares_sticky=True)
    tmp_path.chmod(0o1777)
    give_away(tmp_path, monkeypatch)
    with pytest.raises(NotOwnError, match="it belongs to"):
        check_own(tmp_path, spares_sticky=True)
