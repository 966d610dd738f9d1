"""The stores of a bucket."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.errors import InvalidNameError, ObjectNotFoundError
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore, Stores
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def stores() -> Stores:
    return Stores(Context(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=ManualClock()), "lab")


@pytest.mark.parametrize(
    ("name", "prefix"), [("datasets", "data/"), ("models", "models/"), ("jobs", "jobs/"), ("scripts", "scripts/")]
)
def test_each_type_of_object_has_its_store(stores: Stores, name: str, prefix: str) -> None:
    store = getattr(stores, name)
    assert (store.bucket, store.prefix) == ("lab", prefix)


def test_a_store_is_made_once(stores: Stores) -> None:
    assert stores.models is stores.models


class TestAsAMapping:
    """A store of names and objects, as Python knows them."""

    @pytest.fixture
    def store(self, stores: Stores) -> OmegaStore:
        store = stores.datasets.register_backend(TextBackend.KIND, TextBackend)
        store.put("one", "b", tag="v1")
        store.put("two", "b")
        store.put("three", "a")
        store.put("hidden", "_c")
        return store

    def test_a_name_gives_the_object(self, store: OmegaStore) -> None:
        assert (store["b"], store["b@v1"], store["_c"]) == ("two", "one", "hidden")

    def test_a_name_that_is_missing_is_the_error_of_get(self, store: OmegaStore) -> None:
        with pytest.raises(ObjectNotFoundError, match=r"no object 'bb' in datasets .* nearest are: b"):
            store["bb"]

    @pytest.mark.parametrize("wrong", [0, ("a", "b"), None, slice(1, 2)])
    def test_a_key_is_a_name(self, store: OmegaStore, wrong: Any) -> None:
        with pytest.raises(InvalidNameError, match="a name is a string, not"):
            store[wrong]
        assert wrong not in store

    def test_names_are_in_it(self, store: OmegaStore) -> None:
        assert [name in store for name in ("a", "b@v1", "_c", "c", "b@v2")] == [True, True, True, False, False]

    def test_it_iterates_over_the_names_that_list_returns(self, store: OmegaStore) -> None:
        assert list(store) == store.list() == ["a", "b"]
        assert len(store) == 2
        assert store._ipython_key_completions_() == ["a", "b"]

    def test_an_empty_store_is_a_store(self, stores: Stores) -> None:
        assert len(stores.models) == 0
        assert bool(stores.models)
