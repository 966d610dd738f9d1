"""Many clients, threads and processes share a database, and forks do no harm."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import chain
from omega_domain.testing.files import put_blob, read_blob
from omega_domain.testing.samples import KEY, make_head, make_version, next_head, next_version
from omega_mongo import Connection, MongoMetadataStore, MongoStore, open_store
from omega_mongo.names import LAYOUT
from omega_mongo.schema import INDEXES, LAYOUT_ID

CLIENTS: Final = 12
COMMITS: Final = 10

PRELUDE: Final = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")  # Python says that threads and forks do not mix; here they must
from omega_domain.testing.files import put_blob, read_blob
from omega_mongo import open_store
metadata, store = open_store(sys.argv[1])
"""

FORK: Final = """
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

# What is imported on first use is imported before: Python itself can not fork while a thread imports.
FORK_WHILE_THREADS_WRITE: Final = """
store.collection("c").insert_many([{"_id": "before"}])
stop = threading.Event()
def write(number):
    while not stop.is_set():
        store.collection("c").update_one({"_id": number}, {"$inc": {"n": 1}}, upsert=True)
        metadata.buckets()
threads = [threading.Thread(target=write, args=(number,)) for number in range(3)]
for thread in threads:
    thread.start()
for turn in range(10):
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


@pytest.fixture
def run(mongo_url: str) -> Callable[[str], str]:
    """Run a script in a process of its own and return what it printed."""

    def run_one(script: str) -> str:
        command = [sys.executable, "-c", PRELUDE + script, mongo_url]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout

    return run_one


def test_parent_and_child_go_on_after_a_fork(run: Callable[[str], str]) -> None:
    assert run(FORK).splitlines() == ["['before', 'child', 'parent']", "[b'child', b'parent']"]


def test_a_fork_while_threads_write_harms_nobody(run: Callable[[str], str]) -> None:
    assert run(FORK_WHILE_THREADS_WRITE) == "10\n"


def test_many_clients_make_collections_and_indexes_at_once(mongo_url: str) -> None:
    barrier = threading.Barrier(CLIENTS)

    def begin(number: int) -> None:
        metadata, store = open_store(mongo_url)
        version = make_version()
        barrier.wait(timeout=20)
        metadata.commit(make_head(version, key=ObjectKey("b", "data/", str(number))), expected=None)
        put_blob(store.files, b"the same")
        store.close()

    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(begin, range(CLIENTS)))
    connection = Connection(mongo_url)
    for name, indexes in INDEXES.items():
        made = set(connection.database[name].index_information())
        assert made == {"_id_", *(index.document["name"] for index in indexes)}
    assert [document["_id"] for document in connection.database[LAYOUT].find()] == [LAYOUT_ID]
    metadata, store = MongoMetadataStore(connection), MongoStore(connection)
    assert metadata.buckets() == ["b"]
    assert [info.size for info in store.files.find()] == [len("the same")]
    connection.close()


def test_threads_share_one_adapter(mongo_url: str) -> None:
    metadata, store = open_store(mongo_url)
    version = make_version()
    metadata.commit(make_head(version), expected=None, version=version)

    def work(number: int) -> None:
        for turn in range(COMMITS):
            store.collection("c").update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)
            assert read_blob(store.files, put_blob(store.files, b"%d" % (turn % 3))) == b"%d" % (turn % 3)
            while True:
                head = metadata.head(KEY)
                assert head is not None
                following = next_version(head)
                if metadata.commit(next_head(head, following), expected=head.revision, version=following):
                    break

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    head = metadata.head(KEY)
    assert head is not None
    versions = chain(head.tip, metadata.versions(head.uid))
    assert [version.seq for version in versions] == list(range(1 + 8 * COMMITS, 0, -1))
    assert store.collection("c").find_one() == {"_id": "x", "n": 8 * COMMITS}
    store.close()


def test_nothing_is_connected_before_the_first_use(run: Callable[[str], str]) -> None:
    script = "print(len(threading.enumerate()), store.url == metadata._connection.url)"
    assert run(script) == "1 True\n"


def test_a_closed_store_opens_again(mongo_url: str) -> None:
    metadata, store = open_store(mongo_url)
    store.collection("c").insert_many([{"_id": "x"}])
    store.close()
    assert store.collection("c").find_one() == {"_id": "x"}
    assert metadata.buckets() == []
    store.close()
