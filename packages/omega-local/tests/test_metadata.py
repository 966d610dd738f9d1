"""The embedded metadata store keeps its contract."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omega_domain.entities.head import HeadQuery
from omega_domain.testing.metadata import MetadataStoreContract
from omega_domain.testing.samples import make_head, make_version
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


def test_a_catalogue_is_read_in_one_query_by_its_key(tmp_path: Path) -> None:
    store = LocalMetadataStore(tmp_path)
    version = make_version()
    store.commit(make_head(version), expected=None, version=version)
    statements: list[str] = []
    with store._database.read() as connection:
        connection.set_trace_callback(statements.append)
    heads = store.heads(HeadQuery(bucket="omega", prefix="data/", starts_with="sa"))
    assert [head.key.name for head in heads] == ["sales"]
    (select,) = statements
    with store._database.read() as connection:
        (row,) = connection.execute(f"EXPLAIN QUERY PLAN {select}")
    assert row[3] == "SEARCH heads USING PRIMARY KEY (bucket=? AND prefix=? AND name>?)"


def test_a_head_put_together_slot_by_slot_is_like_any_other(tmp_path: Path) -> None:
    store = LocalMetadataStore(tmp_path)
    version = make_version()
    head = make_head(version)
    store.commit(head, expected=None, version=version)
    (found,) = store.heads(HeadQuery())
    assert (found, hash(found.key), repr(found)) == (head, hash(head.key), repr(head))
    assert replace(found, revision=2).to_plain() == replace(head, revision=2).to_plain()


def test_a_lost_commit_stores_no_version(tmp_path: Path) -> None:
    store = LocalMetadataStore(tmp_path)
    version = make_version()
    assert store.commit(make_head(version), expected=4, version=version) is False
    assert list(store.records()) == []
