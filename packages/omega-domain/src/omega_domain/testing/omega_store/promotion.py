"""Contract of promotion between buckets and contexts."""

from __future__ import annotations

import pytest

from omega_domain.errors import (
    InvalidNameError,
    InvalidTagError,
    ObjectNotFoundError,
    PromotionError,
    UnsupportedOptionError,
)
from omega_domain.ports.promotion import PromotionRequest
from omega_domain.promotion.promoting import CopyingPromotion
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, UriBackend
from omega_domain.testing.omega_store.stores import LONG, WithStores, advance
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect


class PromotionContract(WithStores):
    """Promotion between buckets and contexts."""

    @pytest.fixture(params=["bucket", "context"])
    def target(self, request: pytest.FixtureRequest, prod: OmegaStore, abroad: OmegaStore) -> OmegaStore:
        return prod if request.param == "bucket" else abroad

    def test_promotion_copies_the_object_with_its_attributes(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put("one", "a", attributes={"x": 1})
        store.put("two", "a", append=True)
        meta = store.promote("a", target)
        assert target.get("a") == "onetwo"
        assert (meta.bucket, meta.attributes, meta.version) == ("prod", {"x": 1}, 1)
        assert meta.provenance is not None
        assert meta.provenance["bucket"] == "dev"
        assert meta.provenance["version"] == 2
        assert meta.provenance["digest"] == store.metadata("a", required=True).digest

    def test_promotion_of_documents(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put([{"x": 1}], "r")
        store.put([{"x": 2}, {"x": 3}], "r", append=True)
        store.promote("r", target)
        assert target.get("r") == [{"x": 1}, {"x": 2}, {"x": 3}]
        target.put([{"x": 4}], "r", append=True)
        assert len(target.get("r")) == 4
        assert len(store.get("r")) == 3

    def test_promotion_of_collections_files_and_uris(self, store: OmegaStore, target: OmegaStore) -> None:
        for backend in (CollectionBackend, UriBackend):
            store.register_backend(backend.KIND, backend)
            target.register_backend(backend.KIND, backend)
        store.put(("a", "b"), "c")
        store.put((), "none")
        store.put(b"f", "f")
        store.put(bytearray(b"u"), "u")
        for name in ("c", "f", "u", "none"):
            store.promote(name, target)
        assert [target.get(name) for name in ("c", "f", "u", "none")] == [("a", "b"), b"f", b"u", ()]

    def test_promotion_replaces_and_is_a_version_of_the_target(self, store: OmegaStore, target: OmegaStore) -> None:
        target.put("live", "a", attributes={"old": 1})
        store.put("new", "a")
        assert store.promote("a", target).version == 2
        assert target.get("a") == "new"
        assert target.get("a^") == "live"
        assert target.metadata("a", required=True).attributes == {}

    def test_the_same_promotion_again_changes_nothing(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put([{"x": 1}], "a")
        first = store.promote("a", target)
        assert store.promote("a", target).digest == first.digest
        assert store.promote("a", target, tag="v1").tags == ["v1"]
        assert len(target.versions("a")) == 1
        meta = store.metadata("a", required=True)
        meta.attributes["x"] = 1
        meta.save()
        assert store.promote("a", target).attributes == {"x": 1}

    def test_a_version_is_promoted_with_its_attributes(self, store: OmegaStore, target: OmegaStore) -> None:
        store.put("one", "a", tag="v1", attributes={"n": 1})
        store.put("two", "a", attributes={"n": 2})
        meta = store.promote("a@v1", target, "b", tag="live")
        assert target.get("b@live") == "one"
        assert meta.attributes == {"n": 1}

    def test_dropping_and_collecting_the_source_never_harms_the_copy(
        self, store: OmegaStore, target: OmegaStore
    ) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        store.promote("a", target)
        store.promote("r", target)
        store.drop("a")
        store.drop("r")
        for context in {id(s.context): s.context for s in (store, target)}.values():
            advance(context, LONG)
            collect(context)
            assert check(context) == []
        assert target.get("a") == "one"
        assert target.get("r") == [{"x": 1}]

    def test_within_a_context_nothing_is_copied(self, store: OmegaStore, prod: OmegaStore) -> None:
        store.put("one", "a")
        store.put([{"x": 1}], "r")
        for name in ("a", "r"):
            assert [part.ref for part in store.promote(name, prod).parts] == [
                part.ref for part in store.metadata(name, required=True).parts
            ]

    def test_what_can_not_be_promoted_is_refused(self, store: OmegaStore, models: OmegaStore, prod: OmegaStore) -> None:
        store.put("one", "a")
        with pytest.raises(PromotionError, match="itself"):
            store.promote("a", store)
        with pytest.raises(PromotionError, match="same type"):
            store.promote("a", models)
        with pytest.raises(InvalidNameError, match="plain name"):
            store.promote("a", prod, "b@v1")
        with pytest.raises(InvalidTagError):
            store.promote("a", prod, tag="1")
        with pytest.raises(ObjectNotFoundError):
            store.promote("b", prod)
        assert prod.list() == []
        draft = store.make_metadata("d", "test.text")
        with pytest.raises(PromotionError, match="not saved"):
            CopyingPromotion().promote(PromotionRequest(source=draft, target=prod))

    def test_an_option_that_is_none_is_refused_naming_those_there_are(
        self, store: OmegaStore, prod: OmegaStore
    ) -> None:
        store.put("one", "a")
        with pytest.raises(
            UnsupportedOptionError, match=r"'tagg' can not be used to promote 'a': there are tag, gates"
        ):
            store.promote("a", prod, tagg="live")
        assert prod.list() == []

    def test_promotion_within_a_bucket_under_another_name(self, store: OmegaStore) -> None:
        store.put("one", "a")
        store.promote("a", store, asname="b")
        assert store.get("b") == "one"
