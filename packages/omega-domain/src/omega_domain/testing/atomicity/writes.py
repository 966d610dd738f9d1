"""Contract of atomicity: every operation on named objects, interrupted at every step that writes.

Afterwards every object is in its old state or in its new one, collect leaves nothing behind, and check finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import MODELS
from omega_domain.errors import StoreFullError
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore, InjectedFault
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

LONG = timedelta(days=2)
BACKENDS = (TextBackend, RowsBackend, CollectionBackend)
Contexts = tuple[Context, Context]
Operation = Callable[[Context, Context], object]
State = dict[str, Any]


def _dev(context: Context) -> OmegaStore:
    return OmegaStore(context, bucket="dev")


def _prod(context: Context) -> OmegaStore:
    return OmegaStore(context, bucket="prod")


def _models(context: Context) -> OmegaStore:
    return OmegaStore(context, prefix=MODELS, bucket="dev")


def _save_attributes(context: Context, _: Context) -> object:
    meta = _dev(context).metadata("text", required=True)
    meta.attributes["y"] = 2
    return meta.save()


def _put_twice(context: Context, _: Context) -> object:
    _dev(context).put("again", "text")
    return _dev(context).put("again", "text")


OPERATIONS: dict[str, Operation] = {
    "put a new blob": lambda c, _: _dev(c).put("new", "other", tag="v1", attributes={"x": 1}),
    "put a blob on another": lambda c, _: _dev(c).put("new", "text"),
    "put known content": lambda c, _: _dev(c).put("model one", "text"),
    "put the same content twice": _put_twice,
    "append a blob": lambda c, _: _dev(c).put(" more", "text", append=True),
    "put documents": lambda c, _: _dev(c).put([{"x": 8}, {"x": 9}], "rows"),
    "append documents": lambda c, _: _dev(c).put([{"x": 8}, {"x": 9}], "rows", append=True),
    "put a collection": lambda c, _: _dev(c).put(("c", "d"), "own"),
    "put another kind": lambda c, _: _dev(c).put([{"x": 8}], "text"),
    "change attributes": _save_attributes,
    "set a tag": lambda c, _: _models(c).tag("m@1", "old"),
    "compact": lambda c, _: _dev(c).compact("text"),
    "drop": lambda c, _: _dev(c).drop("rows"),
    "drop a version": lambda c, _: _models(c).drop("m@1"),
    "drop the current version": lambda c, _: _models(c).drop("m@2"),
    "promote within the context": lambda c, _: _dev(c).promote("text", _prod(c)),
    "promote documents within the context": lambda c, _: _dev(c).promote("rows", _prod(c)),
    "promote to another context": lambda c, other: _dev(c).promote("text", _prod(other)),
    "promote documents to another context": lambda c, other: _dev(c).promote("rows", _prod(other)),
    "promote a collection to another context": lambda c, other: _dev(c).promote("own", _prod(other)),
}


class AtomicityContract:
    """Interrupts every operation at every step. A subclass gives the fixture ``new_context``."""

    @pytest.fixture
    def new_contexts(self, new_context: Callable[[str], Context]) -> Callable[[], Contexts]:
        def make() -> Contexts:
            contexts = new_context("here"), new_context("there")
            for context in contexts:
                for backend in BACKENDS:
                    context.registry.register(backend.KIND, backend)
            _fill(contexts[0])
            return contexts

        return make

    @pytest.fixture
    def stride(self) -> int:
        """Every how many faults one is tried; more than 1 where a store is slow, and others have tried them all."""
        return 1

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_an_interrupted_operation_is_done_or_not_begun(
        self, name: str, new_contexts: Callable[[], Contexts], stride: int
    ) -> None:
        operation = OPERATIONS[name]
        contexts, plan = new_contexts(), FaultPlan()
        before = _state(contexts)
        operation(*_faulty(contexts, plan))
        after = _state(contexts)
        assert plan.steps > 0
        for faulty in FaultPlan.every(plan.steps, stride=stride, first=list(OPERATIONS).index(name)):
            contexts = new_contexts()
            _interrupt(operation, contexts, faulty)
            found = _state(contexts)
            assert found in (before, after) or _is_between(name, found), faulty
            _assert_clean_after_collect(contexts, found, faulty)

    def test_an_interrupted_collect_changes_nothing_that_is_needed(
        self, new_contexts: Callable[[], Contexts], stride: int
    ) -> None:
        plan = FaultPlan()
        contexts = _worn(new_contexts())
        collect(_faulty(contexts, plan)[0])
        expected = _state(contexts)
        assert plan.steps > 5
        for faulty in FaultPlan.every(plan.steps, stride=stride):
            contexts = _worn(new_contexts())
            _interrupt(lambda here, _: collect(here), contexts, faulty)
            assert _current(contexts) == {key: value[0] for key, value in expected.items()}, faulty
            _assert_clean_after_collect(contexts, expected, faulty)


def _fill(context: Context) -> None:
    dev = _dev(context)
    dev.put("text", "text", attributes={"x": 1})
    dev.put(" and text", "text", append=True)
    dev.put([{"x": 1}, {"x": 2}, {"x": 3}], "rows")
    dev.put(("a", "b"), "own")
    _models(context).put("model one", "m", tag="v1")
    _models(context).put("model two", "m")


def _worn(contexts: Contexts) -> Contexts:
    """Leave work for collect of every sort."""
    here = contexts[0]
    dev = _dev(here)
    for text in "abc":
        dev.put(text, "text")
        _models(here).put(text, "m")
    dev.drop("rows")
    dev.drop("own")
    dev.put([{"x": 5}], "rows")
    _models(here).drop("m@2")
    _models(here).drop("m@3")
    dev.fs.put(b"never committed")
    _advance(contexts)
    return contexts


def _faulty(contexts: Contexts, plan: FaultPlan) -> Contexts:
    here, there = (
        replace(
            context,
            metadata=FaultyMetadataStore(context.metadata, plan),
            store=FaultyStore(context.store, plan),
        )
        for context in contexts
    )
    return here, there


def _interrupt(operation: Operation, contexts: Contexts, plan: FaultPlan) -> None:
    """Run the operation, which the fault ends."""
    with pytest.raises((InjectedFault, StoreFullError)):
        operation(*_faulty(contexts, plan))


def _is_between(name: str, found: State) -> bool:
    """Two puts are two operations: the first alone may be done."""
    texts = [value[0] for key, value in found.items() if key.endswith("dev:data/text")]
    return name == "put the same content twice" and texts == ["again"]


def _stores(contexts: Contexts) -> Iterator[tuple[str, OmegaStore]]:
    for context in contexts:
        for head in context.metadata.heads(HeadQuery()):
            store = OmegaStore(context, prefix=head.key.prefix, bucket=head.key.bucket)
            yield f"{context.name}/{head.key}", store


def _state(contexts: Contexts) -> State:
    """Everything that can be seen of all objects: value, attributes, and each version with its tags."""
    state: State = {}
    for key, store in _stores(contexts):
        name = key.rpartition("/")[2]
        versions = [(meta.version, meta.tags, store.get(f"{name}@{meta.version}")) for meta in store.versions(name)]
        state[key] = (store.get(name), store.metadata(name, required=True).attributes, versions)
    return state


def _current(contexts: Contexts) -> State:
    return {key: store.get(key.rpartition("/")[2]) for key, store in _stores(contexts)}


def _advance(contexts: Contexts) -> None:
    for context in contexts:
        assert isinstance(context.clock, ManualClock)
        context.clock.advance(LONG)


def _assert_clean_after_collect(contexts: Contexts, expected: State, plan: FaultPlan) -> None:
    _advance(contexts)
    for context in contexts:
        collect(context)
        assert check(context) == [], plan
        assert collect(context).leftovers == [], plan
    assert _current(contexts) == {key: value[0] for key, value in expected.items()}, plan
