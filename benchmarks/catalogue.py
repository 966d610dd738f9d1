"""Catalogue: lists and gets among 10,000 names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, median
from benchmarks.samples import open_context

NAMES = 10_000


def run(folder: Path) -> Iterator[Row]:
    """Measure a store with 10,000 small objects."""
    om = open_context(str(folder))
    for i in range(NAMES):
        om.datasets.put({"i": i}, f"folder{i % 100}/object {i}")
    names = om.datasets.list()
    if len(names) != NAMES:
        raise AssertionError(f"{len(names)} names are listed")
    listing = median(om.datasets.list)
    yield Row(what="list() of 10,000 names", measured=listing * 1000, floor=None, bar=50, unit="ms")
    getting = median(lambda: om.datasets.get("folder77/object 7777"))
    yield Row(what="get of a small object among them", measured=getting * 1000, floor=None, bar=3, unit="ms")
