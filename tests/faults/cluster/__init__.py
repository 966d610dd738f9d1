"""A cluster to break: a context on its own store and broker, workers that are killed, tasks that must not get lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression
from tests.servers.workers import PATIENCE, WorkerProcess

import omega_ml
from omega_backends.virtualobj import virtualobj
from omega_domain.entities.task import FAILURE, STARTED, SUCCESS, TaskRecord
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult

#: Seconds within which all tasks must have ended after something was killed, also at the real times: leases end after
#: 15 s, what a broker has lost is given to it again after 30 s, and a new worker watches for 15 s before it takes over
#: anything.
WITHIN: Final = 90.0
SOON: Final = 30.0
TASKS: Final = 50
LOOK_AGAIN: Final = 0.02

APPEND = """\
import pandas as pd


def run(om, k):
    om.datasets.put(pd.DataFrame({"k": [k]}), "log", append=True)
    return k
"""


@virtualobj
def nap(data: float) -> float:
    """Take some seconds."""
    time.sleep(data)
    return data


@virtualobj
def hold(data: str) -> int:
    """Tell who runs this in the file ``<data>.pid``, and wait until the file ``data`` is there."""
    Path(f"{data}.pid").write_text(str(os.getpid()))
    while not Path(data).exists():
        time.sleep(0.01)
    return os.getpid()


@virtualobj
def die(data: object = None) -> None:
    """End the process that runs this, as the kernel does when memory runs out."""
    os.kill(os.getpid(), signal.SIGKILL)


class Cluster:
    """A context and its workers, which end with the ``with`` block.

    Args:
        store_url: its store, which must be empty.
        broker_url: its broker.
        patience: of all its processes; None sets none.
    """

    def __init__(self, *, store_url: str, broker_url: str, patience: str | None = PATIENCE) -> None:
        self.env = {"OMEGA_STORE": store_url, "OMEGA_BROKER_URL": broker_url, "OMEGA_PATIENCE": patience or ""}
        self.om = omega_ml.setup(store=store_url, broker_url=broker_url, patience=patience)
        self.log = TaskRecords(self.om.context)
        self._started = ExitStack()

    def worker(self, *labels: str, **options: Any) -> WorkerProcess:
        """Start a worker, see :class:`WorkerProcess`; by default for tasks without a label."""
        worker = WorkerProcess(self.env, labels=labels or ("default",), **options)
        return self._started.enter_context(worker)

    def put_objects(self, folder: Path) -> Self:
        """Put what :func:`submit_mixed` works with; the script is written into the folder first."""
        x = np.arange(20.0)
        self.om.datasets.put(pd.DataFrame({"x": x}), "X")
        self.om.datasets.put(pd.DataFrame({"y": 2 * x + 1}), "Y")
        self.om.models.put(LinearRegression().fit(x.reshape(-1, 1), 2 * x + 1), "line")
        self.om.models.put(LinearRegression(), "fitted")
        for function in (nap, hold, die):
            self.om.models.put(function, function.__name__)
        package = folder / "append"
        package.mkdir()
        (package / "__init__.py").write_text(APPEND)
        self.om.scripts.put(package, "append")
        return self

    def hold(self, until: Path) -> AsyncResult:
        """Submit a task that runs until this file is there; see :func:`process_of`."""
        return self.om.runtime.model("hold").run(str(until))

    def nap(self, seconds: float) -> AsyncResult:
        """Submit a task that takes so many seconds."""
        return self.om.runtime.model("nap").run(seconds)

    def record(self, result: AsyncResult) -> TaskRecord:
        """Return the record of a task as it is now."""
        return self.log.get(result.id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._started.__exit__(None, None, None)


@dataclass
class Mixed:
    """Tasks of all sorts that were submitted, and what is known of their ends.

    Attributes:
        cluster: where.
        results: by what they do: ``predict``, ``fit``, ``nap`` and ``append``, in the order of their submission.
        ended: the records of those that have ended, as they were when that was first seen.
    """

    cluster: Cluster
    results: Mapping[str, list[AsyncResult]]
    ended: dict[str, TaskRecord] = field(default_factory=dict)

    @property
    def ids(self) -> list[str]:
        """The ids of all."""
        return [result.id for results in self.results.values() for result in results]

    def look(self) -> int:
        """Take note of those that have ended; return how many."""
        unknown = [task_id for task_id in self.ids if task_id not in self.ended]
        self.ended |= self.cluster.log.get_many(unknown, ended=True)
        return len(self.ended)

    def wait_for(self, count: int, *, within: float = WITHIN) -> None:
        """Wait until so many have ended."""
        eventually(lambda: self.look() >= count, within=within, otherwise=self.describe)

    def wait_for_the_middle(self) -> None:
        """Wait until some have ended, and another one runs whose record says so."""
        self.wait_for(TASKS // 5)
        eventually(lambda: self._running() or self.look() == len(self.ids), otherwise=self.describe)
        assert self.look() < len(self.ids), "there was no middle"

    def check(self, *, may_fail: Iterable[type[Exception]] = ()) -> None:
        """Wait for the ends of all; each has ended once, its effects are there once, and failures have a reason.

        Args:
            may_fail: with which errors tasks may have failed.
        """
        self.wait_for(len(self.ids))
        allowed = {f"{error.__module__}.{error.__qualname__}" for error in may_fail}
        assert self.cluster.log.get_many(self.ids) == self.ended, "what had ended has changed"
        for record in self.ended.values():
            assert record.status == SUCCESS or (record.error or {})["type"] in allowed, record
        self._check_effects()
        assert self.cluster.om.check() == []

    def describe(self) -> str:
        """Return what has not ended, for messages."""
        records = self.cluster.log.get_many(self.ids).values()
        return "\n".join(str(record) for record in records if not record.is_final)

    def _running(self) -> bool:
        return any(record.status == STARTED for record in self.cluster.log.get_many(self.ids).values())

    def _check_effects(self) -> None:
        om = self.cluster.om
        fits = self._successes("fit")
        assert len(om.models.versions("fitted")) == 1 + len(fits), "a fit made no version, or two"
        made = [result.get().version for result in fits]
        assert len(set(made)) == len(made), "two fits made one version"
        rows = list(om.datasets.get("log")["k"])
        assert len(set(rows)) == len(rows), "appended twice"
        assert {result.get() for result in self._successes("append")} <= set(rows), "not appended"
        assert all(np.allclose(np.ravel(result.get()), [1.0, 7.0]) for result in self._successes("predict"))

    def _successes(self, what: str) -> list[AsyncResult]:
        return [result for result in self.results[what] if self.ended[result.id].status == SUCCESS]


def submit_mixed(cluster: Cluster, count: int = TASKS) -> Mixed:
    """Submit short predictions, fits of one model, scripts that append to one frame, and slow functions."""
    model, script = cluster.om.runtime.model, cluster.om.runtime.script
    frame = pd.DataFrame({"x": [0.0, 3.0]})
    do: list[tuple[str, Callable[[int], AsyncResult]]] = [
        ("predict", lambda _: model("line").predict(frame)),
        ("fit", lambda _: model("fitted").fit("X", "Y")),
        ("nap", lambda _: model("nap").run(0.5)),
        ("append", lambda k: script("append").run(k)),
        ("predict", lambda _: model("line").predict(frame)),
    ]
    results: dict[str, list[AsyncResult]] = {what: [] for what, _ in do}
    for k in range(count):
        what, submit = do[k % len(do)]
        results[what].append(submit(k))
    return Mixed(cluster, results)


def process_of(until: Path) -> int:
    """Return the process that runs a task which is held, once there is one."""
    file = until.with_name(f"{until.name}.pid")
    eventually(lambda: file.exists() and file.read_text())
    return int(file.read_text())


def is_alive(pid: int) -> bool:
    """Tell whether there is such a process, and it is not only waiting to be buried by whoever has adopted it."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def eventually(
    holds: Callable[[], object], *, within: float = SOON, otherwise: Callable[[], str] = lambda: "it never came to hold"
) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + within
    while not holds():
        assert time.monotonic() < give_up, otherwise()
        time.sleep(LOOK_AGAIN)


__all__ = [
    "FAILURE",
    "SOON",
    "STARTED",
    "SUCCESS",
    "TASKS",
    "WITHIN",
    "Cluster",
    "Mixed",
    "eventually",
    "is_alive",
    "process_of",
    "submit_mixed",
]
