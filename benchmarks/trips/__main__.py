"""Prints the trips of checkouts side by side: calls, functions, files, calls between files."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks.trees.checkout import ROOT
from benchmarks.trips import trips_of


def main() -> None:
    """Print a table a checkout."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trips", description=__doc__)
    parser.add_argument("--tree", type=Path, action="append", help="a checkout; this one by default")
    for tree in parser.parse_args().tree or [ROOT]:
        with tempfile.TemporaryDirectory(prefix="omega-bench-trips-") as folder:
            trips = trips_of(tree, Path(folder))
        print(f"{tree}\n{'trip':10} {'calls':>6} {'functions':>9} {'files':>6} {'hops':>6}")
        for name, trip in trips.items():
            functions, files = len(trip["functions"]), len(trip["files"])
            print(f"{name:10} {trip['calls']:6} {functions:9} {files:6} {trip['hops']:6}")


if __name__ == "__main__":
    main()
