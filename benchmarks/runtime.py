"""Runtime: a prediction of one row on a cached model, in this process; and what lists of numbers cost to travel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

from benchmarks.measuring import Row, median_pair
from benchmarks.samples import open_context

TIMES = 200


def run(folder: Path) -> Iterator[Row]:
    """Measure a prediction of one row, and lists of numbers through the codec."""
    om = open_context(str(folder))
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.random((1000, 10)), columns=[f"x{i}" for i in range(10)])
    model = LinearRegression().fit(X, X.sum(axis=1))
    om.models.put(model, "m")
    row, codec = X.iloc[:1], om.context.codec

    def floor() -> None:
        codec.loads(codec.dumps(model.predict(codec.loads(codec.dumps(row)))))

    measured, least = median_pair(lambda: om.runtime.model("m").predict(row).get(), floor, times=TIMES, tidy=False)
    yield Row(
        what="predict one row / estimator and codec", measured=measured * 1000, floor=least * 1000, bar=3, unit="ms"
    )
    yield Row(what="predict one row", measured=measured * 1000, floor=None, bar=5, unit="ms")

    rows = X.to_numpy().tolist()
    measured, least = median_pair(
        lambda: codec.loads(codec.dumps(rows)), lambda: json.loads(json.dumps(rows)), times=TIMES, tidy=False
    )
    yield Row(what="1,000 x 10 floats / json", measured=measured * 1000, floor=least * 1000, bar=1.3, unit="ms")
