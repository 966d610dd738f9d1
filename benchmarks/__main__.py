"""Runs the benchmarks and prints a table: what, measured, floor, ratio, bar.

``trees`` compares two checkouts and has a table of its own, see :mod:`benchmarks.trees`.
"""

from __future__ import annotations

import importlib
import os
import sys
import tempfile
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
    unknown = set(names) - set(NAMES)
    if unknown:
        print(f"no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    print(f"{'what':<{WIDTH}} {'measured':>10} {'floor':>10} {'unit':>4} {'ratio':>7} {'bar':>6}")
    missed = 0
    for name in names or NAMES:
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
