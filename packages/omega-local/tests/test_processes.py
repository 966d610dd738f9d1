"""Many processes and threads share a home, and forks do no harm."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omega_domain.errors import StoreUnavailableError
from omega_domain.testing.files import LONG_AGO, SOON, put_blob, read_blob
from omega_domain.testing.processes import ProcessesContract
from omega_local import LocalMetadataStore, LocalStore
from omega_local.database import Database

PROCESSES = 8

OPENING = """
from omega_local import LocalMetadataStore, LocalStore
metadata, store = LocalMetadataStore({home!r}, timeout=20), LocalStore({home!r}, timeout=20)
"""

OPEN = """
store.collection("c").insert_many([{"_id": sys.argv[2]}])
put_blob(store.files, b"the same")
"""

SHARE = """
for turn in range(10):
    shared = put_blob(store.files, b"shared %d" % (turn % 3), leased_until=SOON)
    assert store.files.delete([shared], leased_before=LONG_AGO) == set()
    assert read_blob(store.files, shared) == b"shared %d" % (turn % 3)
    fleeting = put_blob(store.files, b"fleeting %d" % (turn % 3), leased_until=LONG_AGO)
    store.files.delete([fleeting], leased_before=SOON)
    store.files.sweep(older_than=datetime(2100, 1, 1, tzinfo=UTC))
"""


class TestProcesses(ProcessesContract):
    """The contract of processes on a home."""

    processes = PROCESSES

    @pytest.fixture
    def metadata_store(self, tmp_path: Path) -> LocalMetadataStore:
        return LocalMetadataStore(tmp_path)

    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path)

    @pytest.fixture
    def opening(self, tmp_path: Path) -> str:
        return OPENING.format(home=str(tmp_path))


def test_processes_open_a_new_home_at_the_same_time(tmp_path: Path, start: Callable[..., object]) -> None:
    home = tmp_path / "new" / "home"
    _finish(start(OPEN, home, number) for number in range(PROCESSES))
    store = LocalStore(home)
    assert store.collection("c").count_documents({}) == PROCESSES
    assert [info.size for info in store.files.find()] == [len("the same")]


def test_processes_share_blobs(tmp_path: Path, start: Callable[..., object]) -> None:
    _finish(start(SHARE, tmp_path) for _ in range(4))
    store = LocalStore(tmp_path)
    assert {read_blob(store.files, info.id)[:6] for info in store.files.find()} <= {b"shared", b"fleeti"}
    files = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(files) == len(list(store.files.find()))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_connections_of_a_parent_that_forked_unseen_are_left_alone(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.collection("c").insert_many([{"_id": "x"}])
    database = store._database
    inherited = list(database._idle)
    database._process = -1
    assert store.collections() == ["c"]
    assert inherited
    assert not set(map(id, inherited)) & set(map(id, database._idle))
    assert inherited[0].execute("SELECT 1").fetchone() == (1,)
    for connection in inherited:
        connection.close()


def test_more_threads_than_connections_are_kept(tmp_path: Path) -> None:
    database = Database(tmp_path)
    barrier = threading.Barrier(12)

    def borrow(_: int) -> None:
        with database.read():
            barrier.wait(timeout=20)

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(borrow, range(12)))
    assert len(database._idle) == 8
    database.close()
    assert database._idle == []


def test_a_home_locked_by_another_program_is_named_and_another_home_goes_on(tmp_path: Path) -> None:
    locked, other = LocalStore(tmp_path / "locked", timeout=0.1), LocalStore(tmp_path / "other", timeout=0.1)
    put_blob(locked.files, b"there")
    holder = sqlite3.connect(tmp_path / "locked" / "omega.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    for use in (
        lambda: put_blob(locked.files, b"abc"),
        lambda: locked.collection("c").insert_many([{"a": 1}]),
        lambda: locked.collection("c").drop(),
    ):
        with pytest.raises(StoreUnavailableError, match=r"locked is locked by another process"):
            use()
    assert read_blob(other.files, put_blob(other.files, b"abc")) == b"abc"
    assert [info.size for info in locked.files.find()] == [5]
    assert list((tmp_path / "locked" / "tmp").iterdir()) == []
    holder.execute("ROLLBACK")
    holder.close()
    assert read_blob(locked.files, put_blob(locked.files, b"abc")) == b"abc"


def test_a_home_that_can_not_be_made_while_it_is_locked_is_named(tmp_path: Path) -> None:
    holder = sqlite3.connect(tmp_path / "omega.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreUnavailableError, match="locked by another process"):
        LocalStore(tmp_path, timeout=0.1).collections()
    holder.close()
    assert LocalStore(tmp_path).collections() == []


def test_two_homes_that_lead_to_one_folder_are_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "home")
    one, two = LocalStore(tmp_path / "home"), LocalStore(tmp_path / "link")
    file_id = put_blob(one.files, b"abc", leased_until=LONG_AGO)
    assert two.files.delete([file_id], leased_before=SOON) == {file_id}
    assert not one.files.exists(file_id)
    assert one.url == two.url


def _finish(processes: object) -> None:
    assert hasattr(processes, "__iter__")
    for process in list(processes):
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
