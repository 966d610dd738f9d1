"""Models: put and get of forests against ``mlflow.sklearn``, which keeps a cloudpickle beside SQLite."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import mlflow
import mlflow.sklearn

from benchmarks.measuring import Row, median_pair
from benchmarks.models import forest
from benchmarks.samples import open_context

FORESTS = {"100 trees": forest(rows=3_600, trees=100), "50 large trees": forest()}


def run(folder: Path) -> Iterator[Row]:
    """Measure both in turn."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    om = open_context(str(folder / "home"))
    os.chdir(folder)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    mlflow.set_experiment("forests")
    for what, model in FORESTS.items():
        kept: list[str] = []

        def put(model: object = model) -> None:
            om.models.put(model, "forest")

        def log(model: object = model, kept: list[str] = kept) -> None:
            with mlflow.start_run():
                # what it would find out by itself, in seconds
                options = {"pip_requirements": ["scikit-learn"], "serialization_format": "cloudpickle"}
                kept[:] = [mlflow.sklearn.log_model(model, name="forest", **options).model_uri]

        def load(kept: list[str] = kept) -> None:
            mlflow.sklearn.load_model(kept[0])

        times = median_pair(put, log, times=9)
        stored = om.models.resolve("forest").size / 1e6
        yield _row(f"put a forest of {what} ({stored:.0f} MB stored)", times)
        yield _row(f"get a forest of {what}", median_pair(lambda: om.models.get("forest"), load, times=15))


def _row(what: str, times: tuple[float, float]) -> Row:
    return Row(what=what, measured=times[0] * 1000, floor=times[1] * 1000, bar=1.0, unit="ms")
