"""What others do at the worst moment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import Head
from omega_domain.entities.names import MODELS, ObjectKey
from omega_domain.entities.patience import Patience
from omega_domain.entities.version import Payload, Tombstone, Version
from omega_domain.errors import ConflictError, CorruptPayloadError, StoreError, VersionNotFoundError
from omega_domain.repository.context import Context
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, TextBackend
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)


class Meddled(MemoryMetadataStore):
    """Lets somebody else act once, right after a certain read."""

    def __init__(self) -> None:
        super().__init__()
        self.after_records: Callable[[], object] | None = None
        self.before_head: Callable[[], object] | None = None
        self.is_busy = False

    def records(self) -> Iterator[Version | Tombstone]:
        found = list(super().records())
        act, self.after_records = self.after_records, None
        if act:
            act()
        return iter(found)

    def head(self, key: ObjectKey) -> Head | None:
        act, self.before_head = self.before_head, None
        if act:
            act()
        return super().head(key)

    def commit(self, head: Head, *, expected: int | None, version: Version | None = None) -> bool:
        return not self.is_busy and super().commit(head, expected=expected, version=version)


@pytest.fixture
def metadata() -> Meddled:
    return Meddled()


@pytest.fixture
def context(metadata: Meddled) -> Context:
    clock = ManualClock()
    context = Context(metadata=metadata, store=MemoryStore(clock=clock), clock=clock)
    for backend in (TextBackend, CollectionBackend):
        context.registry.register(backend.KIND, backend)
    return context


@pytest.fixture
def store(context: Context) -> OmegaStore:
    return OmegaStore(context)


def _wait(context: Context) -> None:
    assert isinstance(context.clock, ManualClock)
    context.clock.advance(LONG)


def test_collect_keeps_a_version_that_is_tagged_while_it_looks(
    store: OmegaStore, metadata: Meddled, context: Context
) -> None:
    store.put("old", "a")
    store.put("new", "a")
    _wait(context)
    metadata.after_records = lambda: store.tag("a@1", "kept")
    collect(context)
    assert store.get("a@kept") == "old"
    assert check(context) == []


def test_collect_keeps_a_version_that_becomes_current_while_it_looks(
    store: OmegaStore, metadata: Meddled, context: Context
) -> None:
    store.put("old", "a")
    store.put("new", "a")
    _wait(context)
    metadata.after_records = lambda: store.drop("a@2")
    collect(context)
    assert store.get("a") == "old"
    assert [finding for finding in check(context) if finding.severity == "damage"] == []


def test_a_version_that_is_dropped_meanwhile_is_not_tagged(store: OmegaStore, metadata: Meddled) -> None:
    store.put("old", "a")
    store.put("new", "a")
    meta = store.metadata("a@1", required=True)
    store._resolve = lambda *_, **__: meta  # type: ignore[method-assign]  # what was true a moment ago
    OmegaStore(store.context).drop("a@1")
    with pytest.raises(VersionNotFoundError, match="dropped meanwhile"):
        store.tag("a@1", "late")


def test_a_write_that_never_gets_through_says_so(context: Context, metadata: Meddled) -> None:
    store = OmegaStore(replace(context, patience=Patience(conflict=timedelta(milliseconds=20))))
    store.put("old", "a")
    metadata.is_busy = True
    with pytest.raises(ConflictError, match="so many others"):
        store.put("new", "a")
    metadata.is_busy = False
    assert store.get("a") == "old"


def test_a_damaged_blob_is_neither_read_nor_promoted(store: OmegaStore, context: Context) -> None:
    sha = store.put("good", "a").parts[0].ref
    files = context.store.files
    content, info = files._blobs[sha]  # type: ignore[attr-defined]
    files._blobs[sha] = (b"?" + content[1:], info)  # type: ignore[attr-defined]
    with pytest.raises(CorruptPayloadError, match="SHA-256"):
        store.get("a")
    abroad = OmegaStore(Context(metadata=Meddled(), store=MemoryStore("abroad"), clock=context.clock))
    with pytest.raises(CorruptPayloadError, match="target was left as it is"):
        store.promote("a", abroad)
    assert abroad.list() == []
    assert [finding.severity for finding in check(context)] == ["damage"]


def test_check_looks_into_collections_and_knows_tombstones(store: OmegaStore, context: Context) -> None:
    models = OmegaStore(context, prefix=MODELS)
    store.put(("a",), "c")
    meta = store.make_metadata("u", "test.uri", uri="foofs://x").save()
    assert meta.uri == "foofs://x"
    for text in ("one", "two", "three"):
        models.put(text, "m")
    models.drop("m@2")
    store.put("old", "r")
    store.put("new", "r")
    _wait(context)
    assert [finding.what for finding in check(context) if finding.where == "omega:data/r"] == [
        "has 1 version(s) that nobody needs"
    ]
    collect(context)
    assert check(context) == []


def test_a_draft_has_no_version_and_may_forget_attributes(store: OmegaStore) -> None:
    draft = store.make_metadata("a", TextBackend.KIND)
    with pytest.raises(StoreError, match="not saved"):
        _ = draft.ref
    saved = store.put("x", "a", attributes={"x": 1, "y": 2})
    assert saved.ref == store.metadata("a", required=True).ref
    again: Metadata = store.make_metadata("a", TextBackend.KIND, attributes={"y": 3})
    again.set_payload(Payload(saved.parts), forget=("x", "y"))
    assert again.save().attributes == {"y": 3}
    assert store.metadata("a@1", required=True).ref.seq == 1
