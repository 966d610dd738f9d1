"""Contract of promotion under faults: promote and rollback, interrupted at every step that writes, in any direction.

Afterwards every object of the target is in its old state or in its new one, a model is never there before its data, the
history tells what became live, doing it again ends where it would have ended, and collect leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.errors import StoreFullError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.repository.history import History
from omega_domain.repository.linking import FITTED
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore, InjectedFault
from omega_domain.testing.models import Affine, AffineBackend, NumbersBackend
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)
BACKENDS = (TextBackend, RowsBackend, CollectionBackend, AffineBackend, NumbersBackend)
Pair = tuple[Omega, Omega]
State = dict[str, Any]

OPERATIONS: dict[str, Callable[[Omega, Omega], object]] = {
    "promote a blob": lambda dev, prod: dev.datasets.promote("text", prod.datasets, gates=[lambda _: True], tag="live"),
    "promote documents": lambda dev, prod: dev.datasets.promote("rows", prod.datasets),
    "promote a collection": lambda dev, prod: dev.datasets.promote("own", prod.datasets),
    "promote a model with its data and history": lambda dev, prod: dev.models.promote(
        "m", prod.models, with_data=True, versions="all", tags=True
    ),
    "roll back": lambda _, prod: prod.models.rollback("m"),
}


class PromotionAtomicityContract:
    """Interrupts promotions and rollbacks at every step. A subclass gives the fixture ``new_contexts``."""

    @pytest.fixture
    def new_pair(self, new_contexts: Callable[[], tuple[Context, Context]]) -> Callable[[], Pair]:
        """Return what makes a source and a target, both with something in them."""

        def make() -> Pair:
            here, there = new_contexts()
            for context in (here, there):
                for backend in BACKENDS:
                    context.registry.register(backend.KIND, backend)
            pair = Omega(here, bucket="dev"), Omega(there, bucket="prod")
            _fill(*pair)
            return pair

        return make

    @pytest.fixture
    def stride(self) -> int:
        """Every how many faults one is tried; more than 1 where a store is slow, and others have tried them all."""
        return 1

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_an_interrupted_promotion_is_done_or_not_begun(
        self, name: str, new_pair: Callable[[], Pair], stride: int
    ) -> None:
        operation, pair, plan = OPERATIONS[name], new_pair(), FaultPlan()
        source, before = _state(pair[0]), _state(pair[1])
        operation(*_faulty(pair, plan))
        after = _state(pair[1])
        assert after != before
        for faulty in FaultPlan.every(plan.steps, stride=stride, first=list(OPERATIONS).index(name)):
            pair = new_pair()
            with pytest.raises((InjectedFault, StoreFullError)):
                operation(*_faulty(pair, faulty))
            found = _state(pair[1])
            assert all(found.get(key) in (before.get(key), after.get(key)) for key in found | after), faulty
            assert found.get("models/m") == before.get("models/m") or found == after, faulty
            assert _state(pair[0]) == source, faulty
            _assert_recorded(pair[1], faulty)
            if name != "roll back":
                operation(*pair)
                assert _state(pair[1]) == after, faulty
            _assert_clean(pair, faulty)


def _fill(dev: Omega, prod: Omega) -> None:
    prod.datasets.put("live", "text")
    dev.datasets.put("text", "text", attributes={"x": 1})
    dev.datasets.put(" and text", "text", append=True)
    dev.datasets.put([{"x": 1}, {"x": 2}], "rows")
    dev.datasets.put(("a", "b"), "own")
    dev.datasets.put([1.0, 2.0], "numbers")
    for k in (1, 2):
        dev.models.put(Affine(k), "m", tag=f"v{k}")
        dev.models.promote("m", prod.models)
    fitted = {"X": {"name": "numbers", "version": 1}}
    for k in (3, 4):
        dev.models.put(Affine(k), "m", tag=f"v{k}", attributes={"k": k, FITTED: fitted})


def _faulty(pair: Pair, plan: FaultPlan) -> Pair:
    dev, prod = (
        Omega(
            replace(
                om.context,
                metadata=FaultyMetadataStore(om.context.metadata, plan),
                store=FaultyStore(om.context.store, plan),
            ),
            bucket=om.bucket,
        )
        for om in pair
    )
    return dev, prod


def _stores(om: Omega) -> Iterator[tuple[str, OmegaStore]]:
    for head in om.context.metadata.heads(HeadQuery(bucket=om.bucket)):
        yield head.key.name, OmegaStore(om.context, prefix=head.key.prefix, bucket=om.bucket)


def _state(om: Omega) -> State:
    """Everything that can be seen of all objects of a bucket."""
    return {
        f"{store.prefix}{name}": (
            store.get(name),
            store.metadata(name, required=True).attributes,
            [(meta.version, meta.tags, store.get(f"{name}@{meta.version}")) for meta in store.versions(name)],
        )
        for name, store in _stores(om)
    }


def _assert_recorded(om: Omega, plan: FaultPlan) -> None:
    """What was promoted is on record, and nothing else."""
    for name, store in _stores(om):
        promoted = {
            meta.version for meta in store.versions(name) if meta.provenance and not meta.provenance.get("archived")
        }
        assert {entry.version for entry in store.history(name)} == promoted, plan
        assert History(om.context).problems(ObjectKey(store.bucket, store.prefix, name)) == [], plan


def _assert_clean(pair: Pair, plan: FaultPlan) -> None:
    values = [{name: store.get(name) for name, store in _stores(om)} for om in pair]
    for om in pair:
        assert isinstance(om.context.clock, ManualClock)
        om.context.clock.advance(LONG)
        collect(om.context)
        assert check(om.context) == [], plan
    assert [{name: store.get(name) for name, store in _stores(om)} for om in pair] == values, plan
