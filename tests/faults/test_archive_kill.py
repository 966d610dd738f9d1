"""kill -9 at random points of import and restore: every object is in its old or its new state, and clean after gc."""

from __future__ import annotations

import random
from itertools import cycle
from pathlib import Path
from typing import Final

import pytest
from tests.faults.archive_workers import OBJECTS, STATES, Step, steps_in, work_until_killed
from tests.faults.fault_workers import ROWS, frame, model, open_at, processes, running
from tests.faults.killing import rounds
from tests.seeds import kills, seed

from omega_domain.omega import Omega

LONGEST: Final = 0.3
SEED: Final = 20261125


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with an archive and a backup for each state."""
    folder = tmp_path / "source"
    folder.mkdir()
    om = open_at(f"file://{tmp_path}/home of the source")
    for k in range(STATES):
        om.datasets.put(frame(k), "frame")
        om.datasets.put(frame(k), "rows", layout="documents")
        om.datasets.put({"k": [k] * ROWS}, "document")
        om.models.put(model(-k), "model")
        om.models.put(model(k), "model", tag="live")
        om.export(["datasets/frame", "datasets/rows", "datasets/document", "models/model"], folder / f"{k}.omega")
        report = om.backup(folder / "backups")
        (folder / f"{k}.time").write_text(report.time.isoformat())
    return folder


@pytest.mark.parametrize("kind", ["local", "local again", "mongo"])
def test_a_killed_import_or_restore_leaves_old_or_new(
    kind: str, source: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"file://{tmp_path}/home" if kind != "mongo" else str(request.getfixturevalue("mongo_url"))
    start, chance = processes(), random.Random(seed(SEED + len(kind)))  # noqa: S311 -- no secret
    om = open_at(url, grace=0, lease=0)
    known: dict[str, set[int]] = {name: {-1} for name in OBJECTS}
    missed = {"import", "restore"}
    first = cycle(range(len(steps_in(source))))
    for _ in rounds(kills(7, soak=150), missed):
        started = start.Event()
        journal = tmp_path / "journal"
        worker = start.Process(target=work_until_killed, args=(url, source, journal, next(first), started))
        with running([worker]):
            assert started.wait(30)
            worker.join(chance.uniform(0, LONGEST))
            assert worker.is_alive(), "the worker ended by itself"
        begun = _read(journal, known)
        missed.difference_update({begun.operation} if begun else ())
        for name, found in _states(om).items():
            assert found in known[name] | ({begun.k} if begun else set()), (name, begun)
            known[name] = {found}
        om.collect()
        om.collect()
        assert om.check() == []


def _read(journal: Path, known: dict[str, set[int]]) -> Step | None:
    """Return what was begun and not done, after noting what was done."""
    begun: Step | None = None
    for line in journal.read_text().splitlines() if journal.exists() else []:
        state, operation, k = line.split()
        begun = Step(operation, int(k)) if state == "begin" else None
        if state == "done":
            known.update({name: {int(k)} for name in OBJECTS})
    journal.unlink(missing_ok=True)
    return begun


def _states(om: Omega) -> dict[str, int]:
    """Return in which state each object is; -1 for none. What is between two states fails."""
    found = {"frame": om.datasets.get("frame", default=None), "rows": om.datasets.get("rows", default=None)}
    states = {name: -1 if data is None else _only(list(data["k"])) for name, data in found.items()}
    document = om.datasets.get("document", default=None)
    states["document"] = -1 if document is None else _only(document["k"])
    if not om.models.exists("model"):
        return states | {"model": -1}
    k = int(om.models.get("model").predict([[0]])[0])
    assert int(om.models.get("model@live").predict([[0]])[0]) == k
    numbers = [meta.version for meta in om.models.versions("model")]
    values = [int(om.models.get(f"model@{number}").predict([[0]])[0]) for number in numbers]
    assert values[-1] == k
    assert set(values) <= set(range(1 - STATES, STATES))
    return states | {"model": k}


def _only(values: list[int]) -> int:
    assert len(values) == ROWS, "partial"
    assert len(set(values)) == 1, "mixed"
    return values[0]
