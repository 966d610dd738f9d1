"""The embedded store keeps its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.adapters.memory import ManualClock
from omega_domain.testing.store import StoreContract
from omega_local import LocalStore


class TestLocalStore(StoreContract):
    """The contract on SQLite and files."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "home", clock=ManualClock())

    def corrupt_blob(self, store: LocalStore, file_id: str) -> None:
        with store.files.local_path(file_id).open("r+b") as file:
            file.write(b"?")

    def reopen(self, store: LocalStore) -> LocalStore:
        return LocalStore(store.url.removeprefix("file://"), clock=ManualClock())
