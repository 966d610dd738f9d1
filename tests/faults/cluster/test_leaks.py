"""What thousands of predictions leave behind: no temporary object, no memory, no trace on the model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pytest
from tests.faults.cluster import WITHIN, Cluster
from tests.seeds import times
from tests.servers.valkey import ValkeyServer

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.entities.head import Head, HeadQuery
from omega_domain.entities.names import MODELS
from omega_domain.upkeep.collecting import TEMPORARY_FOR, collect

PREDICTIONS: Final = times(400, soak=5_000)
WARM_UP: Final = 200
AT_A_TIME: Final = 100
#: One of so many frames is too large to travel in an envelope, and so are its predictions.
LARGE_EVERY: Final = 20
LARGE: Final = 40_000
MOST_GROWTH: Final = 20 * 1024**2


@pytest.fixture
def cluster(tmp_path: Path, valkey: ValkeyServer) -> Iterator[Cluster]:
    with Cluster(store_url=f"file://{tmp_path}/store", broker_url=valkey.url) as cluster:
        yield cluster.put_objects(tmp_path)


def test_predictions_leave_nothing_behind(cluster: Cluster) -> None:
    objects, blobs, model = names(cluster), count_blobs(cluster), head(cluster, "line")
    worker = cluster.worker(concurrency=2)
    predict(cluster, WARM_UP)
    before = worker.memory()
    predict(cluster, PREDICTIONS)
    after = worker.memory()
    growth = {pid: after[pid] - before[pid] for pid in before}
    assert max(growth.values()) < MOST_GROWTH, growth
    assert head(cluster, "line") == model
    assert len(names(cluster) - objects) == (WARM_UP + PREDICTIONS) // LARGE_EVERY, "only large results are kept"
    for days in (1, 2):  # what the first drops, the second removes
        collect_later(cluster, days * TEMPORARY_FOR)
    assert (names(cluster), count_blobs(cluster)) == (objects, blobs)
    assert cluster.om.check() == []


def predict(cluster: Cluster, count: int) -> None:
    """Predict from frames in memory, some of them large, and see that all is right."""
    small, large = (pd.DataFrame({"x": np.arange(size, dtype=float)}) for size in (2, LARGE))
    line = cluster.om.runtime.model("line")
    for first in range(0, count, AT_A_TIME):
        frames = [large if number % LARGE_EVERY == 0 else small for number in range(first, first + AT_A_TIME)]
        results = [line.predict(frame) for frame in frames]
        for frame, result in zip(frames, results, strict=True):
            assert np.allclose(np.ravel(result.get(timeout=WITHIN)), 2 * frame["x"] + 1)


def collect_later(cluster: Cluster, after: timedelta) -> None:
    """Collect as if some time had passed, so that large results need not be kept any more."""
    clock = ManualClock(cluster.om.context.clock.now() + after + timedelta(minutes=1))
    collect(replace(cluster.om.context, clock=clock), grace=timedelta(0))


def names(cluster: Cluster) -> set[str]:
    """Return what there is, hidden or not."""
    return {str(head.key) for head in cluster.om.context.metadata.heads(HeadQuery())}


def head(cluster: Cluster, name: str) -> Head:
    """Return all that is kept of a model beside its versions."""
    heads = cluster.om.context.metadata.heads(HeadQuery(prefix=MODELS, starts_with=name))
    return next(head for head in heads if head.key.name == name)


def count_blobs(cluster: Cluster) -> int:
    """Return how many blobs there are."""
    return sum(1 for _ in cluster.om.context.store.files.find())
