"""The in-memory metadata store keeps its contract."""

from __future__ import annotations

import pytest

from omega_domain.adapters.memory.metadata import MemoryMetadataStore
from omega_domain.testing.metadata import MetadataStoreContract


class TestMemoryMetadataStore(MetadataStoreContract):
    """The contract on memory."""

    @pytest.fixture
    def metadata_store(self) -> MemoryMetadataStore:
        return MemoryMetadataStore()

    def corrupt_manifest(self, metadata_store: MemoryMetadataStore, version_id: str) -> None:
        kept = metadata_store._versions[version_id]
        assert not hasattr(kept, "seq")
        metadata_store._versions[version_id] = kept._replace(manifest=kept.manifest.replace("ada", "eve"))
