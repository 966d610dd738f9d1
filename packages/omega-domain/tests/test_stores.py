"""The stores of a bucket."""

from __future__ import annotations

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.stores import Stores


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
