"""In-memory adapters: complete, gone with their process; for tests and for embedding."""

from __future__ import annotations

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.adapters.memory.store import MemoryStore

__all__ = ["ManualClock", "MemoryMetadataStore", "MemoryStore", "open_store"]


def open_store(url: str) -> tuple[MemoryMetadataStore, MemoryStore]:
    """Return fresh, empty stores; ``memory://name`` only names them."""
    return MemoryMetadataStore(), MemoryStore(url.partition("://")[2] or "memory")
