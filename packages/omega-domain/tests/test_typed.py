"""What type checkers know of results of a store: mypy reads each ``assert_type``, and each is compared here, too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_type

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.promotion import PromotionPlan
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata
from omega_domain.stores import OmegaStore
from omega_domain.testing.names.tables import TableBackend


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.datasets.register_backend(TableBackend.KIND, TableBackend).put({"x": [1, 2, 3]}, "d")
    return om


def test_a_bucket_is_an_omega_with_stores(om: Omega) -> None:
    assert assert_type(om["prod"], Omega).bucket == "prod"
    assert assert_type(om["prod"].datasets, OmegaStore).bucket == "prod"


def test_a_list_is_of_names_or_of_metadata(om: Omega) -> None:
    raw = bool(om)
    assert assert_type(om.datasets.list("d*"), list[str]) == ["d"]
    assert assert_type(om.datasets.list(kind=TableBackend.KIND, raw=False), list[str]) == ["d"]
    assert [meta.name for meta in assert_type(om.datasets.list(raw=True), list[Metadata])] == ["d"]
    assert len(assert_type(om.datasets.list(raw=raw), list[str] | list[Metadata])) == 1


def test_chunks_are_iterated_over(om: Omega) -> None:
    assert assert_type(om.datasets.get("d"), Any) == {"x": [1, 2, 3]}
    assert assert_type(om.datasets.get("d", version=1, default=None), Any) == {"x": [1, 2, 3]}
    assert len(list(assert_type(om.datasets.get("d", chunksize=2), Iterator[Any]))) == 2
    assert assert_type(om.datasets.get("no", chunksize=2, default=None), Iterator[Any] | None) is None


def test_metadata_that_is_required_is_there(om: Omega) -> None:
    assert assert_type(om.datasets.metadata("no"), Metadata | None) is None
    assert assert_type(om.datasets.metadata("d", required=True), Metadata).name == "d"


def test_a_dry_run_is_a_plan(om: Omega) -> None:
    prod = om["prod"].datasets
    assert not assert_type(om.datasets.promote("d", prod, dry_run=True), PromotionPlan).is_done
    assert assert_type(om.datasets.promote("d", prod), Metadata).bucket == "prod"
