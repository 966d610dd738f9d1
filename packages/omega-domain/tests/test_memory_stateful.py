"""Any sequence of operations leaves the in-memory adapters in the state of a plain model."""

from __future__ import annotations

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.entities.names import ObjectKey
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


def test_a_drop_is_not_taken_back_where_the_name_is_taken_by_another() -> None:
    """What few of the machine's examples come to."""
    machine = MemoryMetadataStoreMachine()
    key = ObjectKey("a", "data/", "x")
    first = str(machine.create(key))
    machine.drop(first)
    machine.create(key)
    machine.bring_back(first)
    assert machine.model[first].dropped is not None
