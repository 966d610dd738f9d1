"""Appends: the cost does not grow with what is there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, median_pair
from benchmarks.samples import frame, open_context

LARGE = 10_000_000
MANY = 20_000
FEW_ROWS = 10


def run(folder: Path) -> Iterator[Row]:
    """Measure appends to a large frame, and many small appends to one frame."""
    yield _to_a_large_frame(folder / "large")
    yield from _many_small_ones(folder / "many")


def _to_a_large_frame(home: Path) -> Row:
    om = open_context(str(home))
    data, small = frame(LARGE), frame(1000)
    om.datasets.put(data, "large")
    om.datasets.put(data.iloc[:0], "empty")
    del data
    measured, floor = median_pair(
        lambda: om.datasets.put(small, "large", append=True), lambda: om.datasets.put(small, "empty", append=True)
    )
    what = "append 1,000 rows to 10,000,000 / to an empty frame"
    return Row(what=what, measured=measured, floor=floor, bar=2.0, unit="s")


def _many_small_ones(home: Path) -> Iterator[Row]:
    om, rows = open_context(str(home)), frame(MANY * FEW_ROWS)
    times = []
    for start in range(0, len(rows), FEW_ROWS):
        few = rows.iloc[start : start + FEW_ROWS].reset_index(drop=True)
        begin = time.perf_counter()
        om.datasets.put(few, "many", append=True)
        times.append(time.perf_counter() - begin)
    what = "20,000 appends of 10 rows: last / first hundred"
    yield Row(what=what, measured=sum(times[-100:]), floor=sum(times[:100]), bar=2.0, unit="s")
    om.datasets.compact("many")
    om.datasets.put(rows, "once")
    measured, floor = median_pair(lambda: om.datasets.get("many"), lambda: om.datasets.get("once"))
    yield Row(what="get after compaction / of the same put at once", measured=measured, floor=floor, bar=2.0, unit="s")
