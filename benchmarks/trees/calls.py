"""The CPU time of calls on each store with the packages that this process imports; prints milliseconds as JSON.

``python -m benchmarks.trees.calls MONGO_URL FOLDER [fill]``. Database and folder are those of a tree: they keep the
thousand names that are listed, which are put once only. With ``fill``, nothing else is done.
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from itertools import count

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

import omega_ml
from omega_domain.omega import Omega

NAMES = 1_000
#: Store -> how many calls are measured, of which the fastest counts: others share the processor. The number does not
#: depend on time, so that the stores of both trees grow alike.
TIMES = {"memory": 16, "embedded": 12, "MongoDB": 8}


def main(mongo_url: str, folder: str, mode: str = "") -> None:
    """Measure the calls on memory, on the embedded store and on MongoDB."""
    if mode == "fill":
        for kept in (f"file://{folder}/many", mongo_url):
            _listing(omega_ml.setup(store=kept))
        return
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=folder) as home:
        fresh = mongo_url.replace("many", uuid.uuid4().hex[:8])
        for name, url, kept in (
            ("memory", "memory://", "memory://"),
            ("embedded", f"file://{home}", f"file://{folder}/many"),
            ("MongoDB", fresh, mongo_url),
        ):
            calls = _calls(omega_ml.setup(store=url)) | _listing(omega_ml.setup(store=kept))
            figures |= {f"{name}: {what}": _milliseconds(call, TIMES[name]) for what, call in calls.items()}
    print(json.dumps(figures))


def _calls(om: Omega) -> dict[str, Callable[[], object]]:
    data = pd.DataFrame(np.random.default_rng(0).random((100, 3)), columns=["a", "b", "c"])
    model, row, numbers = LinearRegression().fit(data[["a", "b"]], data["c"]), data[["a", "b"]].iloc[:1], count()
    prod = om["prod"].models
    om.models.put(model, "cached")

    def save() -> None:
        meta = om.datasets.metadata("frame")
        if meta is None:
            raise LookupError("frame")
        meta.attributes["n"] = next(numbers)
        meta.save()

    return {
        "put a small frame": lambda: om.datasets.put(data.assign(a=float(next(numbers))), "frame"),
        "get a small frame": lambda: om.datasets.get("frame"),
        "get a small frame with a filter": lambda: om.datasets.get("frame[a,b]", c__gt=0.5),
        "put a dict": lambda: om.datasets.put({"a": next(numbers), "b": [1, 2, 3]}, "dict"),
        "get a dict": lambda: om.datasets.get("dict"),
        "metadata": lambda: om.datasets.metadata("frame"),
        "save attributes": save,
        "put a model": lambda: om.models.put(model, f"m {next(numbers)}"),
        "get a model": lambda: om.models.get("cached"),
        "predict a row with a cached model": lambda: om.runtime.model("cached").predict(row).get(),
        "promote a model within the context": lambda: om.models.promote("cached", prod, f"p {next(numbers)}"),
    }


def _listing(om: Omega) -> dict[str, Callable[[], object]]:
    many = om["many"].datasets
    for number in range(NAMES - len(many.list())):
        many.put(number, f"name {number}")
    return {f"list {NAMES:,} names": many.list}


def _milliseconds(call: Callable[[], object], times: int) -> float:
    call()
    gc.collect()
    fastest = float("inf")
    for _ in range(times):
        start = time.process_time()
        call()
        fastest = min(fastest, time.process_time() - start)
    return fastest * 1000


if __name__ == "__main__":
    main(*sys.argv[1:])
