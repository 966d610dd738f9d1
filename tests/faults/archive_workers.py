"""What the processes do that are killed while they import and restore."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Final, NamedTuple

from tests.faults.fault_workers import open_at

OBJECTS: Final = ("frame", "rows", "document", "model")
STATES: Final = 3


class Step(NamedTuple):
    """Something to do: which operation, and into which state it brings all objects."""

    operation: str
    k: int


def steps_in(source: Path) -> list[Step]:
    """Return what can be done with a folder of archives and backups."""
    count = len(list(source.glob("*.omega")))
    return [Step(operation, k) for k in range(count) for operation in ("import", "restore")]


def work_until_killed(url: str, source: Path, journal: Path, first: int, started: Event) -> None:
    """Do all steps in turn for ever, noting in a journal what is begun and done."""
    om = open_at(url, grace=0, lease=0)
    todo: dict[str, Callable[[int], object]] = {
        "import": lambda k: om.import_archive(source / f"{k}.omega"),
        "restore": lambda k: om.restore(
            source / "backups", at=datetime.fromisoformat((source / f"{k}.time").read_text())
        ),
    }
    steps = steps_in(source)
    log = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    started.set()
    while True:
        for step in [*steps[first:], *steps[:first]]:
            os.write(log, f"begin {step.operation} {step.k}\n".encode())
            todo[step.operation](step.k)
            os.write(log, f"done {step.operation} {step.k}\n".encode())
