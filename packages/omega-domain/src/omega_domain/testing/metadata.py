"""Contract of :class:`~omega_domain.ports.metadata.MetadataStore`.

A subclass gives the fixture ``metadata_store`` (an empty one) and looks behind the port in :meth:`corrupt_manifest`.
"""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Tombstone, chain
from omega_domain.errors import ConflictError, CorruptPayloadError
from omega_domain.ports.metadata import MetadataStore
from omega_domain.testing.samples import KEY, NOW, make_head, make_version, next_head, next_version, reference

__all__ = ["MetadataStoreContract"]

WRITERS = 8
WRITES = 15


class _Hooks:
    @abstractmethod
    def corrupt_manifest(self, metadata_store: Any, version_id: str) -> None:
        """Change the stored manifest of a version behind the port."""

    def reopen(self, metadata_store: Any) -> MetadataStore:
        """Return another adapter on the same data, if there can be one."""
        same: MetadataStore = metadata_store
        return same


class HeadContract(_Hooks):
    """Heads: reading, committing, listing."""

    def test_an_unknown_name_has_no_head(self, metadata_store: MetadataStore) -> None:
        assert metadata_store.head(KEY) is None
        assert metadata_store.heads(HeadQuery()) == []
        assert metadata_store.buckets() == []

    def test_a_committed_head_is_read_back_equal(self, metadata_store: MetadataStore) -> None:
        head = _full_head()
        assert metadata_store.commit(head, expected=None) is True
        assert metadata_store.head(head.key) == head
        assert metadata_store.heads(HeadQuery()) == [head]

    def test_a_head_with_nothing_but_what_it_must_have_is_read_back_equal(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        assert metadata_store.head(KEY) == head

    @pytest.mark.parametrize("name", ["a/b", "a_b", "A", "a", "ü 雪 😀", "a'b\"c;--", "%", " a", "x" * 255])
    def test_names_are_kept_as_they_are(self, metadata_store: MetadataStore, name: str) -> None:
        for other in {"a/b", "a_b", "A", "a", "%", name}:
            _commit_new(metadata_store, ObjectKey("omega", "data/", other))
        found = metadata_store.head(ObjectKey("omega", "data/", name))
        assert found is not None
        assert found.key.name == name

    def test_what_is_read_is_a_copy(self, metadata_store: MetadataStore) -> None:
        head = _full_head()
        metadata_store.commit(head, expected=None)
        for found in (metadata_store.head(head.key), *metadata_store.heads(HeadQuery())):
            assert found is not None
            assert isinstance(found.attributes, dict)
            found.attributes["nested"]["list"].append(3)
        assert metadata_store.head(head.key) == _full_head_like(head)

    def test_what_was_committed_is_a_copy(self, metadata_store: MetadataStore) -> None:
        attributes: dict[str, Any] = {"list": [1]}
        head = make_head(make_version(), attributes=attributes)
        metadata_store.commit(head, expected=None)
        attributes["list"].append(2)
        found = metadata_store.head(KEY)
        assert found is not None
        assert found.attributes == {"list": [1]}

    def test_a_new_head_does_not_take_the_name_of_a_living_one(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        assert metadata_store.commit(make_head(make_version()), expected=None) is False
        assert metadata_store.heads(HeadQuery()) == [head]

    def test_a_new_head_does_not_take_the_uid_of_another(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        assert metadata_store.commit(head, expected=None) is False
        assert metadata_store.head(KEY) == head

    def test_the_expected_revision_is_replaced(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        changed = next_head(head, attributes={"a": 1}, tags={"v1": head.current})
        assert metadata_store.commit(changed, expected=1) is True
        assert metadata_store.head(KEY) == changed

    def test_another_revision_than_the_expected_is_left_alone(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        changed = next_head(head)
        metadata_store.commit(changed, expected=1)
        for expected in (1, 3):
            assert metadata_store.commit(next_head(head, attributes={"lost": True}), expected=expected) is False
        assert metadata_store.head(KEY) == changed

    def test_a_head_that_does_not_exist_is_not_replaced(self, metadata_store: MetadataStore) -> None:
        assert metadata_store.commit(make_head(make_version()), expected=1) is False
        assert metadata_store.head(KEY) is None

    def test_a_revision_of_another_life_of_the_name_does_not_count(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        assert metadata_store.commit(next_head(make_head(make_version())), expected=1) is False
        assert metadata_store.head(KEY) == head

    def test_a_dropped_head_frees_its_name(self, metadata_store: MetadataStore) -> None:
        dropped = _drop(metadata_store, _commit_new(metadata_store))
        assert metadata_store.head(KEY) is None
        assert metadata_store.heads(HeadQuery()) == []
        assert metadata_store.heads(HeadQuery(dropped=True)) == [dropped]
        assert metadata_store.buckets() == []
        again = _commit_new(metadata_store)
        assert metadata_store.head(KEY) == again

    def test_a_dropped_head_can_come_back(self, metadata_store: MetadataStore) -> None:
        dropped = _drop(metadata_store, _commit_new(metadata_store))
        back = next_head(dropped, dropped=None)
        assert metadata_store.commit(back, expected=dropped.revision) is True
        assert metadata_store.head(KEY) == back
        assert metadata_store.heads(HeadQuery(dropped=True)) == []

    def test_a_dropped_head_does_not_come_back_to_a_taken_name(self, metadata_store: MetadataStore) -> None:
        dropped = _drop(metadata_store, _commit_new(metadata_store))
        again = _commit_new(metadata_store)
        assert metadata_store.commit(next_head(dropped, dropped=None), expected=dropped.revision) is False
        assert metadata_store.heads(HeadQuery()) == [again]
        assert metadata_store.heads(HeadQuery(dropped=True)) == [dropped]

    def test_heads_are_sorted_by_bucket_prefix_and_name(self, metadata_store: MetadataStore) -> None:
        keys = [ObjectKey(b, p, n) for b in ("b", "a") for p in ("models/", "data/") for n in ("y", "Z", "x/y", "é")]
        for key in keys:
            _commit_new(metadata_store, key)
        assert [head.key for head in metadata_store.heads(HeadQuery())] == sorted(keys)
        assert metadata_store.buckets() == ["a", "b"]

    @pytest.mark.parametrize(
        ("query", "names"),
        [
            (HeadQuery(bucket="a"), ["a%b", "a.b", "a/b", "a_b", "b"]),
            (HeadQuery(bucket="B"), []),
            (HeadQuery(prefix="models/"), ["m"]),
            (HeadQuery(kind="k2"), ["b", "m"]),
            (HeadQuery(bucket="a", kind="k2"), ["b"]),
            (HeadQuery(starts_with="a_"), ["a_b"]),
            (HeadQuery(starts_with="a%"), ["a%b"]),
            (HeadQuery(starts_with="a."), ["a.b"]),
            (HeadQuery(starts_with="a*"), []),
            (HeadQuery(starts_with="A"), []),
            (HeadQuery(starts_with=""), ["a%b", "a.b", "a/b", "a_b", "b", "m"]),
            (HeadQuery(bucket="a", prefix="data/", starts_with="a/b"), ["a/b"]),
        ],
    )
    def test_a_query_is_taken_literally(
        self, metadata_store: MetadataStore, query: HeadQuery, names: list[str]
    ) -> None:
        for name in ("a_b", "a/b", "a%b", "a.b"):
            _commit_new(metadata_store, ObjectKey("a", "data/", name), kind="k1")
        _commit_new(metadata_store, ObjectKey("a", "data/", "b"), kind="k2")
        _commit_new(metadata_store, ObjectKey("z", "models/", "m"), kind="k2")
        assert [head.key.name for head in metadata_store.heads(query)] == names

    def test_of_writers_at_the_same_time_each_wins_once(self, metadata_store: MetadataStore) -> None:
        _commit_new(metadata_store)

        def write(_: int) -> None:
            for _ in range(WRITES):
                _commit_next(metadata_store)

        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(write, range(WRITERS)))
        head = metadata_store.head(KEY)
        assert head is not None
        assert head.revision == 1 + WRITERS * WRITES
        versions = chain(head.tip, metadata_store.versions(head.uid))
        assert [version.seq for version in versions] == list(range(head.revision, 0, -1))

    def test_another_adapter_on_the_same_data_sees_the_same(self, metadata_store: MetadataStore) -> None:
        other = self.reopen(metadata_store)
        version = make_version()
        head = make_head(version)
        metadata_store.commit(head, expected=None, version=version)
        assert other.head(KEY) == head
        assert other.version(version.id) == version
        assert other.commit(next_head(head), expected=1) is True
        assert metadata_store.head(KEY) == next_head(head)


class VersionContract(_Hooks):
    """Versions: what is kept, checked and removed."""

    def test_a_committed_version_is_read_back_equal(self, metadata_store: MetadataStore) -> None:
        provenance = {"bucket": "dev", "version": 4}
        version = make_version(parent=reference(3), provenance=provenance, signature="key:Zm9v/+==")
        head = make_head(version)
        metadata_store.commit(head, expected=None, version=version)
        found = metadata_store.version(version.id)
        assert found == version
        assert found is not None
        assert found.digest == version.digest
        assert metadata_store.versions(head.uid) == list(metadata_store.records()) == [version]
        read = metadata_store.head(head.key)
        assert read is not None
        assert read.version is None or read.version == version

    def test_an_unknown_version_is_none(self, metadata_store: MetadataStore) -> None:
        assert metadata_store.version("nothing") is None
        assert metadata_store.versions("nothing") == []
        assert list(metadata_store.records()) == []

    def test_versions_are_kept_by_object(self, metadata_store: MetadataStore) -> None:
        first = _commit_new(metadata_store)
        _commit_next(metadata_store)
        other = _commit_new(metadata_store, ObjectKey("omega", "data/", "other"))
        assert sorted(record.seq for record in metadata_store.versions(first.uid)) == [1, 2]
        assert [record.seq for record in metadata_store.versions(other.uid)] == [1]
        assert len(list(metadata_store.records())) == 3

    def test_what_loses_leaves_the_versions_of_the_object_as_they_were(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        lost = next_version(head)
        assert metadata_store.commit(next_head(head, lost), expected=7, version=lost) is False
        found = metadata_store.head(KEY)
        assert found == head
        assert [v.seq for v in chain(head.tip, metadata_store.versions(head.uid))] == [1]

    def test_a_version_is_never_overwritten(self, metadata_store: MetadataStore) -> None:
        version = make_version()
        head = make_head(version)
        metadata_store.commit(head, expected=None, version=version)
        forged = make_version(id=version.id, uid=version.uid, author="eve")
        with pytest.raises(ConflictError, match=version.id):
            metadata_store.commit(next_head(head, forged), expected=1, version=forged)
        assert metadata_store.version(version.id) == version
        assert metadata_store.head(KEY) == head

    def test_the_same_version_may_be_committed_again(self, metadata_store: MetadataStore) -> None:
        version = make_version()
        head = make_head(version)
        metadata_store.commit(head, expected=None, version=version)
        assert metadata_store.commit(next_head(head, version), expected=1, version=version) is True
        assert metadata_store.versions(version.uid) == [version]

    def test_a_changed_manifest_is_found_out(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        self.corrupt_manifest(metadata_store, head.current.id)
        with pytest.raises(CorruptPayloadError, match=head.current.id):
            metadata_store.version(head.current.id)
        with pytest.raises(CorruptPayloadError, match=head.current.id):
            metadata_store.versions(head.uid)
        with pytest.raises(CorruptPayloadError, match=head.current.id):
            list(metadata_store.records())

    def test_purge_removes_dropped_heads_and_no_others(self, metadata_store: MetadataStore) -> None:
        dropped = _drop(metadata_store, _commit_new(metadata_store))
        living = _commit_new(metadata_store)
        metadata_store.purge(uids=iter([dropped.uid, living.uid, "nothing"]))
        assert metadata_store.heads(HeadQuery(dropped=True)) == []
        assert metadata_store.heads(HeadQuery()) == [living]
        assert len(metadata_store.versions(dropped.uid)) == 1

    def test_purge_removes_versions(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        second = _commit_next(metadata_store)
        metadata_store.purge(versions=iter([head.current.id, "nothing"]))
        assert metadata_store.version(head.current.id) is None
        assert [record.id for record in metadata_store.versions(head.uid)] == [second.current.id]
        metadata_store.purge(versions=[second.current.id])
        assert metadata_store.versions(head.uid) == []
        assert list(metadata_store.records()) == []

    def test_a_tombstone_takes_the_place_of_its_version(self, metadata_store: MetadataStore) -> None:
        head = _commit_new(metadata_store)
        second = _commit_next(metadata_store)
        third = _commit_next(metadata_store)
        stones = [
            Tombstone(id=second.current.id, uid=head.uid, seq=2, parent=head.current),
            Tombstone(id=head.current.id, uid=head.uid, seq=1, parent=None),
        ]
        metadata_store.purge(versions=stones)
        assert metadata_store.version(second.current.id) is None
        records = metadata_store.versions(head.uid)
        assert [record for record in records if isinstance(record, Tombstone)] in (stones, stones[::-1])
        assert len(records) == len(list(metadata_store.records())) == 3
        assert [version.seq for version in chain(third.tip, records)] == [3]
        metadata_store.purge(versions=[second.current.id])
        assert len(metadata_store.versions(head.uid)) == 2

    def test_a_tombstone_without_its_version_is_passed_over(self, metadata_store: MetadataStore) -> None:
        metadata_store.purge(versions=[Tombstone(id="nothing", uid="nothing", seq=1, parent=None)])
        assert list(metadata_store.records()) == []

    def test_records_may_be_purged_while_they_are_listed(self, metadata_store: MetadataStore) -> None:
        _commit_new(metadata_store)
        for _ in range(20):
            _commit_next(metadata_store)
        for record in metadata_store.records():
            metadata_store.purge(versions=[record.id])
        assert list(metadata_store.records()) == []


class MetadataStoreContract(HeadContract, VersionContract):
    """What every metadata store promises."""


def _full_head() -> Head:
    return make_head(
        make_version(),
        revision=1,
        tip=reference(9),
        tags={"v1": reference(1), "ü": reference(2)},
        dropped_versions=("version-3", "version-4"),
        attributes=_attributes(),
        modified=NOW + timedelta(microseconds=1),
        signature="key:Zm9v/+==",
    )


def _full_head_like(head: Head) -> Head:
    """Return a head with attributes of its own; those of the given one may have been changed."""
    return replace(head, attributes=_attributes())


def _attributes() -> dict[str, Any]:
    return {"nested": {"list": [1, 2.5, None, True, "é😀"]}, "": "$", "$a.b": []}


def _commit_new(metadata_store: MetadataStore, key: ObjectKey = KEY, **changes: Any) -> Head:
    version = make_version(key, **changes)
    head = make_head(version)
    assert metadata_store.commit(head, expected=None, version=version) is True
    return head


def _commit_next(metadata_store: MetadataStore) -> Head:
    """Commit a next version as services do: read, write, and once more if somebody was faster."""
    while True:
        head = metadata_store.head(KEY)
        assert head is not None
        version = next_version(head)
        changed = next_head(head, version)
        if metadata_store.commit(changed, expected=head.revision, version=version):
            return changed


def _drop(metadata_store: MetadataStore, head: Head) -> Head:
    dropped = next_head(head, dropped=NOW + timedelta(hours=1))
    assert metadata_store.commit(dropped, expected=head.revision) is True
    return dropped
