"""Any sequence of operations leaves the in-memory adapters in the state of a plain model."""

from __future__ import annotations

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.testing.stateful import FilesMachine, MetadataStoreMachine


class MemoryMetadataStoreMachine(MetadataStoreMachine):
    """Heads and versions."""

    def make(self) -> MemoryMetadataStore:
        return MemoryMetadataStore()


class MemoryFilesMachine(FilesMachine):
    """Blobs and leases."""

    def make(self, clock: ManualClock) -> MemoryStore:
        return MemoryStore(clock=clock)


TestMemoryMetadataStoreMachine = MemoryMetadataStoreMachine.TestCase
TestMemoryFilesMachine = MemoryFilesMachine.TestCase
