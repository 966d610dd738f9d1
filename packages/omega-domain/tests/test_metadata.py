"""Metadata: what is remembered of a version."""

from __future__ import annotations

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.version import Version
from omega_domain.omega import Omega
from omega_domain.testing.task_queue import fill, register_backends


class CountingStore(MemoryMetadataStore):
    """Counts the versions that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def version(self, version_id: str) -> Version | None:
        self.read.append(version_id)
        return super().version(version_id)


def test_a_version_that_was_read_before_is_not_read_again() -> None:
    metadata = CountingStore()
    om = Omega(metadata=metadata, store=MemoryStore())
    register_backends(om.context)
    fill(om)
    known = om.models.resolve("double").record
    metadata.read.clear()
    assert om.models.resolve("double").recall(known).record is known
    assert metadata.read == []


def test_the_version_of_another_object_is_not_taken() -> None:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    fill(om)
    other = om.datasets.resolve("x").record
    assert om.models.resolve("double").recall(other).record is not other
    assert om.models.resolve("double").recall(None).record is not None
