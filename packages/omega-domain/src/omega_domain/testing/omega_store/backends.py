"""Contract of users' backends: what the documentation shows works on every store."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.errors import (
    StoreError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.ports.objects import StoredObject
from omega_domain.repository.context import Context
from omega_domain.repository.files import GridFSProxy
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, SilentBackend, TextBackend, UriBackend
from omega_domain.testing.omega_store.stores import LONG, WithStores, advance
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect


class CustomBackendContract(WithStores):
    """Backends that use collection(), fs, uri and make_metadata() as the documentation shows."""

    @pytest.fixture
    def store(self, context: Context) -> OmegaStore:
        store = OmegaStore(context, bucket="dev")
        for backend in (TextBackend, RowsBackend, CollectionBackend, UriBackend):
            store.register_backend(backend.KIND, backend)
        return store

    def test_a_backend_keeps_rows_in_a_collection_of_its_own(self, store: OmegaStore) -> None:
        store.put(("a", "b"), "c")
        assert store.get("c") == ("a", "b")
        store.put(("c",), "c")
        assert store.get("c") == ("c",)
        assert store.get("c@1") == ("a", "b")
        found = store.collection("c")
        assert found.count_documents({}) == 1
        meta = store.resolve("c")
        assert meta.collection is not None
        assert meta.collection.name == found.name

    def test_the_collection_of_a_name_without_object_is_always_the_same(self, store: OmegaStore) -> None:
        store.collection("free").insert_many([{"x": 1}])
        assert store.collection("free").count_documents({}) == 1

    def test_a_backend_keeps_content_in_a_file_or_elsewhere(self, store: OmegaStore) -> None:
        store.put(b"bytes", "f")
        assert store.get("f") == b"bytes"
        meta = store.resolve("f")
        assert meta.gridfile is not None
        assert meta.gridfile.read() == b"bytes"
        assert meta.uri is None
        store.put(bytearray(b"far"), "f")
        assert store.resolve("f").uri == "foofs://far"
        assert store.get("f") == b"far"
        assert store.resolve("f").gridfile is None
        assert store.resolve("f").collection is None

    def test_metadata_made_by_hand_is_saved_as_a_version(self, store: OmegaStore) -> None:
        meta = store.make_metadata("h", "test.uri", uri="foofs://x", attributes={"a": 1}, kind_meta={"k": 1})
        assert (meta.version, meta.created, meta.digest, meta.author, meta.tags, meta.size) == (
            None,
            None,
            None,
            None,
            [],
            0,
        )
        assert (meta.modified, meta.head, meta.provenance, meta.record) == (None, None, None, None)
        meta.save()
        again = store.resolve("h")
        assert (again.uri, again.attributes, again.kind_meta, again.version) == ("foofs://x", {"a": 1}, {"k": 1}, 1)
        again.uri = "foofs://y"
        assert again.save().version == 2
        with pytest.raises(UnsupportedOptionError, match="gridfile"):
            store.make_metadata("h", "test.uri", colection="x")

    def test_fs_is_a_gridfs(self, store: OmegaStore) -> None:
        file_id = store.fs.put(b"abc", filename="x")
        with store.fs.new_file(filename="y") as file:
            file.write(b"defg")
        assert store.fs.exists(file_id)
        with store.fs.get(file_id) as found:
            assert found.read() == b"abc"
        assert store.fs.size(file.id) == 4
        store.fs.delete(file_id)
        meta = store.make_metadata("g", "test.uri", gridfile=GridFSProxy(file.id)).save()
        assert meta.gridfile is not None
        assert meta.gridfile.read() == b"defg"
        assert meta.size == 4
        with pytest.raises(StoreError, match="not bound"):
            GridFSProxy(file.id).read()

    def test_a_backend_that_forgets_to_save_is_told(self, store: OmegaStore) -> None:
        class Forgetful(TextBackend):
            KIND = "test.forgetful"

            def put(self, obj: str, name: str) -> StoredObject:  # type: ignore[override] # noqa: ARG002 -- it takes no options, and forgets all
                return self.data_store.make_metadata(name, self.KIND)

        store.register_backend(Forgetful.KIND, Forgetful)
        with pytest.raises(StoreError, match=r"Forgetful.*meta\.save"):
            store.put("x", "a")

    def test_a_backend_that_does_not_tell_what_it_supports_is_used_if_asked_for(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        with pytest.raises(UnsupportedObjectError):
            store.put(2.5, "a")
        assert store.put(2.5, "a", kind="test.silent").kind == "test.silent"
        assert store.get("a") == 2.5
        assert store.help("a").startswith("test.silent: SilentBackend")
        with pytest.raises(UnsupportedOptionError, match="'SilentBackend' takes no options"):
            store.put(2.5, "a", kind="test.silent", append=True)

    def test_a_backend_may_save_the_metadata_that_is_there_and_makes_a_new_version(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        store.put(1.5, "a", kind="test.silent", attributes={"a": 1, "b": 1})
        meta = store.put(2.5, "a", kind="test.silent", attributes={"b": 2}, tag="v2")
        assert (meta.version, meta.tags, meta.attributes) == (2, ["v2"], {"a": 1, "b": 2})
        assert (store.get("a"), store.get("a@1"), store.get("a@v2")) == (2.5, 1.5, 2.5)
        assert store.put(None, "a", kind="test.silent").version == 3
        assert store.get("a") == 2.5
        meta.store.resolve("a").save()
        assert store.resolve("a").version == 3

    def test_what_another_backend_has_put_is_not_taken_up(self, store: OmegaStore) -> None:
        store.register_backend("test.silent", SilentBackend)
        store.put("text", "a", attributes={"a": 1})
        meta = store.put(2.5, "a", kind="test.silent", attributes={"b": 2})
        assert (meta.kind, meta.version, meta.attributes) == ("test.silent", 2, {"a": 1, "b": 2})
        assert (store.get("a"), store.get("a@1")) == (2.5, "text")

    def test_a_backend_sees_the_metadata_of_other_objects_as_they_are(self, store: OmegaStore) -> None:
        class Curious(SilentBackend):
            def put(self, obj: float | None, name: str, **kwargs: Any) -> StoredObject:
                other = self.data_store.metadata("other")
                assert other is not None
                assert (other.kind, other.attributes) == ("test.text", {})
                return super().put(obj, name, **kwargs)

        store.register_backend("test.silent", Curious)
        store.put("text", "other")
        assert store.put(2.5, "a", kind="test.silent", attributes={"b": 2}).attributes == {"b": 2}

    def test_a_dropped_collection_is_collected(self, store: OmegaStore, context: Context) -> None:
        store.put(("a",), "c")
        key = store.collection("c").name
        store.drop("c")
        advance(context, LONG)
        assert collect(context).documents == 1
        assert key not in context.store.collections()
        assert check(context) == []
