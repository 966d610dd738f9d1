"""Trips through the house: how many calls between files, and how many files, it takes to do a thing.

``python -m benchmarks.trips [--tree CHECKOUT] ...`` prints all that is counted, for one checkout or several.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers.secantus import SecantusServer
from tests.servers.valkey import ValkeyServer

from benchmarks.measuring import Row
from benchmarks.trees.checkout import ROOT, environment

#: The most that may be left of the calls between files, and of the files, that there were before.
HOPS, FILES = 0.7, 0.9


@dataclass(frozen=True, slots=True)
class Before:
    """What a trip took at commit 54e46dc, before the rooms were planned anew; the bars are shares of it.

    Attributes:
        what: was done.
        hops: calls that entered another file than their caller's.
        files: files that were entered.
    """

    what: str
    hops: int
    files: int


BEFORE = {
    "put": Before("put a frame on MongoDB", 169, 40),
    "get": Before("get with filter and columns", 169, 36),
    "predict": Before("predict 1,000 rows in process", 270, 60),
    "remote": Before("predict on a worker", 299, 64),
    "promote": Before("promote with two gates", 369, 44),
    "list": Before("om datasets list", 90, 34),
}


def run(folder: Path) -> Iterator[Row]:
    """Count the trips of this checkout."""
    trips = trips_of(ROOT, folder)
    for name, before in BEFORE.items():
        for what, figure, bar in (
            ("calls between files", trips[name]["hops"], HOPS * before.hops),
            ("files", len(trips[name]["files"]), FILES * before.files),
        ):
            yield Row(what=f"{before.what}: {what}", measured=figure, floor=None, bar=bar, unit="")


def trips_of(tree: Path, folder: Path) -> dict[str, Any]:
    """Return the trips of a checkout by name: calls, functions, files, hops; made in a process of their own.

    Raises:
        RuntimeError: a trip failed; the error has what the process printed.
    """
    env = environment(tree, folder / "environment")
    for part in ("server", "broker", "work"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    with SecantusServer(folder / "server") as server, ValkeyServer(folder / "broker", appendonly=False) as broker:
        words = [server.url_of("trips"), broker.url, str(folder / "work")]
        command = [sys.executable, "-m", "benchmarks.trips.travelling", *words]
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the trips of {tree} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
