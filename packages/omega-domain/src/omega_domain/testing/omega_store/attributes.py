"""Contract of metadata: attributes, and what is known of an object."""

from __future__ import annotations

import pytest

from omega_domain.entities.names import DATA
from omega_domain.errors import (
    ConflictError,
    ObjectNotFoundError,
    StaleMetadataError,
    UnsupportedObjectError,
)
from omega_domain.stores import OmegaStore
from omega_domain.testing.omega_store.stores import WithStores


class AttributesContract(WithStores):
    """Attributes and the other facts of an object."""

    def test_attributes_are_kept_beside_those_that_are_there(self, store: OmegaStore) -> None:
        attributes = {"x": {"y": [1, None, True, "z"]}}
        store.put("x", "a", attributes=attributes)
        meta = store.put("y", "a", attributes={"z": 1})
        assert meta.attributes == {**attributes, "z": 1}
        old = store.metadata("a@1")
        assert old is not None
        assert old.attributes == attributes

    def test_attributes_that_are_no_json_are_refused(self, store: OmegaStore) -> None:
        with pytest.raises(UnsupportedObjectError, match="plain JSON"):
            store.put("x", "a", attributes={"x": object()})
        assert not store.exists("a")

    def test_put_does_not_change_the_callers_attributes(self, store: OmegaStore) -> None:
        attributes = {"x": [1]}
        meta = store.put("x", "a", attributes=attributes)
        meta.attributes["x"].append(2)
        assert attributes == {"x": [1]}

    def test_saving_attributes_makes_no_version_and_touches_no_others(self, store: OmegaStore) -> None:
        store.put("x", "a", attributes={"x": 1, "y": 1, "z": 1})
        mine, theirs = store.metadata("a", required=True), store.metadata("a", required=True)
        theirs.attributes["y"] = 2
        theirs.save()
        mine.attributes["x"] = 2
        del mine.attributes["z"]
        assert mine.save().attributes == {"x": 2, "y": 2}
        assert store.metadata("a", required=True).attributes == {"x": 2, "y": 2}
        assert store.metadata("a", required=True).version == 1

    def test_two_changes_of_one_attribute_are_never_silently_merged(self, store: OmegaStore) -> None:
        store.put("x", "a")
        mine, theirs = store.metadata("a", required=True), store.metadata("a", required=True)
        theirs.attributes["y"] = 1
        theirs.save()
        mine.attributes["y"] = 2
        with pytest.raises(StaleMetadataError, match="'y'"):
            mine.save()
        assert store.metadata("a", required=True).attributes == {"y": 1}

    def test_attributes_of_an_old_version_or_dropped_object_can_not_be_saved(self, store: OmegaStore) -> None:
        store.put("x", "a")
        store.put("y", "a")
        old, current = store.metadata("a@1", required=True), store.metadata("a", required=True)
        with pytest.raises(ConflictError, match="not the current one"):
            old.save()
        store.drop("a")
        store.put("again", "a")
        current.attributes["x"] = 1
        with pytest.raises(ObjectNotFoundError, match="dropped meanwhile"):
            current.save()

    def test_metadata_tells_who_what_and_when(self, store: OmegaStore) -> None:
        store.put("hello", "a", tag="v1")
        meta = store.put("world!", "a", attributes={"x": 1})
        now = store.context.clock.now()
        assert meta.to_plain() == {
            "name": "a",
            "bucket": "dev",
            "prefix": DATA,
            "kind": "test.text",
            "version": 2,
            "tags": [],
            "size": 6,
            "created": now.isoformat(),
            "modified": now.isoformat(),
            "author": store.context.author,
            "digest": meta.digest,
            "attributes": {"x": 1},
            "kind_meta": {},
            "provenance": None,
        }
        stored = store.metadata("a", required=True)
        assert stored.to_plain() == meta.to_plain()
        assert stored.record is not None
        assert stored.record.parent is not None
        assert stored.record.parent.seq == 1

    def test_metadata_reads_as_in_the_documentation(self, store: OmegaStore) -> None:
        meta = store.put("hello", "a")
        assert meta.created is not None
        created = meta.created.replace(tzinfo=None)
        assert repr(meta) == f"<Metadata: Metadata(name=a,bucket=dev,prefix=data/,kind=test.text,created={created})>"
