"""What the processes of the fault tests do. They are forked from a server that has all libraries loaded."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import count
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.dummy import DummyRegressor

import omega_backends.pandas_parquet
import omega_backends.pandas_rows
import omega_backends.python_data
import omega_backends.sklearn_joblib  # noqa: F401 -- loaded once, before the processes are forked
import omega_local  # noqa: F401 -- the same
import omega_mongo  # noqa: F401 -- the same
from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.omega import Omega
from omega_domain.repository.context import Retention
from omega_domain.upkeep.collecting import collect
from omega_ml.plugins import backends, open_stores

ROWS = 20


def processes() -> ForkServerContext:
    """Return the way to start processes: by fork, from a server that has loaded this module and nothing else."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def open_at(url: str, *, grace: float = 3600, lease: float = 3600, ahead: timedelta | None = None) -> Omega:
    """Return an Omega on the stores of a URL, whose retention is given in seconds.

    Args:
        url: where.
        grace: how long what was replaced is kept.
        lease: how long what is written is safe before its commit.
        ahead: stand still at a time so far from now, for what happens when the leases of others have ended.
    """
    retention = Retention(grace=timedelta(seconds=grace), lease=timedelta(seconds=lease))
    metadata, store = open_stores(url)
    return Omega(
        metadata=metadata,
        store=store,
        clock=SystemClock() if ahead is None else ManualClock(SystemClock().now() + ahead),
        registry=backends(),
        retention=retention,
    )


def frame(k: int) -> pd.DataFrame:
    """Return a frame all of whose cells say ``k``."""
    return pd.DataFrame({"k": [k] * ROWS, "text": [str(k)] * ROWS})


def model(k: int) -> Any:
    """Return a model that says ``k``."""
    return DummyRegressor(strategy="constant", constant=k).fit([[0]], [0])


def operations(om: Omega) -> dict[str, Callable[[int], object]]:
    """Return what is done again and again, by name."""
    todo: dict[str, Callable[[int], object]] = {
        "put": lambda k: om.datasets.put(frame(k), "frame"),
        "append": lambda k: om.datasets.put(frame(k), "log", append=True),
        "document": lambda k: om.datasets.put({"k": [k] * ROWS}, "document"),
        "model": lambda k: om.models.put(model(k), "model"),
        "promote": lambda _: om.datasets.promote("candidate", om["prod"].datasets),
        "gc": lambda _: collect(om.context),
    }
    if has_rows(om):
        todo["rows"] = lambda k: om.datasets.put(frame(k), "rows", append=True, layout="documents")
    return todo


def has_rows(om: Omega) -> bool:
    """Tell whether frames can be kept as documents."""
    return "pandas.dfrows" in om.context.registry.kinds


def work_until_killed(url: str, journal: Path, first: int, turn: int, started: Event) -> None:
    """Do all operations in turn for ever, noting in a journal what is begun and done.

    Most kills come early, so that each process begins with another operation: ``turn`` chooses it.
    """
    om = open_at(url, grace=0, lease=0)
    todo = list(operations(om).items())
    todo = todo[turn % len(todo) :] + todo[: turn % len(todo)]
    log = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for k in count(first):
        om.datasets.put(frame(k), "candidate")  # what is promoted exists before anything is killed
        started.set()
        for name, do in todo:
            os.write(log, f"begin {name} {k}\n".encode())
            do(k)
            os.write(log, f"done {name} {k}\n".encode())


def put_models(url: str, writer: int, times: int) -> None:
    """Put models of one name."""
    om = open_at(url, grace=30)
    for i in range(times):
        om.models.put(model(writer * 1000 + i), "shared", attributes={f"writer{writer}": i})


def append_frames(url: str, writer: int, times: int) -> None:
    """Append to one frame."""
    om = open_at(url, grace=30)
    for i in range(times):
        om.datasets.put(frame(writer * 1000 + i), "shared", append=True)


def read_until(url: str, done: Event, found: Any) -> None:
    """Read frame and model again and again; put what is wrong with them on a queue, or how often all was well."""
    om = open_at(url, grace=30)
    reads, rows = 0, 0
    while not done.is_set() or reads == 0:
        data = om.datasets.get("shared", default=None)
        if data is not None:
            sizes = set(data.groupby("k").size())
            if sizes != {ROWS} or len(data) < rows or not (data["text"] == data["k"].astype(str)).all():
                found.put(f"mixed, partial or older frame: {len(data)} rows after {rows}, {sizes}")
                return
            rows = len(data)
        estimator = om.models.get("shared", default=None)
        if estimator is not None:
            estimator.predict([[0]])
        reads += 1
    found.put(reads)


def collect_until(url: str, done: Event, found: Any) -> None:
    """Collect again and again."""
    om = open_at(url, grace=30)
    runs = 0
    while not done.is_set() or runs == 0:
        om.collect()
        runs += 1
    found.put(runs)


@contextmanager
def running(workers: list[ForkServerProcess]) -> Iterator[None]:
    """Start processes, and end those that are left."""
    for worker in workers:
        worker.start()
    try:
        yield
    finally:
        for worker in workers:
            if worker.is_alive():
                worker.kill()
            worker.join()


__all__ = [
    "ROWS",
    "append_frames",
    "collect_until",
    "frame",
    "has_rows",
    "model",
    "open_at",
    "operations",
    "processes",
    "put_models",
    "read_until",
    "running",
    "work_until_killed",
]
