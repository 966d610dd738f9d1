"""The embedded metadata store keeps its contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.testing.metadata import MetadataStoreContract
from omega_local import LocalMetadataStore


class TestLocalMetadataStore(MetadataStoreContract):
    """The contract on SQLite."""

    @pytest.fixture
    def metadata_store(self, tmp_path: Path) -> LocalMetadataStore:
        return LocalMetadataStore(tmp_path / "home")

    def corrupt_manifest(self, metadata_store: LocalMetadataStore, version_id: str) -> None:
        with metadata_store._database.write() as connection:
            connection.execute(
                "UPDATE versions SET manifest = replace(manifest, 'ada', 'eve') WHERE id = ?", (version_id,)
            )

    def reopen(self, metadata_store: LocalMetadataStore) -> LocalMetadataStore:
        return LocalMetadataStore(metadata_store._database.home)
