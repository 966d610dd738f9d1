"""Contract of the Promotion port, on any pair of MetadataStore and Store.

A subclass gives the fixtures ``promotion`` (the adapter), ``context`` and ``other_context`` (two empty contexts).
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from omega_domain.errors import PromotionError, PromotionRefusedError
from omega_domain.ports.gate import Candidate
from omega_domain.ports.promotion import Promotion, PromotionRequest
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import RowsBackend, TextBackend
from omega_domain.upkeep.checking import check


def _refuse(candidate: Candidate) -> str:
    return f"version {candidate.source.version} is not good enough"


class PromotionPortContract:
    """Plan, promote and roll back, by any promotion."""

    @pytest.fixture
    def source(self, context: Context) -> OmegaStore:
        return _with_backends(OmegaStore(context, bucket="dev"))

    @pytest.fixture(params=["bucket", "context"])
    def target(
        self, request: pytest.FixtureRequest, context: Context, other_context: Context, promotion: Promotion
    ) -> OmegaStore:
        there = context if request.param == "bucket" else other_context
        return _with_backends(OmegaStore(replace(there, promotion=promotion), bucket="prod"))

    def test_a_plan_says_what_will_be_done_and_writes_nothing(
        self, source: OmegaStore, target: OmegaStore, promotion: Promotion
    ) -> None:
        source.put("one", "a")
        meta = source.metadata("a", required=True)
        plan = promotion.plan(PromotionRequest(source=meta, target=target))
        assert (plan.source.digest, plan.target.bucket, plan.versions) == (meta.digest, "prod", (1,))
        assert (plan.is_allowed, plan.is_done) == (True, False)
        assert target.list() == []

    def test_what_is_promoted_is_live_and_says_what_it_is_a_copy_of(
        self, source: OmegaStore, target: OmegaStore
    ) -> None:
        for obj, name in (("one", "a"), ([{"x": 1}, {"x": 2}], "r")):
            source.put(obj, name, attributes={"n": 1})
            meta = source.promote(name, target)
            assert target.get(name) == obj == source.get(name)
            assert (meta.name, meta.bucket, meta.version, meta.attributes) == (name, "prod", 1, {"n": 1})
            assert (meta.provenance or {})["digest"] == source.metadata(name, required=True).digest
        assert check(target.context) == []

    def test_what_was_live_stays_as_a_version(self, source: OmegaStore, target: OmegaStore) -> None:
        target.put("live", "a")
        source.put("new", "a")
        assert source.promote("a", target).version == 2
        assert (target.get("a"), target.get("a@1")) == ("new", "live")

    def test_a_version_is_promoted_as_it_was(self, source: OmegaStore, target: OmegaStore) -> None:
        source.put("one", "a", tag="v1")
        source.put("two", "a")
        source.promote("a@v1", target)
        assert target.get("a") == "one"

    def test_the_same_promotion_again_changes_nothing(
        self, source: OmegaStore, target: OmegaStore, promotion: Promotion
    ) -> None:
        source.put("one", "a")
        source.promote("a", target)
        assert promotion.plan(PromotionRequest(source=source.metadata("a", required=True), target=target)).is_done
        source.promote("a", target)
        assert len(target.versions("a")) == 1

    def test_what_a_gate_refuses_is_not_promoted_but_by_force(
        self, source: OmegaStore, target: OmegaStore, promotion: Promotion
    ) -> None:
        source.put("one", "a")
        request = PromotionRequest(source=source.metadata("a", required=True), target=target, gates=(_refuse,))
        plan = promotion.plan(request)
        assert not plan.is_allowed
        assert [outcome.reason for outcome in plan.refusals] == ["version 1 is not good enough"]
        with pytest.raises(PromotionRefusedError, match="version 1 is not good enough"):
            promotion.promote(request)
        assert target.list() == []
        promotion.promote(replace(request, force="it must be"))
        assert target.get("a") == "one"

    def test_an_object_is_not_promoted_to_itself(
        self, source: OmegaStore, target: OmegaStore, promotion: Promotion
    ) -> None:
        target.put("one", "a")
        with pytest.raises(PromotionError):
            promotion.promote(PromotionRequest(source=target.metadata("a", required=True), target=target))
        assert source.list() == []

    def test_a_promotion_is_rolled_back(self, source: OmegaStore, target: OmegaStore) -> None:
        target.put("live", "a")
        with pytest.raises(PromotionError):
            target.rollback("a")
        source.put("new", "a")
        source.promote("a", target)
        assert target.rollback("a", reason="it was worse").version == 3
        assert target.get("a") == "live"

    def test_the_copy_outlives_its_source(self, source: OmegaStore, target: OmegaStore) -> None:
        source.put([{"x": 1}], "r")
        source.promote("r", target)
        source.drop("r")
        assert target.get("r") == [{"x": 1}]


def _with_backends(store: OmegaStore) -> OmegaStore:
    for backend in (TextBackend, RowsBackend):
        store.register_backend(backend.KIND, backend)
    return store
