"""The six trips, made in this process with the packages that it imports; prints what was counted as JSON.

``python -m benchmarks.trips.travelling MONGO_URL BROKER_URL FOLDER``. It uses documented names only, so that it runs
with the packages of any checkout.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import omega_ml
from benchmarks.trips.counting import Trip, second
from benchmarks.trips.worker import VARIABLE
from omega_cli.main import run
from omega_domain.omega import Omega

ROWS = 1_000
GATES = ["metric('r2', '>=', 0.1)", "fitted"]
WAIT = 60.0
LOCAL = "OMEGA_STORE"


def main(mongo_url: str, broker_url: str, folder: str) -> None:
    """Make the trips and print them by name."""
    om = omega_ml.setup(store=mongo_url)
    data = pd.DataFrame(np.random.default_rng(0).random((ROWS, 3)), columns=["a", "b", "c"])
    numbers = count()
    trips = {
        "put": second(lambda: om.datasets.put(data.assign(a=float(next(numbers))), "sales")),
        "get": second(lambda: om.datasets.get("sales[a,b]", c__gt=0.5)),
    }
    om.datasets.put(data[["a", "b"]], "X")
    om.models.put(LinearRegression().fit(data[["a", "b"]], data["c"]), "m")
    trips["predict"] = second(lambda: om.runtime.model("m").predict("X").get())
    with _worker({LOCAL: mongo_url, "OMEGA_BROKER_URL": broker_url, VARIABLE: folder}):
        trips |= _remote(omega_ml.setup(store=mongo_url, broker_url=broker_url), Path(folder))
    trips["promote"] = _promotion(om, data)
    os.environ[LOCAL] = mongo_url
    trips["list"] = second(_list)
    print(json.dumps({name: trip.to_plain() for name, trip in trips.items()}))


def _promotion(om: Omega, data: pd.DataFrame) -> Trip:
    """Promote two models that differ, since the same one again is no promotion."""
    model = LinearRegression()
    for offset in (1, 2):
        model.fit(data[["a", "b"]] * offset, data["c"])
        om.models.put(model, "m", attributes={"metrics": {"r2": 0.9}})
        with Trip().counted() as trip:
            om.models.promote("m", om["prod"].models, gates=GATES)
    return trip


def _remote(om: Omega, folder: Path) -> dict[str, Trip]:
    """Predict on the worker; its result is asked for once it is there, so that asking does not depend on time."""
    _wait_until(om.runtime.workers, folder)
    for _ in range(2):
        for path in folder.glob("*.json"):
            path.unlink()
        with Trip().counted() as submit:
            result = om.runtime.model("m").predict("X")
        work = _awaited(folder)
        with Trip().counted() as got:
            result.get(WAIT)
    return {"remote": submit + work + got, "submit": submit, "work": work, "result": got}


def _awaited(folder: Path) -> Trip:
    _wait_until(lambda: list(folder.glob("*.json")), folder)
    [path] = folder.glob("*.json")
    known, trip = json.loads(path.read_text(encoding="utf-8")), Trip()
    trip.calls, trip.hops = known["calls"], known["hops"]
    trip.functions, trip.files = set(known["functions"]), set(known["files"])
    return trip


def _wait_until(found: Callable[[], object], folder: Path) -> None:
    give_up = time.monotonic() + WAIT
    while not found():
        if time.monotonic() > give_up:
            raise TimeoutError(f"the worker does not work:\n{(folder / 'worker.log').read_text(errors='replace')}")
        time.sleep(0.01)


@contextmanager
def _worker(env: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "benchmarks.trips.worker", "worker", "--concurrency", "1"]
    with Path(env[VARIABLE], "worker.log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **env}, stdout=log, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.terminate()
        process.wait(WAIT)


def _list() -> None:
    with redirect_stdout(io.StringIO()):
        code = run(["datasets", "list"])
    if code:
        raise RuntimeError(f"om datasets list ended with {code}")


if __name__ == "__main__":
    main(*sys.argv[1:])
