"""Promotion under faults between memory, the embedded store and MongoDB; in a soak in all nine directions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count, product
from pathlib import Path

import pytest
from tests.effort import few_or_all
from tests.seeds import every
from tests.servers.databases import Databases

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.testing.atomicity import PromotionAtomicityContract
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import MongoMetadataStore, MongoStore

KINDS = ("memory", "local", "mongo")
FEW = [("local", "local"), ("mongo", "mongo"), ("local", "mongo"), ("mongo", "local")]  # the core tries memory itself
PAIRS = few_or_all(FEW, list(product(KINDS, KINDS)))


class _BetweenStores(PromotionAtomicityContract):
    """Promotions and rollbacks, interrupted by some faults of each operation; ``make soak`` tries all."""

    @pytest.fixture
    def stride(self, pair: tuple[str, str]) -> int:
        return every(13 if "mongo" in pair else 3)  # of five faults a step: all sorts come up

    @pytest.fixture
    def new_contexts(
        self, pair: tuple[str, str], request: pytest.FixtureRequest, tmp_path: Path
    ) -> Iterator[Callable[[], tuple[Context, Context]]]:
        homes, opened = count(), ExitStack()

        def on_mongo(name: str) -> Context:
            databases: Databases = request.getfixturevalue("databases")
            connection, clock = opened.enter_context(databases.lending())(), ManualClock()
            store = MongoStore(connection, clock=clock)
            return Context(name=name, metadata=MongoMetadataStore(connection), store=store, clock=clock)

        def on_local(name: str) -> Context:
            home, clock = tmp_path / str(next(homes)), ManualClock()
            store = LocalStore(home, clock=clock)
            return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock)

        def in_memory(name: str) -> Context:
            clock = ManualClock()
            return Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(name, clock=clock), clock=clock)

        kinds = {"memory": in_memory, "local": on_local, "mongo": on_mongo}

        def make() -> tuple[Context, Context]:
            opened.close()  # hundreds of databases at once would be slow
            source, target = pair
            return kinds[source]("here"), kinds[target]("there")

        with opened:
            yield make


def _among(pairs: list[tuple[str, str]]) -> Callable[..., tuple[str, str]]:
    """Return the fixture ``pair`` of a class. Classes run side by side, so the slow pairs are spread over them."""

    @pytest.fixture(params=pairs, ids=" to ".join)
    def pair(_: object, request: pytest.FixtureRequest) -> tuple[str, str]:
        found: tuple[str, str] = request.param
        return found

    return pair


class TestToMongo(_BetweenStores):
    """What becomes live on MongoDB."""

    pair = _among([pair for pair in PAIRS if pair[1] == "mongo"])


class TestFromMongo(_BetweenStores):
    """What leaves MongoDB for another kind of store."""

    pair = _among([pair for pair in PAIRS if pair[0] == "mongo" != pair[1]])


class TestWithoutMongo(_BetweenStores):
    """What stays in one process."""

    pair = _among([pair for pair in PAIRS if "mongo" not in pair])
