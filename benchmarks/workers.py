"""Workers: predictions through a live worker, against a bare Celery task on the same broker and store."""

from __future__ import annotations

import importlib
import math
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from tests.servers.fixtures import new_database
from tests.servers.valkey import ValkeyServer
from tests.servers.workers import WorkerProcess

from benchmarks import shared
from benchmarks.measuring import Row, median_pair
from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.entities.task import Task
from omega_domain.omega import Omega
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.tasks.dispatching import Dispatch
from omega_domain.tasks.execution import Executor
from omega_ml import setup

TIMES = 400
MANY = 2000
ENVELOPE = "x" * 1000


def run(folder: Path) -> Iterator[Row]:
    """Measure our own code, then all of it on the embedded store, and on MongoDB."""
    yield _own_code()
    with ValkeyServer(folder / "valkey", appendonly=False) as broker:
        yield from _measure(f"file://{folder}/home", broker.url, "embedded")
        with shared.server(folder) as server:
            database = new_database()
            yield from _measure(server.url_of(database), broker.url, "MongoDB")
            server.drop(database)


class _HeldQueue(TaskQueue):
    """Records tasks as the real queue does; their messages are held here instead of given to a broker."""

    def __init__(self, om: Omega) -> None:
        self.messages: list[str] = []
        self._dispatch = Dispatch(om.context, self._hold, lambda _: None)

    @property
    def name(self) -> str:
        """``held``."""
        return "held"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        """Record the tasks and hold their messages."""
        self._dispatch.record(stages)

    def _hold(self, tasks: Sequence[Task], *, again: bool = False) -> None:  # noqa: ARG002 -- the port's signature
        self.messages += [task.to_json() for task in tasks]


def _own_code() -> Row:
    """Measure what is ours in a prediction: all but broker, Celery, store and the model itself."""
    om = setup(store="memory://")
    X = np.random.default_rng(0).random((1000, 10))
    model = LinearRegression().fit(X, X.sum(axis=1))
    om.models.put(model, "plain")
    queue, row = _HeldQueue(om), X[:1]
    runtime = Omega(om.context, queue=queue, router=InProcessRouter()).runtime
    executor = Executor(om.context, worker="bench@here", holder="bench")

    def ours() -> None:
        result = runtime.model("plain").predict(row)
        executor.execute(queue.messages.pop(), fresh=True)
        result.get()

    measured, least = median_pair(ours, lambda: model.predict(row), times=TIMES, tidy=False)
    return Row(
        what="our code in a prediction through a worker",
        measured=(measured - least) * 1000,
        floor=None,
        bar=1,
        unit="ms",
    )


def _measure(store: str, broker: str, where: str) -> Iterator[Row]:
    om = setup(store=store, broker_url=broker)
    random = np.random.default_rng(0)
    X = pd.DataFrame(random.random((1000, 10)), columns=[f"x{i}" for i in range(10)])
    om.models.put(LinearRegression().fit(X, X.sum(axis=1)), "m")
    om.models.put(LinearRegression().fit(X.to_numpy(), X.sum(axis=1)), "plain")
    frame, row = X.iloc[:1], X.to_numpy()[:1]
    with ExitStack() as stack:
        env = {"OMEGA_STORE": store, "OMEGA_BROKER_URL": broker, "OMEGA_PATIENCE": "1"}  # beats cost as usual
        worker = stack.enter_context(WorkerProcess(env))
        bare = stack.enter_context(_bare_worker(broker, store))

        def predict() -> None:
            om.runtime.model("plain").predict(row).get(30)

        def predict_frame() -> None:
            om.runtime.model("m").predict(frame).get(30)

        def floor() -> None:
            bare.delay(ENVELOPE).get(timeout=30, interval=0.001)

        ours, least = _alternating(predict, floor)
        for share, name, bar in ((0.5, "p50", 1.6), (0.95, "p95", 2.0)):
            yield Row(
                what=f"predict one row, {where}, {name} / bare task",
                measured=_quantile(ours, share) * 1000,
                floor=_quantile(least, share) * 1000,
                bar=bar,
                unit="ms",
            )
        framed, least = _alternating(predict_frame, floor)
        yield Row(
            what=f"predict a frame of one row, {where}, p50 / bare task",
            measured=_quantile(framed, 0.5) * 1000,
            floor=_quantile(least, 0.5) * 1000,
            bar=math.inf,
            unit="ms",
        )
        _predict_many(om, row)  # one by one go to the same process: now the other one has imported scikit-learn, too
        ours_rate = MANY / _seconds(lambda: _predict_many(om, row))
        _bare_many(bare)
        bare_rate = MANY / _seconds(lambda: _bare_many(bare))
        # a rate must be high: its inverse is what the bar bounds from above
        yield Row(
            what=f"{MANY} predictions, {where}: ms a task / bare task",
            measured=1000 / ours_rate,
            floor=1000 / bare_rate,
            bar=1 / 0.6,
            unit="ms",
        )
    yield Row(what=f"om worker ready, {where}", measured=worker.ready_after, floor=None, bar=3, unit="s")


def _predict_many(om: Any, row: np.ndarray) -> None:
    with om.runtime.parallel() as crt:
        for _ in range(MANY):
            crt.model("plain").predict(row)
    crt.run().getall(300)


def _bare_many(task: Any) -> None:
    results = [task.delay(ENVELOPE) for _ in range(MANY)]
    for result in results:
        result.get(timeout=300, interval=0.001)


def _alternating(ours: Callable[[], None], floor: Callable[[], None]) -> tuple[list[float], list[float]]:
    for _ in range(20):
        ours()
        floor()
    pairs = [(_seconds(ours), _seconds(floor)) for _ in range(TIMES)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def _seconds(do: Callable[[], None]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def _quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=100)[round(share * 100) - 1]


@contextmanager
def _bare_worker(broker: str, store: str) -> Iterator[Any]:
    os.environ.update({"BARE_BROKER": broker, "BARE_STORE": store})
    bare = importlib.reload(importlib.import_module("benchmarks.bare"))  # it reads the environment
    command = [sys.executable, "-m", "celery", "-A", "benchmarks.bare", "worker", "--concurrency", "2"]
    options = ["--without-gossip", "--without-mingle", "--loglevel", "ERROR"]
    process = subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield bare.constant
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
