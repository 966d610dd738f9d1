"""kill -9 at random points of put, append, promote and gc: every object is in its old or its new state."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.faults.fault_workers import ROWS, open_home, operations, processes, running, work_until_killed

from omega_domain.omega import Omega

KILLS = 300
LONGEST = 0.25
SEED = 20261121


@dataclass
class Journal:
    """What the killed process said it had begun and done."""

    path: Path
    last: dict[str, int] = field(default_factory=dict)
    appended: set[int] = field(default_factory=set)
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
                if name == "append":
                    self.appended.add(k)
        self.path.unlink(missing_ok=True)
        return self

    def _lines(self) -> Iterator[tuple[str, str, int]]:
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            state, name, k = line.split()
            yield state, name, int(k)

    def allowed(self, name: str, key: str | None = None) -> set[int]:
        """Which states an object may be in: as last done, or as begun."""
        done = {self.last[name]} if name in self.last else {-1}
        return done | ({self.begun[1]} if self.begun and self.begun[0] == (key or name) else set())


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
    promoted = om["prod"].datasets.get("frame", default=None)
    assert (-1 if promoted is None else _only(list(promoted["k"]))) in journal.allowed("promote")
    _check_log(om, journal)


def _check_log(om: Omega, journal: Journal) -> None:
    log = om.datasets.get("log", default=None)
    sizes = {} if log is None else log.groupby("k").size().to_dict()
    assert set(sizes.values()) <= {ROWS}, "rows lost or doubled"
    missing, extra = journal.appended - set(sizes), set(sizes) - journal.appended
    assert not missing
    assert extra <= journal.allowed("append")
    journal.appended |= extra


def _learn(om: Omega, journal: Journal) -> None:
    """Go on from the state that was found."""
    frame = om.datasets.get("frame", default=None)
    document = om.datasets.get("document", default=None)
    model = om.models.get("model", default=None)
    promoted = om["prod"].datasets.get("frame", default=None)
    found = {
        "put": None if frame is None else int(frame["k"].iloc[0]),
        "document": None if document is None else document["k"][0],
        "model": None if model is None else int(model.predict([[0]])[0]),
        "promote": None if promoted is None else int(promoted["k"].iloc[0]),
    }
    journal.last.update({name: k for name, k in found.items() if k is not None})


@pytest.mark.parametrize("part", range(3))
def test_a_killed_process_leaves_old_or_new_and_no_litter(part: int, tmp_path: Path) -> None:
    home, journal = tmp_path / "home", Journal(tmp_path / "journal")
    start, chance = processes(), random.Random(SEED + part)  # noqa: S311 -- no secret
    om = open_home(home, grace=0, lease=0)
    interrupted: list[str] = []
    k = 0
    for _ in range(KILLS // 3):
        started = start.Event()
        worker = start.Process(target=work_until_killed, args=(home, journal.path, k, started))
        with running([worker]):
            assert started.wait(30)
            worker.join(chance.uniform(0, LONGEST))
            assert worker.is_alive(), "the worker ended by itself"
        journal.read()
        interrupted += [journal.begun[0]] if journal.begun else []
        _check_states(om, journal)
        om.collect()
        assert om.check() == []
        assert [path.name for path in (home / "tmp").glob("*")] == []
        _learn(om, journal)
        k = max([k, *journal.last.values(), *journal.appended]) + 1
    assert len(set(interrupted)) >= len(operations(om)) - 2, "the kills hit too few of the operations"
