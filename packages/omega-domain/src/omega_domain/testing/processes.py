"""Contract of processes: many of them, and threads, share the data of a store, and forks do no harm.

A subclass gives the fixtures ``metadata_store`` and ``store`` (empty ones, on the same data), and ``opening``: Python
that opens these data in another process, as ``metadata`` and ``store``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar, Final

import pytest

from omega_domain.entities.version import chain
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import Store
from omega_domain.testing.files import put_blob, read_blob
from omega_domain.testing.samples import KEY, make_head, make_version, next_head, next_version

WAIT: Final = 120
THREADS: Final = 8
TURNS: Final = 10

PRELUDE: Final = """
import os, sys, threading, warnings
warnings.simplefilter("ignore")  # Python says that threads and forks do not mix; here they must
from omega_domain.testing.files import put_blob, read_blob
from omega_domain.testing.samples import KEY, next_head, next_version
"""

COMMIT: Final = """
for _ in range(int(sys.argv[1])):
    while True:
        head = metadata.head(KEY)
        version = next_version(head)
        if metadata.commit(next_head(head, version), expected=head.revision, version=version):
            break
"""

COUNT: Final = """
for _ in range(int(sys.argv[1])):
    store.collection("c").update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)
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
for turn in range(int(sys.argv[1])):
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

Start = Callable[..., "subprocess.Popen[str]"]


class ProcessesContract:
    """What every store promises that more than one process opens.

    Attributes:
        processes: how many write at once.
    """

    processes: ClassVar[int] = 4

    @pytest.fixture
    def start(self, opening: str) -> Iterator[Start]:
        """Start a script in a process, with ``metadata`` and ``store`` at hand; it ends with the test."""
        started: list[subprocess.Popen[str]] = []

        def start_one(script: str, *arguments: object) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", PRELUDE + opening + "\n" + script, *map(str, arguments)]
            process = subprocess.Popen(  # noqa: S603 -- our own Python
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            started.append(process)
            return process

        yield start_one
        for process in started:
            process.kill()
            process.communicate()

    def test_processes_commit_to_one_head_in_one_order(self, metadata_store: MetadataStore, start: Start) -> None:
        _commit_first(metadata_store)
        _finish([start(COMMIT, TURNS) for _ in range(self.processes)])
        assert _sequence(metadata_store) == list(range(1 + self.processes * TURNS, 0, -1))

    def test_processes_count_together(self, store: Store, start: Start) -> None:
        _finish([start(COUNT, TURNS) for _ in range(self.processes)])
        assert store.collection("c").find_one() == {"_id": "x", "n": self.processes * TURNS}

    def test_parent_and_child_go_on_after_a_fork(self, start: Start) -> None:
        [printed] = _finish([start(FORK)])
        assert printed.splitlines() == ["['before', 'child', 'parent']", "[b'child', b'parent']"]

    def test_a_fork_while_threads_write_harms_nobody(self, start: Start) -> None:
        assert _finish([start(FORK_WHILE_THREADS_WRITE, TURNS)]) == [f"{TURNS}\n"]

    def test_threads_share_one_adapter(self, metadata_store: MetadataStore, store: Store) -> None:
        _commit_first(metadata_store)

        def work(_: int) -> None:
            for turn in range(TURNS):
                store.collection("c").update_one({"_id": "x"}, {"$inc": {"n": 1}}, upsert=True)
                assert read_blob(store.files, put_blob(store.files, b"%d" % (turn % 3))) == b"%d" % (turn % 3)
                _commit_next(metadata_store)

        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(work, range(THREADS)))
        assert _sequence(metadata_store) == list(range(1 + THREADS * TURNS, 0, -1))
        assert store.collection("c").find_one() == {"_id": "x", "n": THREADS * TURNS}


def _commit_first(metadata: MetadataStore) -> None:
    version = make_version()
    metadata.commit(make_head(version), expected=None, version=version)


def _commit_next(metadata: MetadataStore) -> None:
    while True:
        head = metadata.head(KEY)
        assert head is not None
        version = next_version(head)
        if metadata.commit(next_head(head, version), expected=head.revision, version=version):
            return


def _sequence(metadata: MetadataStore) -> list[int]:
    head = metadata.head(KEY)
    assert head is not None
    return [version.seq for version in chain(head.tip, metadata.versions(head.uid))]


def _finish(processes: list[subprocess.Popen[str]]) -> list[str]:
    """Wait for the end of processes; return what they printed."""
    printed = []
    for process in processes:
        output, errors = process.communicate(timeout=WAIT)
        assert (process.returncode, errors) == (0, "")
        printed.append(output)
    return printed
