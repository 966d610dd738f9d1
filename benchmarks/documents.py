"""Frames as documents on MongoDB against pymongo and pymongoarrow on the same documents: time, and the client's CPU."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.measuring import Row, median_pair
from benchmarks.samples import frame
from benchmarks.shared import server, shared_context
from omega_backends.rows.writer import BATCH
from omega_domain.omega import Omega

with warnings.catch_warnings():
    warnings.simplefilter("ignore", RuntimeWarning)  # of pyarrow's types, see omega_mongo.arrow
    from pymongoarrow.api import find_pandas_all

ROWS = 100_000
TIMES = 5
HIT = range(ROWS // 2, ROWS // 2 + ROWS // 100)


def run(folder: Path) -> Iterator[Row]:
    """Measure frames of 100,000 rows and 10 columns."""
    with server(folder) as running, shared_context(running) as om:
        yield from _put(om)
        yield from _get(om)
        yield from _filter(om)


def _put(om: Omega) -> Iterator[Row]:
    data = frame(ROWS)
    om.datasets.put(data, "frame", layout="documents")
    documents = list(om.datasets.collection("frame").native.find())  # type: ignore[attr-defined]  # that of pymongo
    numbers = count()

    def insert() -> None:
        floor = om.datasets.mongodb[f"floor {next(numbers)}"]
        for start in range(0, ROWS, BATCH):
            floor.insert_many(documents[start : start + BATCH])

    measured, least = median_pair(lambda: om.datasets.put(data, "frame", layout="documents"), insert, times=TIMES)
    yield Row(what=f"documents put, {ROWS:,} x 10 / insert_many", measured=measured, floor=least, bar=1.3, unit="s")


def _get(om: Omega) -> Iterator[Row]:
    native: Any = om.datasets.collection("frame").native  # type: ignore[attr-defined]  # that of pymongo
    floors: dict[str, Callable[[], object]] = {
        "pymongo": lambda: pd.DataFrame(list(native.find())),
        "pymongoarrow": lambda: find_pandas_all(native, {}),
    }
    mine, others = _times(lambda: om.datasets.get("frame"), floors)
    for place, (what, unit) in enumerate((("time", "s"), ("CPU", "s"))):
        best = min(others, key=lambda name, place=place: others[name][place])  # type: ignore[misc]  # mypy 12557
        yield Row(
            what=f"documents get / {best}: {what}", measured=mine[place], floor=others[best][place], bar=1.2, unit=unit
        )


def _filter(om: Omega) -> Iterator[Row]:
    om.datasets.put(frame(ROWS), "indexed", layout="documents", index=["id"])
    native: Any = om.datasets.collection("indexed").native  # type: ignore[attr-defined]  # that of pymongo
    wanted = {"id": {"$gte": HIT.start, "$lt": HIT.stop}}
    found = om.datasets.get("indexed", id__gte=HIT.start, id__lt=HIT.stop)
    if len(found) != len(HIT):
        raise AssertionError(f"{len(found)} rows came back")
    measured, floor = median_pair(
        lambda: om.datasets.get("indexed", id__gte=HIT.start, id__lt=HIT.stop),
        lambda: list(native.find(wanted)),
        times=15,
    )
    yield Row(what="documents get of 1 % by an index / find", measured=measured, floor=floor, bar=2.0, unit="s")


def _times(
    mine: Callable[[], object], others: dict[str, Callable[[], object]]
) -> tuple[tuple[float, float], dict[str, tuple[float, float]]]:
    """Return median time and CPU of calls that are made in turn."""
    calls = {"": mine, **others}
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    for _ in range(TIMES + 1):
        for name, call in calls.items():
            start, used = time.perf_counter(), time.process_time()
            call()
            taken[name].append((time.perf_counter() - start, time.process_time() - used))
    medians = {
        name: (statistics.median(one for one, _ in pairs[1:]), statistics.median(one for _, one in pairs[1:]))
        for name, pairs in taken.items()
    }
    return medians.pop(""), medians
