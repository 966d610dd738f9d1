"""The in-memory store keeps its contract."""

from __future__ import annotations

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryStore
from omega_domain.testing.store import StoreContract


class TestMemoryStore(StoreContract):
    """The contract on memory."""

    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore(clock=ManualClock())

    def corrupt_blob(self, store: MemoryStore, file_id: str) -> None:
        content, info = store.files._blobs[file_id]
        store.files._blobs[file_id] = (b"?" + content[1:], info)
