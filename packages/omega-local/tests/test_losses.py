"""A database that was emptied or removed beside its blobs: they stay, and everybody is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from omega_domain.testing.files import LONG_AGO, SOON, put_blob, read_blob
from omega_local import LocalStore

FAR = datetime(2100, 1, 1, tzinfo=UTC)


def _remove(home: Path) -> None:
    for path in home.glob("omega.db*"):
        path.unlink()


def _empty(home: Path) -> None:
    _remove(home)
    (home / "omega.db").touch()


def _lose_the_log(home: Path) -> None:
    """Copy only the main file of a young home, where everything waits in the log."""
    copy = home.with_name("copy")
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("omega.db-*"))
    shutil.rmtree(home)
    copy.rename(home)


@pytest.mark.parametrize("lose", [_remove, _empty, _lose_the_log])
def test_blobs_that_a_lost_database_knew_are_told_and_stay(lose: Callable[[Path], None], tmp_path: Path) -> None:
    home = tmp_path / "home"
    before = LocalStore(home)
    for content in (b"abc", b"abcd"):
        put_blob(before.files, content)
    assert list(before.losses()) == []
    lose(home)
    store = LocalStore(home)
    [said] = store.losses()
    assert said.startswith(f"{home / 'omega.db'} is younger than 2 blob(s) of 7 bytes beside it, and does not know")
    (home / "tmp" / "half").write_bytes(b"half")
    os.utime(home / "tmp" / "half", (0, 0))
    assert store.files.sweep(older_than=FAR) == ["tmp/half"]
    file_id = put_blob(store.files, b"new")
    assert len(list(store.losses())) == 1
    assert len(list(home.glob("blobs/*/*"))) == 3
    store.accept_losses()
    store.accept_losses()
    assert list(store.losses()) == []
    assert len(store.files.sweep(older_than=FAR)) == 2
    assert read_blob(store.files, file_id) == b"new"


def test_what_a_dead_writer_left_is_no_loss(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    file_id = put_blob(store.files, b"abc", leased_until=LONG_AGO)
    left = tmp_path / "blobs" / file_id[:2] / f"{file_id}.unindexed"
    left.write_bytes(b"abc")
    store.files.delete([file_id], leased_before=SOON)
    assert list(LocalStore(tmp_path).losses()) == []
    assert store.files.sweep(older_than=FAR) == [str(left.relative_to(tmp_path))]
