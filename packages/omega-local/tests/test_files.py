"""What the embedded files do beyond their contract: damage, garbage and healing."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

import pytest

from omega_domain.errors import BlobNotFoundError, CorruptPayloadError
from omega_domain.testing.files import LONG_AGO, SOON, put_blob, read_blob
from omega_local import LocalStore
from omega_local.blob_writer import BlobWriter

FAR = datetime(2100, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def test_a_blob_is_a_plain_file_in_a_folder_by_its_first_letters(store: LocalStore, tmp_path: Path) -> None:
    file_id = put_blob(store.files, b"abc")
    path = store.files.local_path(file_id)
    assert path.parent == tmp_path / "blobs" / file_id[:2]
    assert path.name.startswith(f"{file_id}.")
    with store.files.get(file_id) as file:
        assert os.fstat(file.fileno()).st_ino == path.stat().st_ino


def test_content_stored_anew_is_another_file(store: LocalStore) -> None:
    file_id = put_blob(store.files, b"abc", leased_until=LONG_AGO)
    first = store.files.local_path(file_id)
    store.files.delete([file_id], leased_before=SOON)
    assert not first.exists()
    put_blob(store.files, b"abc")
    assert store.files.local_path(file_id).name != first.name


@pytest.mark.parametrize("use", ["get", "local_path"])
def test_a_missing_file_is_named_with_the_way_to_learn_more(store: LocalStore, use: str) -> None:
    file_id = put_blob(store.files, b"abc")
    store.files.local_path(file_id).unlink()
    with pytest.raises(BlobNotFoundError, match=rf"{file_id} is gone; run 'om fsck'"):
        getattr(store.files, use)(file_id)
    assert not store.files.exists(file_id)
    assert store.files.lease([file_id], until=SOON) == {file_id}
    assert [info.id for info in store.files.find()] == [file_id]


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: os.truncate(path, 1)])
def test_a_missing_or_cut_file_is_mended_by_the_same_content(
    store: LocalStore, damage: Callable[[Path], object]
) -> None:
    file_id = put_blob(store.files, b"abc", leased_until=SOON)
    damage(store.files.local_path(file_id))
    assert put_blob(store.files, b"abc", leased_until=LONG_AGO) == file_id
    assert read_blob(store.files, file_id) == b"abc"
    assert [info.leased_until for info in store.files.find()] == [SOON]


def test_a_missing_file_is_deleted_like_any_other(store: LocalStore) -> None:
    file_id = put_blob(store.files, b"abc", leased_until=LONG_AGO)
    store.files.local_path(file_id).unlink()
    assert store.files.delete([file_id], leased_before=SOON) == {file_id}


def test_sweep_takes_what_dead_writers_left_and_nothing_younger(store: LocalStore, tmp_path: Path) -> None:
    file_id = put_blob(store.files, b"abc")
    left = [tmp_path / "tmp" / "half", tmp_path / "blobs" / file_id[:2] / f"{file_id}.unindexed"]
    for path in left:
        path.write_bytes(b"half")
        os.utime(path, (1_000_000_000, 1_000_000_000))
    written = datetime.fromtimestamp(1_000_000_000, tz=UTC)
    assert store.files.sweep(older_than=written) == []
    assert store.files.sweep(older_than=written + timedelta(seconds=1)) == [
        "tmp/half",
        f"blobs/{file_id[:2]}/{file_id}.unindexed",
    ]
    assert not any(path.exists() for path in left)
    assert read_blob(store.files, file_id) == b"abc"


def test_sweep_of_a_home_without_blobs_finds_nothing(store: LocalStore) -> None:
    assert store.files.sweep(older_than=FAR) == []


def test_sweep_leaves_a_file_that_became_a_blob_meanwhile(store: LocalStore) -> None:
    file_id = put_blob(store.files, b"abc")
    assert store.files._remove_unindexed(store.files.local_path(file_id)) is False
    assert store.files._remove_unindexed(Path("nothing")) is False
    assert read_blob(store.files, file_id) == b"abc"


def test_a_writer_whose_file_was_swept_before_it_was_locked_begins_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fstat
    links = chain([0], repeat(1))
    monkeypatch.setattr(
        "omega_local.blob_writer.os.fstat",
        lambda fd: os.stat_result((*real(fd)[:3], next(links), *real(fd)[4:])),
    )
    writer = BlobWriter.open(tmp_path)
    writer.close()
    assert len(list((tmp_path / "tmp").iterdir())) == 2


def test_a_file_that_vanishes_while_it_is_looked_at_is_passed_over(store: LocalStore, tmp_path: Path) -> None:
    put_blob(store.files, b"abc")
    (tmp_path / "tmp" / "dangling").symlink_to(tmp_path / "nowhere")
    assert store.files.sweep(older_than=FAR) == []


@pytest.mark.parametrize("physical", ["../../mine", "{mine}", "zz/../../../mine", "ab", "", 5, "linked"])
def test_an_index_that_names_a_file_elsewhere_has_nothing_of_it_read_or_removed(
    tmp_path: Path, physical: object
) -> None:
    store, mine = LocalStore(tmp_path / "home"), tmp_path / "mine"
    mine.write_bytes(b"abc")
    file_id = put_blob(store.files, b"abc", leased_until=LONG_AGO)
    if physical == "linked":
        (tmp_path / file_id).with_suffix(".1").write_bytes(b"abc")
        (tmp_path / "home" / "blobs" / "00").symlink_to(tmp_path)
        physical = f"00/{file_id}.1"
    _write_index(tmp_path, str(physical).replace("{mine}", str(mine)) if physical != 5 else physical)
    for use in (store.files.get, store.files.local_path):
        with pytest.raises(CorruptPayloadError, match=rf"blob {file_id} is said to be in .*Put the object again"):
            use(file_id)
    assert not store.files.exists(file_id)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert store.files.delete([file_id], leased_before=SOON) == {file_id}
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert mine.read_bytes() == b"abc"


def test_an_index_that_names_a_file_elsewhere_is_mended_by_the_same_content(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "home")
    file_id = put_blob(store.files, b"abc")
    (tmp_path / "mine").write_bytes(b"abc")
    _write_index(tmp_path, "../../mine")
    put_blob(store.files, b"abc")
    assert read_blob(store.files, file_id) == b"abc"


@pytest.mark.parametrize("place", ["blobs/zz", "tmp"])
def test_what_a_link_leads_to_is_not_swept(tmp_path: Path, place: str) -> None:
    store = LocalStore(tmp_path / "home")
    put_blob(store.files, b"abc")
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "mine").write_text("mine")
    shutil.rmtree(tmp_path / "home" / place, ignore_errors=True)
    (tmp_path / "home" / place).symlink_to(precious)
    assert store.files.sweep(older_than=FAR) == []
    assert (precious / "mine").read_text() == "mine"


def test_leaving_a_writer_by_an_interrupt_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        _write_and_interrupt(store)
    assert list((tmp_path / "tmp").iterdir()) == []
    assert list(store.files.find()) == []


def _write_and_interrupt(store: LocalStore) -> None:
    with store.files.new_file(leased_until=SOON) as writer:
        writer.write(bytes(5_000_000))
        raise KeyboardInterrupt


def _write_index(folder: Path, physical: object) -> None:
    """Write where all blobs are, as somebody does who can write to the database."""
    with closing(sqlite3.connect(folder / "home" / "omega.db")) as connection, connection:
        connection.execute("UPDATE blobs SET physical = ?", (physical,))
