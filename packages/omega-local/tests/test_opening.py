"""A home is made, checked and, where it can not be written, still read."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_domain.entities.head import HeadQuery
from omega_domain.errors import (
    CorruptPayloadError,
    StoreFormatError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from omega_domain.testing.files import put_blob, read_blob
from omega_domain.testing.samples import make_head, make_version
from omega_local import LocalMetadataStore, LocalStore, open_store
from omega_local.opening import _connect_immutable
from omega_local.schema import SCHEMA

Run = Callable[..., str]


def _fill(home: Path) -> None:
    version = make_version()
    metadata, store = LocalMetadataStore(home), LocalStore(home)
    metadata.commit(make_head(version), expected=None, version=version)
    store.collection("c").insert_many({"_id": str(number), "text": "x" * 500} for number in range(300))
    put_blob(store.files, b"abc")
    metadata.close()
    store.close()


def _lock_up(home: Path) -> None:
    for path in (home, *home.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)


def test_a_home_is_made_with_its_first_use_and_for_its_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    store = LocalStore(home)
    assert store.collection("c").name == "c"
    assert not home.exists()
    assert store.collections() == []
    assert stat.S_IMODE(home.stat().st_mode) == 0o700


def test_nothing_but_the_known_files_is_in_a_home(tmp_path: Path) -> None:
    _fill(tmp_path)
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"omega.db", "blobs", "tmp"}
    assert list((tmp_path / "tmp").iterdir()) == []


def test_the_url_is_the_same_by_every_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    urls = {LocalStore(home).url for home in (tmp_path / "home", tmp_path / "link", "~/home", "home", "../../home/..")}
    assert len(urls) == 2
    assert f"file://{tmp_path.resolve() / 'home'}" in urls


def test_a_store_is_opened_by_its_url(tmp_path: Path) -> None:
    home = tmp_path / "with space #1"
    metadata, store = open_store(f"file://{tmp_path}/with%20space%20%231")
    assert store.url == f"file://{home}"
    assert metadata.heads(HeadQuery()) == []
    assert (home / "omega.db").exists()
    assert open_store(str(home))[1].url == store.url


def test_a_store_of_a_newer_format_is_left_alone(tmp_path: Path) -> None:
    _fill(tmp_path)
    with sqlite3.connect(tmp_path / "omega.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = (tmp_path / "omega.db").read_bytes()
    for use in (LocalStore(tmp_path).collections, LocalMetadataStore(tmp_path).buckets):
        with pytest.raises(StoreFormatError, match=r"format 99.*upgrade"):
            use()
    assert (tmp_path / "omega.db").read_bytes() == before


@pytest.mark.parametrize("application", [0, 77])
def test_a_database_of_another_program_is_left_alone(tmp_path: Path, application: int) -> None:
    connection = sqlite3.connect(tmp_path / "omega.db")
    connection.execute("CREATE TABLE theirs (a)")
    connection.execute(f"PRAGMA application_id = {application}")
    connection.close()
    before = (tmp_path / "omega.db").read_bytes()
    with pytest.raises(StoreUnavailableError, match="another program"):
        LocalStore(tmp_path).collections()
    assert (tmp_path / "omega.db").read_bytes() == before


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "omega.db").write_bytes(b"precious notes " * 1000)
    with pytest.raises(StoreUnavailableError, match=r"omega\.db is not a database"):
        put_blob(LocalStore(tmp_path).files, b"abc")
    assert (tmp_path / "omega.db").read_bytes() == b"precious notes " * 1000


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    (tmp_path / "omega.db").touch()
    assert LocalStore(tmp_path).collections() == []


def test_tables_are_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("omega_local.opening.SCHEMA", (*SCHEMA[:3], "no SQL"))
        with pytest.raises(StoreUnavailableError, match="syntax error"):
            LocalStore(tmp_path).collections()
    assert LocalStore(tmp_path).collections() == []


def test_a_new_home_waits_for_who_looks_at_it(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "omega.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN")
    holder.execute("SELECT * FROM sqlite_master").fetchall()
    with pytest.raises(StoreUnavailableError, match="locked by another process"):
        LocalStore(tmp_path, timeout=0.1).collections()
    timer = threading.Timer(0.1, holder.execute, ["ROLLBACK"])
    timer.start()
    assert LocalStore(tmp_path, timeout=20).collections() == []
    timer.join()
    holder.close()


def test_a_database_opened_as_immutable_is_opened_again_when_it_changes(tmp_path: Path) -> None:
    _fill(tmp_path)
    reader = _connect_immutable(tmp_path / "omega.db", timeout=1)
    assert reader.is_current
    writer = LocalStore(tmp_path)
    writer.collection("late").insert_many([{"_id": "x"}])
    assert not reader.is_current
    with pytest.raises(StoreReadOnlyError, match=r"omega\.db-wal"):
        _connect_immutable(tmp_path / "omega.db", timeout=1)
    writer.close()
    assert not reader.is_current
    reader.close()


def test_a_damaged_database_is_told_from_a_good_one(tmp_path: Path) -> None:
    _fill(tmp_path)
    with (tmp_path / "omega.db").open("r+b") as file:
        file.seek(4096 * 10)
        file.write(b"\xff" * 4096 * 40)
    with pytest.raises(CorruptPayloadError, match=r"damaged.*backup"):
        list(LocalStore(tmp_path).collection("c").find({"text": "y"}))


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("not a folder")
    with pytest.raises(StoreUnavailableError, match="OMEGA_HOME"):
        LocalStore(tmp_path / "home").collections()
    with pytest.raises(StoreUnavailableError, match="OMEGA_HOME"):
        put_blob(LocalStore(tmp_path / "home").files, b"abc")


def test_a_home_that_was_removed_is_made_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    store = LocalStore(home)
    store.collection("c").insert_many([{"_id": "x"}])
    shutil.rmtree(home)
    assert store.collections() == []
    put_blob(store.files, b"abc")
    assert [info.size for info in LocalStore(home).files.find()] == [3]


def test_a_home_without_permission_is_named(shared_home: Path, run: Run) -> None:
    _fill(shared_home)
    shared_home.chmod(0)
    output = run(
        """
try:
    store.collections()
except StoreReadOnlyError as error:
    print(error)
""",
        shared_home,
        privileged=False,
    )
    assert f"store in {shared_home} may not be written" in output


def test_an_empty_home_that_can_not_be_written_is_named(shared_home: Path, run: Run) -> None:
    shared_home.chmod(0o555)
    output = run(
        """
others = LocalStore(home / "new")
for use in (store.collections, lambda: put_blob(store.files, b"abc"), others.collections):
    try:
        use()
    except StoreReadOnlyError as error:
        print("read only")
""",
        shared_home,
        privileged=False,
    )
    assert output == "read only\n" * 3


READ_AND_TRY_TO_WRITE = """
print(len(metadata.heads(HeadQuery())), store.collection("c").count_documents({}), store.collections())
print([read_blob(store.files, info.id) for info in store.files.find()])
version = make_version(ObjectKey("omega", "data/", "other"))
for write in (
    lambda: metadata.commit(make_head(version), expected=None, version=version),
    lambda: metadata.purge(uids=["x"]),
    lambda: put_blob(store.files, b"new"),
    lambda: put_blob(store.files, b"abc"),
    lambda: store.files.delete([info.id for info in store.files.find()], leased_before=SOON + timedelta(1)),
    lambda: store.collection("c").insert_many([{"_id": "new"}]),
    lambda: store.collection("c").update_one({}, {"$set": {"a": 1}}),
    lambda: store.collection("c").drop(),
):
    try:
        print("written", write())
    except StoreReadOnlyError as error:
        assert str(home) in str(error)
        print("read only")
"""


def test_a_home_that_can_not_be_written_is_read(shared_home: Path, run: Run) -> None:
    _fill(shared_home)
    _lock_up(shared_home)
    output = run(READ_AND_TRY_TO_WRITE, shared_home, privileged=False)
    assert output.splitlines() == ["1 300 ['c']", "[b'abc']"] + ["read only"] * 8
    assert read_blob(LocalStore(shared_home).files, put_blob(LocalStore(shared_home).files, b"abc")) == b"abc"


def test_what_waits_in_the_log_is_not_passed_over(shared_home: Path, run: Run) -> None:
    _fill(shared_home)
    copy = shared_home / "copy"
    copy.mkdir()
    store = LocalStore(shared_home)
    store.collection("late").insert_many([{"_id": "x"}])
    for name in ("omega.db", "omega.db-wal"):  # what is left when a writer is killed and its shared memory is lost
        shutil.copy(shared_home / name, copy / name)
    store.close()
    _lock_up(copy)
    output = run(
        """
try:
    store.collections()
except StoreReadOnlyError as error:
    print(error)
""",
        copy,
        privileged=False,
    )
    assert "wait in omega.db-wal" in output
    for path in (copy, *copy.iterdir()):
        path.chmod(0o755)
    assert LocalStore(copy).collections() == ["c", "late"]


def test_a_reader_without_permission_sees_what_a_writer_does(shared_home: Path, run: Run) -> None:
    _fill(shared_home)
    _lock_up(shared_home)
    script = """
reading, writing = os.pipe()
answer, answering = os.pipe()
if os.fork():
    store.collections()
    store.close()
    os.write(writing, b"x")
    os.read(answer, 1)
    store.collection("late").insert_many([{"_id": "x"}])
    store.close()
    os.write(writing, b"x")
    os.wait()
else:
    if os.geteuid() == 0:
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    os.read(reading, 1)
    print(store.collections())
    os.write(answering, b"x")
    os.read(reading, 1)
    print(store.collections())
    sys.stdout.flush()
    os._exit(0)
"""
    if os.geteuid() != 0:
        pytest.skip("only root can write where others can not")
    assert run(script, shared_home) == "['c']\n['c', 'late']\n"
