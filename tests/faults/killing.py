"""Killing processes at random points of put, append, promote and gc, and what must be found afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.faults.fault_workers import ROWS, open_at, operations, processes, running, work_until_killed
from tests.seeds import seed

from omega_domain.omega import Omega

APPENDS = {"append": "log", "rows": "rows"}
"""What is appended to, by the operation that does it."""


@dataclass(frozen=True, kw_only=True)
class Victims:
    """How processes are killed.

    Attributes:
        url: the store that they work on.
        kills: how many of them, at least.
        longest: seconds that one lives at most after its start.
        seed: of the random times, see :func:`tests.seeds.seed`.
        deep_every: of so many kills one is followed by a check that reads all payloads.
        watch: looks at the store before a process starts, and returns what waits until nothing is done any more for it
            when it is dead.
    """

    url: str
    kills: int
    longest: float
    seed: int
    deep_every: int = 1
    watch: Callable[[], Callable[[], object]] = lambda: lambda: None


def rounds(kills: int, missed: set[str], *, spared: int = 0) -> Iterator[int]:
    """Count rounds with a kill each, at least so many, and on until the kills have hit what they should.

    A few kills at random moments may all miss an operation that is quick, so their number is no fixed one.

    Args:
        kills: the least number of rounds; ten times as many are the most.
        missed: the operations that were not hit up to now; the caller removes what is hit.
        spared: how many may be left in it.
    """
    number = 0
    while number < kills or (len(missed) > spared and number < 10 * kills):
        yield number
        number += 1
    print(f"killed {number} processes")  # noqa: T201 -- counted by tests.soak.plugin
    assert len(missed) <= spared, f"{10 * kills} kills did not hit {missed}"


def kill_again_and_again(victims: Victims, journal: Journal) -> Omega:
    """Start processes and kill them; each time every object is in its old or its new state, and clean after gc."""
    start, chance = processes(), random.Random(seed(victims.seed))  # noqa: S311 -- no secret
    om = open_at(victims.url, grace=0, lease=0)
    missed = set(operations(om))
    for number in rounds(victims.kills, missed, spared=2):
        started, settle = start.Event(), victims.watch()
        arguments = (victims.url, journal.path, journal.next, number, started)
        worker = start.Process(target=work_until_killed, args=arguments)
        with running([worker]):
            assert started.wait(30)
            worker.join(chance.uniform(0, victims.longest))
            assert worker.is_alive(), "the worker ended by itself"
        settle()
        journal.read()
        missed.difference_update({journal.begun[0]} if journal.begun else ())
        _check_states(om, journal)
        om.collect()
        assert om.check(deep=number % victims.deep_every == 0) == []
        _learn(om, journal)
    assert om.check() == []
    return om


@dataclass
class Journal:
    """What the killed process said it had begun and done."""

    path: Path
    last: dict[str, int] = field(default_factory=dict)
    appended: dict[str, set[int]] = field(default_factory=lambda: {operation: set() for operation in APPENDS})
    begun: tuple[str, int] | None = None

    def read(self) -> Journal:
        """Read on from the file, which is emptied."""
        self.begun = None
        for state, name, k in self._lines():
            if state == "begin":
                self.begun = (name, k)
            else:
                self.begun = None
                self.last[name] = k
                if name in APPENDS:
                    self.appended[name].add(k)
        self.path.unlink(missing_ok=True)
        return self

    def _lines(self) -> Iterator[tuple[str, str, int]]:
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            state, name, k = line.split()
            yield state, name, int(k)

    def allowed(self, name: str) -> set[int]:
        """Which states an object may be in: as last done, or as begun."""
        done = {self.last[name]} if name in self.last else {-1}
        return done | ({self.begun[1]} if self.begun and self.begun[0] == name else set())

    @property
    def next(self) -> int:
        """A number that is greater than all that were used."""
        begun = [self.begun[1]] if self.begun else []
        return max([-1, *begun, *self.last.values(), *(k for known in self.appended.values() for k in known)]) + 1


def _only(values: list[int]) -> int:
    assert len(values) == ROWS, "partial"
    assert len(set(values)) == 1, "mixed"
    return values[0]


def _check_states(om: Omega, journal: Journal) -> None:
    frame = om.datasets.get("frame", default=None)
    assert (-1 if frame is None else _only(list(frame["k"]))) in journal.allowed("put")
    document = om.datasets.get("document", default=None)
    assert (-1 if document is None else _only(document["k"])) in journal.allowed("document")
    model = om.models.get("model", default=None)
    assert (-1 if model is None else int(model.predict([[0]])[0])) in journal.allowed("model")
    promoted = om["prod"].datasets.get("candidate", default=None)
    assert (-1 if promoted is None else _only(list(promoted["k"]))) in journal.allowed("promote")
    for operation, name in APPENDS.items():
        _check_log(om, journal, operation, name)


def _check_log(om: Omega, journal: Journal, operation: str, name: str) -> None:
    log, known = om.datasets.get(name, default=None), journal.appended[operation]
    sizes = {} if log is None else log.groupby("k").size().to_dict()
    assert set(sizes.values()) <= {ROWS}, "rows lost or doubled"
    assert not known - set(sizes), "missing"
    assert set(sizes) - known <= journal.allowed(operation)
    known |= set(sizes)


def _learn(om: Omega, journal: Journal) -> None:
    """Go on from the state that was found."""
    frame = om.datasets.get("frame", default=None)
    document = om.datasets.get("document", default=None)
    model = om.models.get("model", default=None)
    promoted = om["prod"].datasets.get("candidate", default=None)
    found = {
        "put": None if frame is None else int(frame["k"].iloc[0]),
        "document": None if document is None else document["k"][0],
        "model": None if model is None else int(model.predict([[0]])[0]),
        "promote": None if promoted is None else int(promoted["k"].iloc[0]),
    }
    journal.last.update({name: k for name, k in found.items() if k is not None})
