"""Trust on the embedded store, also where its files are changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.adapters.memory.keys import MemoryKeyRing
from omega_domain.errors import CorruptPayloadError
from omega_domain.repository.context import Context
from omega_domain.testing.trust import CodeBackend, TrustContract, open_as
from omega_local import LocalMetadataStore, LocalStore


@pytest.fixture
def context(tmp_path: Path) -> Context:
    clock = ManualClock()
    store = LocalStore(tmp_path / "home", clock=clock)
    return Context(metadata=LocalMetadataStore(tmp_path / "home"), store=store, clock=clock)


class TestTrustOnSqlite(TrustContract):
    """The contract."""

    @pytest.fixture
    def context(self, context: Context) -> Context:
        return context


def test_a_changed_file_is_refused(context: Context, tmp_path: Path) -> None:
    context.registry.register(CodeBackend.KIND, CodeBackend)
    om = open_as(context, MemoryKeyRing())
    om.models.put("the code of a model", "m", kind=CodeBackend.KIND)
    [blob] = [
        path for path in (tmp_path / "home").rglob("*") if path.is_file() and b"the code" in path.read_bytes()[:64]
    ]
    blob.chmod(0o600)
    blob.write_bytes(b"the code of a enemy")
    with pytest.raises(CorruptPayloadError, match="does not match its SHA-256"):
        om.models.get("m")


def test_a_manifest_stored_under_the_id_of_another_version_is_damage(context: Context) -> None:
    context.registry.register(CodeBackend.KIND, CodeBackend)
    om = open_as(context, MemoryKeyRing())
    om.models.put("one", "m", kind=CodeBackend.KIND)
    om.models.put("two", "m", kind=CodeBackend.KIND)
    metadata = context.metadata
    assert isinstance(metadata, LocalMetadataStore)
    with metadata._database.write() as connection:
        connection.execute(
            "UPDATE versions SET (digest, manifest, signature) ="
            " (SELECT digest, manifest, signature FROM versions WHERE seq = 1) WHERE seq = 2"
        )
    with pytest.raises(CorruptPayloadError, match="this is the manifest of version"):
        om.models.get("m")
