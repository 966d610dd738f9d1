"""Many processes and threads share a home, and forks do no harm."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from omega_domain.entities.version import chain
from omega_domain.errors import StoreUnavailableError
from omega_domain.testing.files import LONG_AGO, SOON, put_blob, read_blob
from omega_domain.testing.samples import KEY, make_head, make_version
from omega_local import LocalMetadataStore, LocalStore
from omega_local.database import Database

PROCESSES = 8
COMMITS = 15

COMMIT = """
for _ in range(int(sys.argv[2])):
    while True:
        head = metadata.head(KEY)
        version = next_version(head)
        if metadata.commit(next_head(head, version), expected=head.revision, version=version):
            break
print("done")
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

COUNT = """
for _ in range(20):
    store.collection("c").update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)
"""

FORK = """
store.collection("c").insert_many([{"_id": "before"}])
child = os.fork()
name = "parent" if child else "child"
store.collection("c").insert_many([{"_id": name}])
metadata.buckets()
put_blob(store.files, name.encode())
if child:
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    print(sorted(document["_id"] for document in store.collection("c").find()))
    print(sorted(read_blob(store.files, info.id) for info in store.files.find()))
"""

FORK_WHILE_THREADS_WRITE = """
import warnings
warnings.simplefilter("ignore")  # Python says that threads and forks do not mix; here they must
stop = threading.Event()
def write(number):
    while not stop.is_set():
        store.collection("c").update_one({"_id": number}, {"$inc": {"n": 1}}, upsert=True)
        metadata.buckets()
threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for turn in range(20):
    child = os.fork()
    if child == 0:
        store.collection("c").insert_many([{"_id": f"child {turn}"}])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
stop.set()
for thread in threads:
    thread.join()
print(store.collection("c").count_documents({"_id": {"$regex": "^child"}}))
"""


def test_processes_commit_to_one_head_in_one_order(tmp_path: Path, start: Callable[..., object]) -> None:
    metadata = LocalMetadataStore(tmp_path)
    version = make_version()
    metadata.commit(make_head(version), expected=None, version=version)
    _finish(start(COMMIT, tmp_path, COMMITS) for _ in range(PROCESSES))
    head = metadata.head(KEY)
    assert head is not None
    assert head.revision == 1 + PROCESSES * COMMITS
    versions = chain(head.tip, metadata.versions(head.uid))
    assert [version.seq for version in versions] == list(range(head.revision, 0, -1))


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


def test_processes_count_together(tmp_path: Path, start: Callable[..., object]) -> None:
    _finish(start(COUNT, tmp_path) for _ in range(4))
    assert LocalStore(tmp_path).collection("c").find_one() == {"_id": "x", "n": 80}


def test_parent_and_child_go_on_after_a_fork(tmp_path: Path, run: Callable[..., str]) -> None:
    assert run(FORK, tmp_path).splitlines() == ["['before', 'child', 'parent']", "[b'child', b'parent']"]


def test_a_fork_while_threads_write_harms_nobody(tmp_path: Path, run: Callable[..., str]) -> None:
    assert run(FORK_WHILE_THREADS_WRITE, tmp_path) == "20\n"


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
