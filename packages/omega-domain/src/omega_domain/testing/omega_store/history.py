"""Contract of versions: their numbers and tags, and what drop leaves of them."""

from __future__ import annotations

import pytest

from omega_domain.errors import (
    InvalidNameError,
    InvalidTagError,
    ObjectNotFoundError,
    VersionNotFoundError,
)
from omega_domain.stores import OmegaStore
from omega_domain.testing.omega_store.stores import WithStores, numbers_of


class VersionsContract(WithStores):
    """Versions, tags, drop."""

    def test_versions_are_numbered_and_tagged(self, store: OmegaStore) -> None:
        store.put("one", "a", tag="v1")
        store.put("two", "a")
        store.put("three", "a", tag="v3")
        assert numbers_of(list(store.versions("a"))) == [1, 2, 3]
        assert [meta.tags for meta in store.revisions("a")] == [["v1"], [], ["v3"]]
        for name, text in {
            "a@v1": "one",
            "a@1": "one",
            "a@2": "two",
            "a@latest": "three",
            "a": "three",
            "a^": "two",
            "a^^": "one",
            "a@v3^": "two",
        }.items():
            assert store.get(name) == text
        assert store.get("a", version=2) == "two"
        assert store.get("a", version="v1") == "one"
        assert store.get("a", version="latest") == "three"

    @pytest.mark.parametrize("name", ["a^^", "a^^^^", "a@9", "a@v2", "a@1^", "a@0"])
    def test_a_version_beyond_history_is_an_error_naming_what_exists(self, store: OmegaStore, name: str) -> None:
        store.put("one", "a", tag="v1")
        store.put("two", "a")
        with pytest.raises(VersionNotFoundError, match=r"versions 1-2 and the tags v1"):
            store.get(name)

    def test_a_version_is_named_once(self, store: OmegaStore) -> None:
        store.put("one", "a")
        with pytest.raises(InvalidNameError, match="already names a version"):
            store.get("a@1", version=1)

    def test_a_tag_moves_to_the_new_version(self, store: OmegaStore) -> None:
        store.put("one", "a", tag="live")
        store.put("two", "a", tag="live")
        assert store.get("a@live") == "two"
        assert store.tag("a@1", "live").tags == ["live"]
        assert store.get("a@live") == "one"

    @pytest.mark.parametrize("tag", ["", "3", "latest", "a b\n"])
    def test_a_tag_that_could_be_a_version_is_refused_before_anything_is_written(
        self, store: OmegaStore, tag: str
    ) -> None:
        with pytest.raises(InvalidTagError):
            store.put("x", "a", tag=tag)
        assert not store.exists("a")

    def test_drop_removes_the_object(self, store: OmegaStore) -> None:
        store.put("x", "a")
        assert store.drop("a") is True
        assert not store.exists("a")
        assert store.list() == []

    def test_drop_of_a_missing_name_raises_unless_forced(self, store: OmegaStore) -> None:
        with pytest.raises(ObjectNotFoundError):
            store.drop("a")
        assert store.drop("a", force=True) is False

    def test_drop_of_a_version_drops_that_version_only(self, store: OmegaStore) -> None:
        for i, text in enumerate(["one", "two", "three"]):
            store.put(text, "a", tag=f"v{i + 1}")
        store.drop("a@v2")
        assert numbers_of(list(store.versions("a"))) == [1, 3]
        assert store.get("a^") == "one"
        with pytest.raises(VersionNotFoundError, match="versions 1, 3 and the tags v1, v3"):
            store.get("a@v2")

    def test_drop_of_the_current_version_goes_back_to_the_one_before(self, store: OmegaStore) -> None:
        store.put("one", "a", attributes={"n": 1})
        store.put([{"x": 2}], "a", attributes={"n": 2})
        store.drop("a@latest")
        assert store.get("a") == "one"
        meta = store.metadata("a")
        assert meta is not None
        assert (meta.kind, meta.attributes, meta.version) == ("test.text", {"n": 1}, 1)
        assert store.put("three", "a").version == 3

    def test_drop_of_the_last_version_drops_the_object(self, store: OmegaStore) -> None:
        store.put("one", "a")
        store.drop("a@1")
        assert not store.exists("a")

    def test_a_dropped_name_can_be_put_again_and_begins_anew(self, store: OmegaStore) -> None:
        store.put("old", "a", attributes={"x": 1}, tag="v1")
        store.drop("a")
        meta = store.put("new", "a")
        assert (meta.version, meta.attributes, meta.tags) == (1, {}, [])
        with pytest.raises(VersionNotFoundError):
            store.get("a^")
