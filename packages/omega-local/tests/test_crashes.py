"""A process killed at any moment leaves nothing but what sweep finds; a full disk leaves nothing at all."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.seeds import kills, seed

from omega_domain.entities.head import HeadQuery
from omega_domain.entities.version import Version, chain
from omega_domain.errors import StoreFullError
from omega_domain.testing.files import put_blob, read_blob
from omega_domain.testing.samples import KEY, make_head, make_version
from omega_local import LocalMetadataStore, LocalStore

FAR = datetime(2100, 1, 1, tzinfo=UTC)

WORK = """
turn = int(sys.argv[2]) * 100000
print("ready", flush=True)
while True:
    turn += 1
    content = b"%d " % turn * (1 + turn % 7 * 60000)
    file_id = put_blob(store.files, content)
    store.collection("rows").insert_many({"_id": f"{turn}/{number}", "_omega": str(turn)} for number in range(5))
    head = metadata.head(KEY)
    part = Part(type="blob", ref=file_id, size=len(content), sha256=file_id)
    version = next_version(head, parts=(part,))
    assert metadata.commit(next_head(head, version, attributes={"turn": turn}), expected=head.revision, version=version)
    os.write(1, b"%d\\n" % turn)
    store.collection("rows").delete_many({"_omega": str(turn - 3)})
    if turn % 4 == 0:
        store.files.delete([file_id], leased_before=datetime(2001, 1, 1, tzinfo=UTC))
"""

FILL = """
import resource
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
def write_much():
    with store.files.new_file(leased_until=SOON) as writer:
        for _ in range(100):
            writer.write(bytes(100_000))
def insert_much():
    for start in range(0, 100_000, 1000):
        store.collection("c").insert_many({"text": "x" * 500} for _ in range(1000))
def commit_much():
    while True:
        version = make_version(ObjectKey("omega", "data/", str(time.perf_counter_ns())), kind_meta={"x": "y" * 10000})
        metadata.commit(make_head(version), expected=None, version=version)
for work in (write_much, insert_much, commit_much):
    try:
        work()
        print("written")
    except StoreFullError as error:
        assert str(home) in str(error)
        print("full")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.getrlimit(resource.RLIMIT_FSIZE)[1],) * 2)
print(store.collections(), read_blob(store.files, put_blob(store.files, b"small")))
"""

Start = Callable[..., "subprocess.Popen[str]"]


def test_a_process_killed_at_any_moment_leaves_a_good_store(tmp_path: Path, start: Start) -> None:
    metadata = LocalMetadataStore(tmp_path)
    version = make_version()
    metadata.commit(make_head(version, attributes={"turn": 0}), expected=None, version=version)
    moments = random.Random(seed(7))  # noqa: S311 -- any moment will do
    for turn in range(1, kills(15, soak=200) + 1):
        process = start("from omega_domain.entities.version import Part\n" + WORK, tmp_path, turn)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        until = moments.random() * 0.15
        try:
            process.wait(timeout=until)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
        output, errors = process.communicate()
        assert not errors
        _assert_good(tmp_path, at_least=int(output.split()[-1]) if output.strip() else 0)
    print(f"killed {turn} processes")  # noqa: T201 -- counted by tests.soak.plugin
    _assert_clean_after_sweep(tmp_path)


def _assert_good(home: Path, *, at_least: int) -> None:
    """Assert that what was reported is there, whole, and that nothing refers to what is not there."""
    metadata, store = LocalMetadataStore(home), LocalStore(home)
    (head,) = metadata.heads(HeadQuery())
    assert head.attributes["turn"] >= at_least
    versions = chain(head.tip, metadata.versions(head.uid))
    assert [version.seq for version in versions] == list(range(head.revision, 0, -1))
    last = versions[0]
    assert isinstance(last, Version)
    if head.revision > 1:
        assert hashlib.sha256(read_blob(store.files, last.parts[0].ref)).hexdigest() == last.parts[0].ref
    with sqlite3.connect(home / "omega.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def _assert_clean_after_sweep(home: Path) -> None:
    store = LocalStore(home)
    store.files.sweep(older_than=FAR)
    assert list((home / "tmp").iterdir()) == []
    files = [path for path in (home / "blobs").rglob("*") if path.is_file()]
    assert len(files) == len(list(store.files.find()))
    for info in store.files.find():
        assert hashlib.sha256(read_blob(store.files, info.id)).hexdigest() == info.id


def test_a_full_disk_is_named_and_leaves_what_was_there(tmp_path: Path, run: Callable[..., str]) -> None:
    store = LocalStore(tmp_path)
    store.collection("before").insert_many([{"_id": "x"}])
    output = run(FILL, tmp_path, 3_000_000)
    assert output.splitlines() == ["full"] * 3 + ["['before', 'c'] b'small'"]
    assert list((tmp_path / "tmp").iterdir()) == []
    assert store.collection("before").find_one() == {"_id": "x"}
    assert [info.size for info in store.files.find()] == [5]
    _assert_clean_after_sweep(tmp_path)
    for head in LocalMetadataStore(tmp_path).heads(HeadQuery()):
        assert LocalMetadataStore(tmp_path).version(head.current.id) is not None


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    mount = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(tmp_path)],  # noqa: S607 -- wherever mount is
        capture_output=True,
        check=False,
    )
    if mount.returncode:
        pytest.skip("no permission to mount a small file system")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)  # noqa: S607 -- the same


def test_a_disk_that_is_really_full_is_named_and_used_again(small_disk: Path) -> None:
    store, metadata = LocalStore(small_disk), LocalMetadataStore(small_disk)
    kept = put_blob(store.files, b"abc")
    ballast = small_disk / "ballast"
    ballast.write_bytes(os.urandom(1_200_000))
    with pytest.raises(StoreFullError, match="om gc"):
        put_blob(store.files, os.urandom(2_000_000))
    with pytest.raises(StoreFullError, match="om gc"):
        _insert_until_full(store)
    with pytest.raises(StoreFullError, match="om gc"):
        _commit_until_full(metadata)
    assert read_blob(store.files, kept) == b"abc"
    assert list((small_disk / "tmp").iterdir()) == []
    ballast.unlink()
    version = make_version(KEY)
    assert metadata.commit(make_head(version), expected=None, version=version)
    assert read_blob(store.files, put_blob(store.files, b"x" * 100_000)) == b"x" * 100_000
    _assert_clean_after_sweep(small_disk)


def _insert_until_full(store: LocalStore) -> None:
    for _ in range(2000):
        store.collection("c").insert_many([{"text": "x" * 10_000}])


def _commit_until_full(metadata: LocalMetadataStore) -> None:
    for number in range(2000):
        version = make_version(KEY.__class__("full", "data/", str(number)), kind_meta={"x": "y" * 10_000})
        metadata.commit(make_head(version), expected=None, version=version)
