"""State machines: any sequence of operations leaves an adapter in the state of a plain model.

Use: ``class Machine(MetadataStoreMachine)`` with :meth:`make`, then ``TestMachine = Machine.TestCase``.
"""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, precondition, rule

from omega_domain.adapters.memory.clock import START, ManualClock
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, Version
from omega_domain.errors import BlobNotFoundError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.store import Files, Store
from omega_domain.testing.files import fail_blob, put_blob, read_blob
from omega_domain.testing.samples import make_head, make_version, next_head, next_version

_keys: Final = st.builds(
    ObjectKey, st.sampled_from(["a", "b"]), st.sampled_from(["data/", "models/"]), st.sampled_from(["x", "x/y", "x_y"])
)
_contents: Final = st.sampled_from([b"", b"a", b"b", b"c" * 5000])
_hours: Final = st.integers(-3, 3).map(lambda hours: timedelta(hours=hours))
_FAR: Final = datetime(2100, 1, 1, tzinfo=START.tzinfo)


class MetadataStoreMachine(RuleBasedStateMachine):
    """Heads and versions against two dicts."""

    heads = Bundle("heads")

    def __init__(self) -> None:
        super().__init__()
        self.store = self.make()
        self.model: dict[str, Head] = {}
        self.records: dict[str, Version | Tombstone] = {}

    @abstractmethod
    def make(self) -> MetadataStore:
        """Return an empty metadata store."""

    @rule(target=heads, key=_keys)
    def create(self, key: ObjectKey) -> Any:
        """Commit a new head; it fails if the name is taken."""
        version = make_version(key)
        head = make_head(version)
        taken = any(other.key == key and other.dropped is None for other in self.model.values())
        assert self.store.commit(head, expected=None, version=version) is not taken
        if taken:
            return multiple()
        self._remember(head, version)
        return head.uid

    @rule(uid=heads, stale=st.booleans(), number=st.integers(0, 9))
    def change(self, uid: str, number: int, *, stale: bool) -> None:
        """Commit a change with a new version; it fails if it does not know the present revision."""
        head = self.model[uid]
        version = next_version(head)
        changed = next_head(head, version, attributes={"n": number}, tags={"t": head.current})
        assert self.store.commit(changed, expected=head.revision - stale, version=version) is not stale
        if not stale:
            self._remember(changed, version)

    @rule(uid=heads)
    def drop(self, uid: str) -> None:
        """Drop a head, or change one that is dropped."""
        dropped = next_head(self.model[uid], dropped=self.model[uid].modified)
        assert self.store.commit(dropped, expected=self.model[uid].revision)
        self._remember(dropped)

    @rule(uid=heads)
    def bring_back(self, uid: str) -> None:
        """Take back a drop; it fails if the name is taken by another."""
        back = next_head(self.model[uid], dropped=None)
        others = [head for head in self.model.values() if head.uid != uid and head.dropped is None]
        taken = any(head.key == back.key for head in others)
        assert self.store.commit(back, expected=self.model[uid].revision) is not taken
        if not taken:
            self._remember(back)

    @rule(uid=consumes(heads), bury=st.booleans())
    def purge(self, uid: str, *, bury: bool) -> None:
        """Remove a head if it is dropped, and its oldest record."""
        mine = [record for record in self.records.values() if record.uid == uid][:1]
        stones = [Tombstone(id=record.id, uid=uid, seq=record.seq, parent=record.parent) for record in mine]
        self.store.purge(uids=[uid], versions=stones if bury else [record.id for record in mine])
        if self.model[uid].dropped is not None:
            del self.model[uid]
        for stone in stones:
            del self.records[stone.id]
            if bury:
                self.records[stone.id] = stone

    @invariant()
    def heads_are_those_of_the_model(self) -> None:
        """Compare lists, single heads and buckets."""
        living = [head for head in self.model.values() if head.dropped is None]
        assert self.store.heads(HeadQuery()) == sorted(living, key=lambda head: head.key)
        dropped = self.store.heads(HeadQuery(dropped=True))
        assert _by_uid(dropped) == _by_uid(head for head in self.model.values() if head.dropped is not None)
        assert all(self.store.head(head.key) == head for head in living)
        assert self.store.buckets() == sorted({head.key.bucket for head in living})

    @invariant()
    def versions_are_those_of_the_model(self) -> None:
        """Compare what is committed; what lost may be kept or not."""
        found = {record.id: record for record in self.store.records()}
        assert {record_id: found.get(record_id) for record_id in self.records} == self.records
        for record in self.records.values():
            assert self.store.version(record.id) == (record if isinstance(record, Version) else None)
            assert record in self.store.versions(record.uid)

    def _remember(self, head: Head, version: Version | None = None) -> None:
        self.model[head.uid] = head
        if version is not None:
            self.records[version.id] = version


class FilesMachine(RuleBasedStateMachine):
    """Blobs and their leases against a dict."""

    keeps_open_blobs = True

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock()
        self.files: Files = self.make(self.clock).files
        self.model: dict[bytes, datetime] = {}

    @abstractmethod
    def make(self, clock: ManualClock) -> Store:
        """Return an empty store that takes its time from this clock."""

    @rule(by=_hours)
    def wait(self, by: timedelta) -> None:
        """Let time pass."""
        self.clock.advance(abs(by))

    @rule(content=_contents, lease=_hours)
    def put(self, content: bytes, lease: timedelta) -> None:
        """Store a blob, new or not."""
        until = self.clock.now() + lease
        assert put_blob(self.files, content, leased_until=until) == _id(content)
        self.model[content] = max(until, self.model.get(content, until))

    @rule(content=_contents)
    def fail(self, content: bytes) -> None:
        """Fail to store a blob."""
        with suppress(ZeroDivisionError):
            fail_blob(self.files, content)

    @rule(content=_contents, other=_contents, lease=_hours)
    def put_while_another_is_written(self, content: bytes, other: bytes, lease: timedelta) -> None:
        """Write two blobs at the same time, perhaps the same one."""
        until = self.clock.now() + lease
        with self.files.new_file(leased_until=until) as writer:
            writer.write(content)
            self.put(other, lease)
            assert self.files.sweep(older_than=_FAR) == []
        self.model[content] = max(until, self.model.get(content, until))

    @rule(contents=st.sets(_contents), lease=_hours)
    def lease(self, contents: set[bytes], lease: timedelta) -> None:
        """Extend leases."""
        until = self.clock.now() + lease
        missing = self.files.lease(map(_id, contents), until=until)
        assert missing == {_id(content) for content in contents if content not in self.model}
        self.model.update({content: max(until, self.model[content]) for content in contents & set(self.model)})

    @rule(contents=st.sets(_contents))
    def delete(self, contents: set[bytes]) -> None:
        """Delete what is not leased any more."""
        now = self.clock.now()
        ended = {content for content in contents if content in self.model and self.model[content] < now}
        assert self.files.delete(map(_id, contents), leased_before=now) == set(map(_id, ended))
        for content in ended:
            del self.model[content]

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def read_while_it_is_deleted(self, data: Any) -> None:
        """Open a blob, delete all, and read on."""
        content = data.draw(st.sampled_from(sorted(self.model)))
        with self.files.get(_id(content)) as file:
            self.delete(set(self.model))
            if self.keeps_open_blobs:
                assert file.read() == content

    @rule()
    def sweep(self) -> None:
        """Find nothing that a dead writer left: there was none."""
        assert self.files.sweep(older_than=_FAR) == []

    @invariant()
    def blobs_are_those_of_the_model(self) -> None:
        """Compare lists, leases and contents."""
        assert {info.id: info.leased_until for info in self.files.find()} == {
            _id(content): until for content, until in self.model.items()
        }
        for content in (b"", b"a", b"b"):
            assert self.files.exists(_id(content)) is (content in self.model)
            assert self._read(content) == (content if content in self.model else None)

    def _read(self, content: bytes) -> bytes | None:
        try:
            return read_blob(self.files, _id(content))
        except BlobNotFoundError:
            return None


def _by_uid(heads: Iterable[Head]) -> dict[str, Head]:
    return {head.uid: head for head in heads}


def _id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
