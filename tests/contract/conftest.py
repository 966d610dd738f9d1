"""Fresh contexts on each kind of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from tests.servers.databases import Databases

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import MongoMetadataStore, MongoStore

Make = Callable[[str], Context]


@pytest.fixture
def make_context(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Return a function that makes a context of a kind: memory, local, mongo, or mongo on another server."""
    homes = count()
    with ExitStack() as stack:

        def on_mongo(fixture: str) -> Context:
            databases: Databases = request.getfixturevalue(fixture)
            connection, clock = stack.enter_context(databases.lending())(), ManualClock()
            store = MongoStore(connection, clock=clock)
            return Context(name="mongo", metadata=MongoMetadataStore(connection), store=store, clock=clock)

        def on_local() -> Context:
            clock, home = ManualClock(), tmp_path / f"home {next(homes)}"
            store = LocalStore(home, clock=clock)
            return Context(name="local", metadata=LocalMetadataStore(home), store=store, clock=clock)

        def in_memory() -> Context:
            clock = ManualClock()
            return Context(name="memory", metadata=MemoryMetadataStore(), store=MemoryStore(clock=clock), clock=clock)

        kinds: dict[str, Callable[[], Context]] = {
            "mongo": lambda: on_mongo("databases"),
            "another server": lambda: on_mongo("standalone_databases"),
            "local": on_local,
            "memory": in_memory,
        }
        yield lambda kind: kinds[kind]()


@pytest.fixture
def context(kinds: tuple[str, str], make_context: Make) -> Context:
    """A context of the first of two kinds."""
    return make_context(kinds[0])


@pytest.fixture
def other_context(kinds: tuple[str, str], make_context: Make) -> Context:
    """A context of the second of two kinds."""
    return make_context(kinds[1])
