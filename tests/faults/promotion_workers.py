"""What the processes of the kill test of promotion do."""

from __future__ import annotations

import os
from itertools import cycle, islice
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path

from tests.faults.fault_workers import model, open_at

#: What is done in turn, again and again; two are promoted first, so that there is always something to go back to.
BEGINNING, CYCLE = ("promote", "promote"), ("promote", "rollback", "gc")


def promote_until_killed(urls: tuple[str, str], name: str, journal: Path, turn: int, started: Event) -> None:
    """Promote, roll back and collect for ever, noting in a journal what is begun and done.

    Most kills come early, so that each process begins with another action: ``turn`` chooses it.
    """
    dev, prod = open_at(urls[0], grace=0, lease=0), open_at(urls[1], grace=0, lease=0)["prod"]
    log = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def do(action: str, k: int) -> None:
        if action == "promote":
            dev.models.put(model(-k), name)  # travels as history
            dev.models.put(model(k), name, attributes={"k": k})
        os.write(log, f"begin {action} {k}\n".encode())
        if action == "promote":
            dev.models.promote(name, prod.models, gates=["fitted"], versions=2, tags=True, tag="live")
        elif action == "rollback":
            prod.models.rollback(name)
        else:
            prod.collect()
        os.write(log, f"done {action} {k}\n".encode())

    for k, action in enumerate(BEGINNING, start=1):
        do(action, k)
    started.set()
    for k, action in enumerate(islice(cycle(CYCLE), turn % len(CYCLE), None), start=len(BEGINNING) + 1):
        do(action, k)


def promote_version(source: str, target: str, version: int, barrier: Barrier) -> None:
    """Promote a version of a model when all others are ready to do so, too."""
    dev, prod = open_at(source), open_at(target)
    barrier.wait(60)
    dev.models.promote(f"m@{version}", prod.models, gates=["fitted"])


__all__ = ["promote_until_killed", "promote_version"]
