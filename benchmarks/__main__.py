"""Runs the benchmarks and prints a table: what, measured, floor, ratio, bar.

``trees`` compares two checkouts and has a table of its own, see :mod:`benchmarks.trees`. ``peers NAME`` measures
another system in the same run; it is started by ``make peers P=NAME``, which makes the environment.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks import trees
from benchmarks.measuring import Row

NAMES = (
    "startup",
    "install",
    "catalogue",
    "runtime",
    "trips",
    "frames",
    "models",
    "promotion",
    "appends",
    "mongo",
    "documents",
    "large",
    "archives",
    "workers",
)
WIDTH = 52


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; return 1 if a bar is not met."""
    if names[:1] == ["trees"]:
        return trees.main(names[1:])
    if names[:1] == ["peers"]:
        return measure([f"peers.{peer}.{path.stem}" for peer in names[1:] for path in _files(peer)])
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return measure(names or NAMES)


def _files(peer: str) -> list[Path]:
    return sorted(path for path in (Path(__file__).parent / "peers" / peer).glob("*.py") if path.stem != "__init__")


def measure(names: Sequence[str]) -> int:
    """Run the modules of these names; return 1 if a bar is not met."""
    print(f"{'what':<{WIDTH}} {'measured':>10} {'floor':>10} {'unit':>4} {'ratio':>7} {'bar':>6}")
    missed = 0
    for name in names:
        module = importlib.import_module(f"benchmarks.{name}")
        with tempfile.TemporaryDirectory(prefix=f"omega-bench-{name}-") as folder:
            os.environ["OMEGA_KEYS"] = f"{folder}/keys"  # not those of who measures
            for row in module.run(Path(folder)):
                print(_line(row), flush=True)
                missed += not row.holds
    print(f"{missed} bar(s) missed" if missed else "all bars are met")
    return 1 if missed else 0


def _line(row: Row) -> str:
    floor = f"{row.floor:10.4g}" if row.floor is not None else f"{'-':>10}"
    ratio = f"{row.figure:7.2f}" if row.floor is not None else f"{'-':>7}"
    verdict = "" if row.holds else "  MISSED"
    return f"{row.what:<{WIDTH}} {row.measured:10.4g} {floor} {row.unit:>4} {ratio} {row.bar:6.4g}{verdict}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
