"""Injected faults hit the step they are meant for, and leave what a crash would leave."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from threading import RLock

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.files import MemoryFiles
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.version import Tombstone
from omega_domain.errors import StoreFullError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import Collection, Files, Store, SupportsLocalPath
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore, InjectedFault, When
from omega_domain.testing.files import LONG_AGO, SOON, put_blob, read_blob
from omega_domain.testing.metadata import MetadataStoreContract
from omega_domain.testing.samples import KEY, make_head, make_version, next_head, next_version
from omega_domain.testing.store import StoreContract


class TestMetadataStoreWithoutFaults(MetadataStoreContract):
    """A plan without a fault changes nothing."""

    @pytest.fixture
    def metadata_store(self) -> FaultyMetadataStore:
        return FaultyMetadataStore(MemoryMetadataStore(), FaultPlan())

    def corrupt_manifest(self, metadata_store: FaultyMetadataStore, version_id: str) -> None:
        inner = metadata_store._inner
        assert isinstance(inner, MemoryMetadataStore)
        kept = inner._versions[version_id]
        assert not isinstance(kept, Tombstone)
        inner._versions[version_id] = kept._replace(manifest=kept.manifest.replace("ada", "eve"))


class _FilesWithPaths(MemoryFiles, SupportsLocalPath):
    """Blobs in memory that are written to a folder when their path is asked."""

    def __init__(self, folder: Path) -> None:
        super().__init__(ManualClock(), RLock())
        self._folder = folder

    def local_path(self, file_id: str) -> Path:
        with self.get(file_id) as file:
            (self._folder / file_id).write_bytes(file.read())
        return self._folder / file_id


class _StoreWithPaths(MemoryStore):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._files = _FilesWithPaths(folder)


class TestStoreWithoutFaults(StoreContract):
    """A plan without a fault changes nothing."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> FaultyStore:
        return FaultyStore(_StoreWithPaths(tmp_path), FaultPlan())

    def corrupt_blob(self, store: FaultyStore, file_id: str) -> None:
        inner = store._inner.files
        assert isinstance(inner, MemoryFiles)
        content, info = inner._blobs[file_id]
        inner._blobs[file_id] = (b"?" + content[1:], info)


def _metadata(plan: FaultPlan) -> tuple[MemoryMetadataStore, FaultyMetadataStore]:
    inner = MemoryMetadataStore()
    return inner, FaultyMetadataStore(inner, plan)


def _collection(plan: FaultPlan) -> tuple[Collection, Collection]:
    inner = MemoryStore()
    inner.collection("c").insert_many({"_id": str(number), "n": number} for number in range(4))
    return inner.collection("c"), FaultyStore(inner, plan).collection("c")


def _ids(collection: Collection) -> list[str]:
    return [document["_id"] for document in collection.find()]


def test_a_dry_run_counts_and_names_the_steps() -> None:
    plan = FaultPlan()
    store, metadata = FaultyStore(MemoryStore(), plan), FaultyMetadataStore(MemoryMetadataStore(), plan)
    file_id = put_blob(store.files, b"abc")
    store.files.lease([file_id], until=SOON)
    metadata.commit(make_head(make_version()), expected=None)
    collection = store.collection("c")
    collection.insert_many([{"_id": "x"}])
    collection.update_one({}, {"$set": {"a": 1}})
    collection.create_index("a")
    collection.delete_many({})
    collection.drop()
    store.files.delete([file_id], leased_before=SOON)
    store.files.sweep(older_than=LONG_AGO)
    metadata.purge()
    assert plan.steps == 11
    assert plan.trace == [
        *("new_file", "lease", "commit", "insert_many", "update_one", "create_index", "delete_many", "drop"),
        *("delete", "sweep", "purge"),
    ]


def test_every_way_of_failing_is_planned() -> None:
    plans = [repr(plan) for plan in FaultPlan.every(2)]
    assert len(set(plans)) == len(plans) == 10
    assert "FaultPlan(2, when='middle', fault='full')" in plans


@pytest.mark.parametrize(("when", "heads", "records"), [("before", 0, 0), ("middle", 0, 1), ("after", 1, 1)])
def test_a_commit_crashes(when: When, heads: int, records: int) -> None:
    version = make_version()
    inner, faulty = _metadata(FaultPlan(1, when=when))
    with pytest.raises(InjectedFault, match=f"crashed {when} step 1, commit"):
        faulty.commit(make_head(version), expected=None, version=version)
    assert len(inner.heads(HeadQuery())) == heads
    assert len(list(inner.records())) == records
    assert inner.heads(HeadQuery(dropped=True)) == []


def test_a_commit_without_version_crashes_in_the_middle() -> None:
    inner, faulty = _metadata(FaultPlan(1, when="middle"))
    with pytest.raises(InjectedFault):
        faulty.commit(make_head(make_version()), expected=None)
    assert list(inner.records()) == []


def test_a_second_commit_leaves_the_first_state() -> None:
    inner, faulty = _metadata(FaultPlan(2, when="middle"))
    version = make_version()
    head = make_head(version)
    faulty.commit(head, expected=None, version=version)
    follower = next_version(head)
    with pytest.raises(InjectedFault):
        faulty.commit(next_head(head, follower), expected=1, version=follower)
    assert inner.head(KEY) == head
    assert len(inner.versions(head.uid)) == 2


def test_a_purge_crashes_in_the_middle() -> None:
    inner, faulty = _metadata(FaultPlan(3, when="middle"))
    version, other = make_version(), make_version()
    for made in (version, other):
        inner.commit(make_head(made, dropped=made.created), expected=None, version=made)
    faulty.purge()
    faulty.purge()
    with pytest.raises(InjectedFault):
        faulty.purge(uids=[version.uid, other.uid], versions=[version.id, other.id])
    assert [head.uid for head in inner.heads(HeadQuery(dropped=True))] == [other.uid]
    assert list(inner.records()) == [other]


@pytest.mark.parametrize(("when", "stored"), [("before", False), ("middle", False), ("after", True)])
def test_a_writer_crashes(when: When, stored: bool) -> None:
    inner = MemoryStore()
    faulty = FaultyStore(inner, FaultPlan(1, when=when))
    with pytest.raises(InjectedFault):
        put_blob(faulty.files, b"abc")
    assert bool(list(inner.files.find())) is stored


def test_leases_and_deletions_crash_in_the_middle() -> None:
    inner = MemoryStore()
    ids = [put_blob(inner.files, content) for content in (b"a", b"b")]
    later = SOON + timedelta(days=1)
    with pytest.raises(InjectedFault):
        FaultyStore(inner, FaultPlan(1, when="middle")).files.lease(ids, until=later)
    assert {info.id: info.leased_until for info in inner.files.find()} == {ids[0]: later, ids[1]: SOON}
    with pytest.raises(InjectedFault):
        FaultyStore(inner, FaultPlan(1, when="middle")).files.delete(ids, leased_before=later + timedelta(days=1))
    assert [info.id for info in inner.files.find()] == [ids[1]]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (lambda c: c.insert_many([{"_id": "4"}, {"_id": "5"}]), ["0", "1", "2", "3", "4"]),
        (lambda c: c.insert_many([{"_id": "4"}]), ["0", "1", "2", "3"]),
        (lambda c: c.delete_many({"n": {"$gte": 2}}), ["0", "1", "3"]),
        (lambda c: c.drop(), ["2", "3"]),
        (lambda c: c.update_one({"_id": "0"}, {"$set": {"n": 9}}), ["0", "1", "2", "3"]),
    ],
)
def test_a_collection_is_left_half_changed(change: Callable[[Collection], object], left: Iterable[str]) -> None:
    inner, faulty = _collection(FaultPlan(1, when="middle"))
    with pytest.raises(InjectedFault):
        change(faulty)
    assert _ids(inner) == left
    assert inner.find_one({"n": 9}) is None


def test_after_a_crash_nothing_works_any_more() -> None:
    plan = FaultPlan(1)
    store, metadata = FaultyStore(MemoryStore(), plan), FaultyMetadataStore(MemoryMetadataStore(), plan)
    with pytest.raises(InjectedFault):
        put_blob(store.files, b"abc")
    assert plan.crashed
    uses: list[Callable[[], object]] = [
        lambda: metadata.head(KEY),
        lambda: metadata.heads(HeadQuery()),
        metadata.buckets,
        lambda: metadata.version("x"),
        lambda: metadata.versions("x"),
        metadata.records,
        metadata.purge,
        store.collections,
        lambda: store.collection("c").find(),
        lambda: store.collection("c").find_one(),
        lambda: store.collection("c").count_documents({}),
        lambda: store.files.get("x"),
        lambda: store.files.exists("x"),
        store.files.find,
        lambda: put_blob(store.files, b"x"),
    ]
    for use in uses:
        with pytest.raises(InjectedFault, match="dead since step 1, new_file"):
            use()
    assert store.url == "memory://memory"


def test_a_full_disk_is_no_crash() -> None:
    inner = MemoryStore()
    plan = FaultPlan(1, when="middle", fault="full")
    faulty = FaultyStore(inner, plan)
    with pytest.raises(StoreFullError, match="step 1, new_file"):
        put_blob(faulty.files, b"abc")
    assert not plan.crashed
    assert read_blob(faulty.files, put_blob(faulty.files, b"abc")) == b"abc"


def test_a_commit_may_be_tried_through_every_fault() -> None:
    """The loop that tests of services run, on the smallest scenario."""

    def scenario(store: Store, metadata: MetadataStore) -> None:
        put_blob(store.files, b"abc")
        version = make_version()
        metadata.commit(make_head(version), expected=None, version=version)

    dry = FaultPlan()
    scenario(FaultyStore(MemoryStore(), dry), FaultyMetadataStore(MemoryMetadataStore(), dry))
    for plan in FaultPlan.every(dry.steps):
        store, metadata = MemoryStore(), MemoryMetadataStore()
        with pytest.raises((InjectedFault, StoreFullError)):
            scenario(FaultyStore(store, plan), FaultyMetadataStore(metadata, plan))
        assert metadata.head(KEY) is None or store.files.exists(next(iter(store.files.find())).id)


def test_files_without_paths_have_none() -> None:
    files: Files = FaultyStore(MemoryStore(), FaultPlan()).files
    assert not isinstance(files, SupportsLocalPath)
