"""Two checkouts in turn: the CPU time of the same calls with the packages of each.

``python -m benchmarks trees --base CHECKOUT [--here CHECKOUT]``. It needs nothing but the two checkouts and the
environment that it runs in.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.servers.secantus import SecantusServer

from benchmarks.trees.checkout import ROOT, environment

TIMES = 7
#: The most time, as a multiple of that of the base; the second is for calls that write to a disk.
BAR, DISK_BAR = 1.1, 1.25
DISK = "embedded: "
WRITES = ("put", "promote", "save")
WIDTH = 44
COMMANDS = {
    "import omega_ml": ["-c", "import omega_ml"],
    "om --help": ["-c", "from omega_cli.main import run; run(['--help'])"],
}


@dataclass(frozen=True, slots=True)
class Compared:
    """A line of the table.

    Attributes:
        what: was measured.
        base: milliseconds of CPU time in the tree that it is compared with, in each round.
        here: milliseconds in the other tree.
    """

    what: str
    base: Sequence[float]
    here: Sequence[float]

    @property
    def ratio(self) -> float:
        """How many times as long it takes: the median of the rounds, each of which measured both trees in turn."""
        return statistics.median(here / base for base, here in zip(self.base, self.here, strict=True))

    @property
    def bar(self) -> float:
        """The most that the ratio may be."""
        writes_to_disk = self.what.startswith(DISK) and any(word in self.what for word in WRITES)
        return DISK_BAR if writes_to_disk else BAR

    @property
    def holds(self) -> bool:
        """Whether the bar is met."""
        return self.ratio <= self.bar


def main(words: Sequence[str]) -> int:
    """Measure both trees and print a table; return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks trees", description=__doc__)
    parser.add_argument("--base", type=Path, required=True, help="the checkout that is compared with")
    parser.add_argument("--here", type=Path, default=ROOT, help="the checkout that is judged; this one by default")
    parser.add_argument("--times", type=int, default=TIMES, help="how often each is measured; the median counts")
    given = parser.parse_args(words)
    print(f"{'CPU time':<{WIDTH}} {'base ms':>9} {'here ms':>9} {'ratio':>6} {'bar':>5}")
    with tempfile.TemporaryDirectory(prefix="omega-bench-trees-") as folder:
        rows = compare(given.base, given.here, Path(folder), times=given.times)
    for row in rows:
        verdict = "" if row.holds else "  MISSED"
        base, here = statistics.median(row.base), statistics.median(row.here)
        print(f"{row.what:<{WIDTH}} {base:9.3f} {here:9.3f} {row.ratio:6.2f} {row.bar:5}{verdict}")
    missed = sum(not row.holds for row in rows)
    print(f"{missed} bar(s) missed" if missed else "all bars are met")
    return 1 if missed else 0


def compare(base: Path, here: Path, folder: Path, *, times: int = TIMES) -> list[Compared]:
    """Measure two trees in turn, each time in new processes."""
    (folder / "server").mkdir()
    trees = {"base": environment(base, folder / "base"), "here": environment(here, folder / "here")}
    rounds: dict[str, list[dict[str, float]]] = {name: [] for name in trees}
    with ExitStack() as stack:
        server = stack.enter_context(SecantusServer(folder / "server"))
        words = {name: [server.url_of(f"many_{name}"), str(folder / name)] for name in trees}
        for name, env in trees.items():
            _run([*words[name], "fill"], env)
        for turn in range(times):
            for name in sorted(trees, reverse=bool(turn % 2)):  # neither is always the first
                rounds[name].append(_measured(words[name], trees[name]))
    return [
        Compared(what, *([found[what] for found in rounds[name]] for name in ("base", "here")))
        for what in rounds["base"][0]
    ]


def _measured(words: Sequence[str], env: Mapping[str, str]) -> dict[str, float]:
    """Return the milliseconds of a round by what was measured."""
    found: dict[str, float] = json.loads(_run(words, env).splitlines()[-1])
    return found | {what: _of_process([sys.executable, *words], env) for what, words in COMMANDS.items()}


def _run(words: Sequence[str], env: Mapping[str, str]) -> str:
    command = [sys.executable, "-m", "benchmarks.trees.calls", *words]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"a measurement failed:\n{done.stderr}")
    return done.stdout


def _of_process(command: Sequence[str], env: Mapping[str, str]) -> float:
    before = _children()
    subprocess.run(command, env=env, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return (_children() - before) * 1000


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
