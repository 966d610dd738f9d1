"""Payloads in this process: blobs as bytes, documents in lists."""

from __future__ import annotations

import threading

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory.collection import MemoryCollection
from omega_domain.adapters.memory.files import MemoryFiles
from omega_domain.ports.clock import Clock
from omega_domain.ports.store import Store


class MemoryStore(Store):
    """A complete payload store that is gone with its process; what unit tests and embedders use."""

    def __init__(self, name: str = "memory", *, clock: Clock | None = None) -> None:
        """Start empty; the name tells two of them apart."""
        self._name = name
        self._lock = threading.RLock()
        self._files = MemoryFiles(clock or SystemClock(), self._lock)
        self._collections: dict[str, MemoryCollection] = {}

    @property
    def files(self) -> MemoryFiles:
        """The blobs."""
        return self._files

    def collection(self, key: str) -> MemoryCollection:
        """Return the collection of this key; it comes into being with its first document."""
        with self._lock:
            return self._collections.setdefault(key, MemoryCollection(key, self._lock))

    def collections(self) -> list[str]:
        """Return the keys of all collections that hold documents, sorted."""
        with self._lock:
            return sorted(key for key, collection in self._collections.items() if len(collection))

    @property
    def url(self) -> str:
        """``memory://`` and the name."""
        return f"memory://{self._name}"
