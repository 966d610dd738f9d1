"""Contract of :class:`~omega_domain.ports.store.Store`.

A subclass gives the fixture ``store`` (an empty one), and looks behind the port in :meth:`StoreContract.corrupt_blob`.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from omega_domain.ports.store import Store
from omega_domain.testing.collection import CollectionContract
from omega_domain.testing.files import SOON, FilesContract, put_blob, read_blob

__all__ = ["CollectionContract", "FilesContract", "StoreContract"]


class StoreContract(FilesContract, CollectionContract):
    """What every store of payloads promises."""

    @abstractmethod
    def corrupt_blob(self, store: Any, file_id: str) -> None:
        """Change the first byte of a stored blob behind the port."""

    def reopen(self, store: Any) -> Store:
        """Return another adapter on the same data, if there can be one."""
        same: Store = store
        return same

    def test_a_collection_is_listed_when_it_holds_documents(self, store: Store) -> None:
        assert store.collections() == []
        store.collection("b")
        store.collection("c").create_index("x")
        assert store.collections() == []
        store.collection("b").insert_many([{"a": 1}])
        store.collection("a/ü").insert_many([{"a": 1}])
        assert store.collections() == ["a/ü", "b"]
        store.collection("b").delete_many({})
        store.collection("a/ü").drop()
        assert store.collections() == []

    def test_collections_are_apart(self, store: Store) -> None:
        for key in ("a", "b", "A", "a.b", "a%"):
            store.collection(key).insert_many([{"_id": "same", "key": key}])
        store.collection("b").drop()
        store.collection("a").update_one({}, {"$set": {"x": 1}})
        assert store.collection("A").find_one({"key": "A"}) == {"_id": "same", "key": "A"}
        assert store.collections() == ["A", "a", "a%", "a.b"]

    def test_two_of_the_same_collection_hold_the_same(self, store: Store) -> None:
        store.collection("a").insert_many([{"_id": "x"}])
        assert store.collection("a").find_one() == {"_id": "x"}
        assert store.collection("a").name == "a"

    def test_the_url_tells_where_the_data_is(self, store: Store) -> None:
        assert "://" in store.url
        assert self.reopen(store).url == store.url

    def test_another_adapter_on_the_same_data_sees_the_same(self, store: Store) -> None:
        other = self.reopen(store)
        store.collection("a").insert_many([{"_id": "x"}])
        file_id = put_blob(store.files, b"abc")
        assert other.collection("a").find_one() == {"_id": "x"}
        assert read_blob(other.files, file_id) == b"abc"
        assert put_blob(other.files, b"abc", leased_until=SOON) == file_id
        other.files.delete([file_id], leased_before=SOON.replace(year=2090))
        assert not store.files.exists(file_id)

    def test_a_changed_blob_can_be_told_from_its_id(self, store: Store) -> None:
        file_id = put_blob(store.files, b"abc" * 1000)
        self.corrupt_blob(store, file_id)
        content = read_blob(store.files, file_id)
        assert len(content) == 3000
        assert content != b"abc" * 1000
