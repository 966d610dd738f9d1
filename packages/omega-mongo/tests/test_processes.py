"""Many clients, threads and processes share a database, and forks do no harm."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import pytest

from omega_domain.entities.names import ObjectKey
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import Store
from omega_domain.testing.files import put_blob
from omega_domain.testing.processes import ProcessesContract
from omega_domain.testing.samples import make_head, make_version
from omega_mongo import Connection, MongoMetadataStore, MongoStore, open_store
from omega_mongo.names import LAYOUT
from omega_mongo.schema import INDEXES, LAYOUT_ID

CLIENTS: Final = 12

PRELUDE: Final = """
import sys, threading
from omega_mongo import open_store
metadata, store = open_store(sys.argv[1])
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


class TestProcesses(ProcessesContract):
    """The contract of processes on a database."""

    @pytest.fixture
    def both(self, mongo_url: str) -> Iterator[tuple[MetadataStore, Store]]:
        metadata, store = open_store(mongo_url)
        yield metadata, store
        store.close()

    @pytest.fixture
    def metadata_store(self, both: tuple[MetadataStore, Store]) -> MetadataStore:
        return both[0]

    @pytest.fixture
    def store(self, both: tuple[MetadataStore, Store]) -> Store:
        return both[1]

    @pytest.fixture
    def opening(self, mongo_url: str) -> str:
        return f"from omega_mongo import open_store\nmetadata, store = open_store({mongo_url!r})"


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
