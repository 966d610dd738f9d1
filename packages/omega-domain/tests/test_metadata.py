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
    known = om.models.metadata("double", required=True).record
    metadata.read.clear()
    meta = om.models.metadata("double", required=True)
    meta.check_trust(known=known)
    assert meta.record is known
    assert metadata.read == []


def test_the_version_of_another_object_is_not_taken() -> None:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    fill(om)
    other = om.datasets.metadata("x", required=True).record
    for known in (other, None):
        meta = om.models.metadata("double", required=True)
        meta.check_trust(known=known)
        assert meta.record is not None
        assert meta.record is not other
