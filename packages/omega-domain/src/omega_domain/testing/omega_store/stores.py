"""What the contracts of named objects share: stores of two buckets and of another context."""

from __future__ import annotations

from datetime import timedelta

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.names import MODELS
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import RowsBackend, TextBackend

LONG = timedelta(days=2)


class WithStores:
    """Stores of two buckets and another context."""

    @pytest.fixture
    def store(self, context: Context) -> OmegaStore:
        store = OmegaStore(context, bucket="dev")
        for backend in (TextBackend, RowsBackend):
            store.register_backend(backend.KIND, backend)
        return store

    @pytest.fixture
    def models(self, store: OmegaStore) -> OmegaStore:
        return OmegaStore(store.context, prefix=MODELS, bucket="dev")

    @pytest.fixture
    def prod(self, store: OmegaStore) -> OmegaStore:
        return OmegaStore(store.context, bucket="prod")

    @pytest.fixture
    def abroad(self, other_context: Context) -> OmegaStore:
        store = OmegaStore(other_context, bucket="prod")
        for backend in (TextBackend, RowsBackend):
            store.register_backend(backend.KIND, backend)
        return store


def advance(context: Context, by: timedelta) -> None:
    """Move the clock of a context on."""
    assert isinstance(context.clock, ManualClock)
    context.clock.advance(by)


def numbers_of(metas: object) -> list[int | None]:
    """Return the numbers of versions."""
    assert isinstance(metas, list)
    return [meta.version for meta in metas]
