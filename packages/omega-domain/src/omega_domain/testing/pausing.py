"""Contract of pauses: collect that stands still between any two of its steps, and collect amid the steps of others.

A suspended laptop, a frozen container, a large store: between two steps everything may happen, for longer than leases
and grace last. Afterwards every object that was put reads back, and check finds no damage.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import DATA
from omega_domain.entities.version import Payload
from omega_domain.errors import ConflictError, ObjectNotFoundError
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import CollectionBackend, RowsBackend, TextBackend
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore
from omega_domain.upkeep.checking import check
from omega_domain.upkeep.collecting import collect

#: Seconds that a thread may take.
DEADLINE = 30.0
#: Longer than a lease, and than the grace period.
STANDSTILL = timedelta(hours=3)
BACKENDS = (TextBackend, RowsBackend, CollectionBackend)
State = dict[str, Any]


class PausingPlan(FaultPlan):
    """Counts the steps that read or write, and does something before one of them.

    Args:
        pause_at: number of the step, 1 for the first; None for no pause.
        meanwhile: what is done in the pause.

    Attributes:
        looks: how many steps there were so far.
    """

    def __init__(self, pause_at: int | None = None, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.looks = 0
        self._pause_at = pause_at
        self._meanwhile = meanwhile

    def look(self) -> None:
        """Count a step; pause before it if it is the one."""
        self.looks += 1
        if self.looks == self._pause_at:
            self._meanwhile()


OPERATIONS: dict[str, Callable[[Omega, Path], object]] = {
    "put": lambda om, _: om.datasets.put("new", "text"),
    "put a new name": lambda om, _: om.datasets.put("new", "other", tag="v1"),
    "put what is garbage": lambda om, _: om.datasets.put("garbage", "again"),
    "append": lambda om, _: om.datasets.put(" more", "text", append=True),
    "put documents": lambda om, _: om.datasets.put([{"x": 8}, {"x": 9}], "rows"),
    "append documents": lambda om, _: om.datasets.put([{"x": 8}], "rows", append=True),
    "put a collection": lambda om, _: om.datasets.put(("c", "d"), "own"),
    "tag": lambda om, _: om.models.tag("m@1", "old"),
    "roll back": lambda om, _: om["prod"].models.rollback("m"),
    "promote with history": lambda om, _: om.models.promote("m", om["new"].models, versions="all", tags=True),
    "import": lambda om, folder: om["new"].import_archive(folder / "x.omega"),
    "import over what is there": lambda om, folder: om.import_archive(folder / "x.omega"),
    "restore": lambda om, folder: om.restore(folder / "backups"),
}


class WithPauses:
    """A subclass gives the fixture ``new_context``, and may look at a part of the steps only, if it is slow.

    Attributes:
        most: at how many steps a test looks; None for all.
    """

    most: int | None = None

    @pytest.fixture
    def archives(self, new_context: Callable[[str], Context], tmp_path: Path) -> Path:
        """A folder with an archive and a backup, made long ago."""
        om = _omega_on(new_context("source"))
        om["left"].models.put("far one", "m", tag="v1")
        om["left"].models.put("far two", "m")
        om["left"].datasets.put([{"x": 1}, {"x": 2}], "rows")
        om["left"].export(["models/m", "datasets/rows"], tmp_path / "x.omega")
        om.backup(tmp_path / "backups")
        return tmp_path

    @pytest.fixture
    def new_omega(self, new_context: Callable[[str], Context]) -> Callable[[], Omega]:
        """Return what makes a context with work for collect of every sort."""
        return lambda: _worn(_omega_on(new_context("target")))

    def steps(self, count: int) -> list[int]:
        """Return the steps to look at, of so many; a part of them is spread evenly."""
        if self.most is None:
            return list(range(1, count + 1))
        return [1 + count * (2 * number + 1) // (2 * self.most) for number in range(self.most)]

    def collect_amid(
        self, operation: Callable[[Omega, Path], object], new_omega: Callable[[], Omega], folder: Path, later: timedelta
    ) -> None:
        """Collect between two steps of an operation, which stands still there for so long."""
        om, plan = new_omega(), PausingPlan()
        collect(om.context, grace=timedelta(0))
        before = _state(om)
        operation(_planned(om, plan), folder)
        after = _state(om)
        for step in self.steps(plan.looks):
            om = new_omega()
            collect(om.context, grace=timedelta(0))
            paused = _planned(om, PausingPlan(step, _collecting(om, later)))
            done = False
            with suppress(ConflictError):
                operation(paused, folder)
                done = True
            assert _damage(om) == [], step
            found = _state(om)
            assert found == after or (not done and _is_between(found, before, after)), step


class PausedCollectContract(WithPauses):
    """Everything happens while collect stands still."""

    def test_a_collect_that_stands_still_loses_nothing(self, new_omega: Callable[[], Omega], archives: Path) -> None:
        plan = PausingPlan()
        collect(_planned(new_omega(), plan).context)
        assert plan.looks > 20
        for step in self.steps(plan.looks):
            om = new_omega()
            expected = _state(om)
            slow = _began_before(om)
            collect(_planned(om, PausingPlan(step, _meanwhile(om, slow, archives, expected))).context)
            assert _damage(om) == [], step
            assert _state(om).items() >= expected.items(), step

    def test_what_an_import_completes_while_collect_stands_still_is_there(
        self, new_omega: Callable[[], Omega], archives: Path
    ) -> None:
        om, plan = new_omega(), PausingPlan()
        half = _HalfImport(om, archives)
        collect(_planned(om, plan).context, grace=timedelta(0))
        half.complete()
        for step in self.steps(plan.looks):
            om = new_omega()
            half = _HalfImport(om, archives)
            collect(_planned(om, PausingPlan(step, half.complete)).context, grace=timedelta(0))
            half.complete()
            assert _damage(om) == [], step
            assert [om["half"].models.get(name) for name in ("m@1", "m@2", "m")] == ["far one", "far two", "far two"]


class PausedOperationsContract(WithPauses):
    """Collect runs while an operation stands still."""

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_a_collect_amid_an_operation_loses_nothing(
        self, name: str, new_omega: Callable[[], Omega], archives: Path
    ) -> None:
        self.collect_amid(OPERATIONS[name], new_omega, archives, timedelta(0))

    @pytest.mark.parametrize("name", OPERATIONS)
    def test_an_operation_that_stands_still_is_done_or_refused(
        self, name: str, new_omega: Callable[[], Omega], archives: Path
    ) -> None:
        self.collect_amid(OPERATIONS[name], new_omega, archives, STANDSTILL)


class _HalfImport:
    """An import that waits before the commit by which its object comes to life."""

    def __init__(self, om: Omega, archives: Path) -> None:
        """Begin it; return when it waits."""
        self._arrived, self._go_on = Event(), Event()
        half = _planned(om, _WaitingPlan("commit", 2, self._wait))["half"]
        pool = ThreadPoolExecutor(1)
        self._done = pool.submit(half.import_archive, archives / "x.omega", ["models/m"])
        pool.shutdown(wait=False)
        assert self._arrived.wait(DEADLINE)

    def complete(self) -> None:
        """Let it end; nothing if it has. Raises what it failed by."""
        self._go_on.set()
        self._done.result(DEADLINE)

    def _wait(self) -> None:
        self._arrived.set()
        assert self._go_on.wait(DEADLINE)


class _WaitingPlan(FaultPlan):
    """Waits before the n-th step of a name."""

    def __init__(self, name: str, number: int, wait: Callable[[], None]) -> None:
        super().__init__()
        self._name, self._number, self._wait = name, number, wait

    def begin(self, name: str, half: Callable[[], object] = lambda: None) -> None:
        super().begin(name, half)
        if name == self._name and self.trace.count(name) == self._number:
            self._wait()


def _is_between(found: State, before: State, after: State) -> bool:
    """An import is several operations; each of them is done or not begun."""
    return all(found.get(key) in (before.get(key), after.get(key)) for key in {*found, *before, *after})


def _omega_on(context: Context) -> Omega:
    for backend in BACKENDS:
        context.registry.register(backend.KIND, backend)
    return Omega(context, bucket="dev")


def _planned(om: Omega, plan: FaultPlan) -> Omega:
    context = om.context
    metadata, store = FaultyMetadataStore(context.metadata, plan), FaultyStore(context.store, plan)
    return Omega(replace(context, metadata=metadata, store=store), bucket=om.bucket)


def _worn(om: Omega) -> Omega:
    """Leave objects to keep, and work for collect of every sort."""
    for text in ("garbage", "old", "text"):
        om.datasets.put(text, "text")
    om.datasets.put(" and text", "text", append=True)
    for number in range(2):
        om.datasets.put([{"x": number}, {"x": 2}], "rows")
        om.datasets.put(("a", number), "own")
    for text in ("one", "two"):
        om.models.put(text, "m")
        om.models.promote("m", om["prod"].models)
    om.models.put("three", "m")
    om.models.drop("m@2")
    om.datasets.put([{"x": 5}], "gone")
    om.datasets.drop("gone")
    om.datasets.fs.put(b"never committed")
    om.datasets.payloads.insert_documents("shared", [{"x": 1}], meta={})
    _advance(om, timedelta(days=2))
    return om


def _began_before(om: Omega) -> Callable[[], object]:
    """Return the end of a put that has begun: its payload is there, its version is not."""
    draft = om.datasets.make_metadata("slow", TextBackend.KIND)
    part = om.datasets.payloads.write(lambda file: file.write(b"slow"))
    draft.set_payload(Payload([part]))
    return draft.save


def _meanwhile(om: Omega, slow: Callable[[], object], archives: Path, expected: State) -> Callable[[], None]:
    """Return what happens in a pause of collect; afterwards ``expected`` is what must be there."""

    def happen() -> None:
        slow()
        _advance(om, _longer(om))
        om.datasets.put("new", "new")
        om.datasets.put("text again", "text")
        om.datasets.put("garbage", "deduplicated")
        om.datasets.put(" more", "deduplicated", append=True)
        om.datasets.put([{"x": 7}], "rows", append=True)
        om.datasets.put(("c",), "own")
        om.models.tag("m@1", "kept")
        with suppress(ObjectNotFoundError):  # until it is removed, what nobody needed may be needed again
            om.datasets.tag("text@1", "kept")
        om["prod"].models.rollback("m")
        om["dev"].models.promote("m", om["promoted"].models, versions="all")
        om["imported"].import_archive(archives / "x.omega")
        om.restore(archives / "backups")
        _advance(om, _longer(om))
        expected.update(_state(om))

    return happen


def _collecting(om: Omega, later: timedelta) -> Callable[[], None]:
    def happen() -> None:
        _advance(om, later)
        collect(om.context, grace=timedelta(0))

    return happen


def _longer(om: Omega) -> timedelta:
    return om.context.retention.lease + om.context.retention.grace + timedelta(seconds=1)


def _advance(om: Omega, by: timedelta) -> None:
    assert isinstance(om.context.clock, ManualClock)
    om.context.clock.advance(by)


def _stores(om: Omega) -> Iterator[tuple[str, OmegaStore]]:
    for head in om.context.metadata.heads(HeadQuery()):
        yield head.key.name, OmegaStore(om.context, prefix=head.key.prefix, bucket=head.key.bucket)


def _state(om: Omega) -> State:
    """Return the value of each object, and all values and tags that are kept for ever."""
    state: State = {}
    for name, store in _stores(om):
        kept = [] if store.prefix == DATA else store.versions(name)
        versions = [(store.get(f"{name}@{meta.version}"), sorted(meta.tags)) for meta in kept]
        state[f"{store.bucket}/{store.prefix}{name}"] = (store.get(name), versions)
    return state


def _damage(om: Omega) -> list[str]:
    return [f"{found.where}: {found.what}" for found in check(om.context) if found.severity == "damage"]
