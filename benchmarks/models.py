"""Models: put and get of a 200 MB forest against joblib, and its promotion."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from sklearn.ensemble import RandomForestRegressor

from benchmarks.measuring import Row, median, median_pair
from benchmarks.samples import open_context


def forest(*, rows: int = 40_000, trees: int = 50) -> Any:
    """Return a forest whose pickle has about 180 MB; of 3,600 rows and 100 trees, 33 MB."""
    random = np.random.default_rng(0)
    X, y = random.random((rows, 10)), random.random(rows)
    return RandomForestRegressor(n_estimators=trees, n_jobs=2, random_state=0).fit(X, y)


def run(folder: Path) -> Iterator[Row]:
    """Measure a large model."""
    om, model = open_context(str(folder / "home")), forest()

    def store() -> None:
        model.run_ = next(runs)
        om.models.put(model, "forest")
        om.models.get("forest")

    def floor() -> None:
        path = folder / f"floor {next(runs)}.joblib"  # a put keeps the file of the version before, too
        with path.open("wb") as file:
            joblib.dump(model, file)
            file.flush()
            os.fsync(file.fileno())  # a put that is done is on the disk
        joblib.load(path)

    runs = count()
    measured, least = median_pair(store, floor, times=5)
    size = om.models.resolve("forest").size / 1e6
    yield Row(what=f"put + get of a forest of {size:.0f} MB", measured=measured, floor=least, bar=1.5, unit="s")
    names = count()
    taken = median(lambda: om.models.promote("forest", om["prod"].models, asname=f"forest {next(names)}"))
    yield Row(what="promotion of it to another bucket", measured=taken * 1000, floor=None, bar=50, unit="ms")
