"""Contract of put and get: what was put comes back, or the error says why not."""

from __future__ import annotations

import pytest

from omega_domain.errors import (
    InvalidNameError,
    ObjectNotFoundError,
    SchemaMismatchError,
    UnknownKindError,
    UnsupportedObjectError,
    UnsupportedOptionError,
)
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend
from omega_domain.testing.omega_store.stores import WithStores, numbers_of


class ValuesContract(WithStores):
    """Put, append and get; what is refused."""

    def test_get_returns_what_was_put(self, store: OmegaStore) -> None:
        store.put("hello", "a")
        store.put([{"x": 1}], "b")
        assert store.get("a") == "hello"
        assert store.get("b") == [{"x": 1}]

    def test_put_replaces_by_default(self, store: OmegaStore) -> None:
        store.put("old", "a")
        store.put("new", "a")
        assert store.get("a") == "new"

    def test_put_of_another_kind_replaces_too(self, store: OmegaStore) -> None:
        store.put("old", "a")
        assert store.put([{"x": 1}], "a").kind == "test.rows"
        assert store.get("a") == [{"x": 1}]
        assert store.get("a^") == "old"

    def test_append_adds_to_what_is_there(self, store: OmegaStore) -> None:
        store.put("one ", "a")
        store.put("two", "a", append=True)
        assert store.get("a") == "one two"
        assert store.get("a@1") == "one "

    def test_append_to_a_new_name_creates_it(self, store: OmegaStore) -> None:
        store.put([{"x": 1}], "b", append=True)
        assert store.get("b") == [{"x": 1}]

    def test_append_goes_on_from_the_current_version(self, store: OmegaStore) -> None:
        store.put("one ", "a")
        store.put("two", "a")
        store.drop("a@2")
        store.put("three", "a", append=True)
        assert store.get("a") == "one three"
        assert numbers_of(list(store.versions("a"))) == [1, 3]

    def test_append_of_another_kind_is_refused(self, store: OmegaStore) -> None:
        store.put("text", "a")
        with pytest.raises(SchemaMismatchError, match=r"test\.text.*test\.rows"):
            store.put([{"x": 1}], "a", append=True)
        assert store.get("a") == "text"

    def test_append_with_a_backend_that_can_not_is_refused(self, store: OmegaStore) -> None:
        store.register_backend(CollectionBackend.KIND, CollectionBackend)
        with pytest.raises(UnsupportedOptionError, match="append"):
            store.put(("a",), "c", append=True)

    def test_a_failed_put_leaves_the_old_object(self, store: OmegaStore) -> None:
        store.put("old", "a")
        with pytest.raises(UnsupportedObjectError):
            store.put(object(), "a")
        with pytest.raises(TypeError):
            store.put([{"x": object()}], "a")
        assert store.get("a") == "old"
        assert numbers_of(list(store.versions("a"))) == [1]

    def test_an_unsupported_object_error_says_what_is_supported_and_how_to_add(self, store: OmegaStore) -> None:
        with pytest.raises(TypeError, match=r"test\.rows, test\.text.*register_backend"):
            store.put(3.5, "a")

    def test_an_unknown_kind_is_an_error_not_a_fallback(self, store: OmegaStore) -> None:
        with pytest.raises(UnknownKindError, match=r"test\.text"):
            store.put("x", "a", kind="no.such")
        with pytest.raises(UnsupportedObjectError, match="does not store"):
            store.put("x", "a", kind="test.rows")
        assert store.put("x", "a", kind="test.text").kind == "test.text"

    def test_options_reach_the_backend_and_unknown_ones_are_refused(self, store: OmegaStore) -> None:
        store.put("x", "a", upper=True)
        assert store.get("a") == "X"
        with pytest.raises(UnsupportedOptionError, match=r"'lower'.*append, upper"):
            store.put("x", "a", lower=True)
        with pytest.raises(UnsupportedOptionError, match="lower"):
            store.get("a", lower=True)

    @pytest.mark.parametrize("name", ["a@v1", "a[x]", "a^", "a#rows:start=1"])
    def test_put_takes_a_plain_name_only(self, store: OmegaStore, name: str) -> None:
        with pytest.raises(InvalidNameError, match="plain name 'a'"):
            store.put("x", name)

    def test_a_missing_name_raises_naming_the_nearest(self, store: OmegaStore) -> None:
        for name in ("sales", "sales2", "sale", "other"):
            store.put("x", name)
        with pytest.raises(LookupError, match=r"no object 'salse' in datasets of bucket 'dev'; nearest are: sale"):
            store.get("salse")
        with pytest.raises(ObjectNotFoundError, match="nothing like it"):
            store.get("zzzzzz")

    def test_a_default_is_returned_for_a_missing_name_or_version(self, store: OmegaStore) -> None:
        assert store.get("none", default=None) is None
        store.put("x", "a")
        assert store.get("a@v9", default="d") == "d"
        assert store.get("a", default="d") == "x"

    def test_metadata_of_a_missing_name_is_none_and_exists_tells(self, store: OmegaStore) -> None:
        assert store.metadata("a") is None
        assert not store.exists("a")
        store.put("x", "a", tag="v1")
        assert store.exists("a")
        assert store.exists("a@v1")
        assert not store.exists("a@v2")
