"""kill -9 at random points of promote and rollback: what is live is old or new, and the history tells which."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from tests.faults.fault_workers import open_at, processes, running
from tests.faults.killing import rounds
from tests.faults.promotion_workers import promote_until_killed
from tests.seeds import kills, seed

from omega_domain.entities.names import ObjectKey
from omega_domain.omega import Omega
from omega_domain.repository.history import History

PARTS = 2
LONGEST = 0.25
SEED = 20261123


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_promotion_leaves_old_or_new_and_its_record(part: int, tmp_path: Path) -> None:
    urls = f"file://{tmp_path / 'dev'}", f"file://{tmp_path / 'prod'}"
    start, chance = processes(), random.Random(seed(SEED + part))  # noqa: S311 -- no secret
    dev, prod = open_at(urls[0], grace=0, lease=0), open_at(urls[1], grace=0, lease=0)["prod"]
    missed = {"promote", "rollback"}
    for number in rounds(kills(15, soak=150), missed):
        name, journal, started = f"m{number}", tmp_path / f"journal{number}", start.Event()
        worker = start.Process(target=promote_until_killed, args=(urls, name, journal, number, started))
        with running([worker]):
            assert started.wait(30)
            worker.join(chance.uniform(0, LONGEST))
            assert worker.is_alive(), "the worker ended by itself"
        allowed, begun = _replay(journal)
        missed.difference_update({begun})
        _check_live(prod, name, allowed)
        _check_history(prod, name)
        for om in (dev, prod):
            om.collect()
            assert om.check(deep=number % 10 == 0) == []
    assert [path.name for path in (tmp_path / "prod" / "tmp").glob("*")] == []


def _replay(journal: Path) -> tuple[set[int], str | None]:
    """Return which models may be live, and what was begun but not done; 0 stands for none."""
    live, begun = [0], None
    for line in journal.read_text().splitlines() if journal.exists() else []:
        state, action, k = line.split()
        begun = (action, int(k)) if state == "begin" else None
        if state == "done":
            live = _after(live, action, int(k))
    return {live[-1], _after(live, *begun)[-1] if begun else live[-1]}, begun[0] if begun else None


def _after(live: list[int], action: str, k: int) -> list[int]:
    return {"promote": [*live, k], "rollback": live[:-1], "gc": live}[action]


def _check_live(prod: Omega, name: str, allowed: set[int]) -> None:
    estimator = prod.models.get(name, default=None)
    found = 0 if estimator is None else int(estimator.predict([[0]])[0])
    assert found in allowed
    if found:
        assert prod.models.metadata(name, required=True).attributes == {"k": found}


def _check_history(prod: Omega, name: str) -> None:
    """All that was live is on record, in its order; nothing is on record that was not."""
    entries = prod.models.history(name)
    assert History(prod.context).problems(ObjectKey(prod.bucket, prod.models.prefix, name)) == []
    versions = prod.models.versions(name) if prod.models.exists(name) else []
    shown = [meta for meta in versions if meta.provenance and not meta.provenance.get("archived")]
    assert [(entry.version, entry.digest) for entry in entries] == [(meta.version, meta.digest) for meta in shown]
