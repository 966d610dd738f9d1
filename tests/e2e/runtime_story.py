"""Where the stories of the runtime are told: in this process, and with real workers over real brokers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from tests.servers.fixtures import new_database
from tests.servers.workers import PATIENCE, WorkerProcess

import omega_ml
from omega_domain.omega import Omega
from omega_domain.repository.metadata import Metadata

#: Seconds within which everything here must have happened.
WAIT: Final = 60

IN_PROCESS: Final = "in-process"
DISTRIBUTED: Final = ["valkey", "rabbitmq", "mongo"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A context, and who runs its tasks.

    Attributes:
        name: ``in-process``, or that of the broker; ``mongo`` is MongoDB with Valkey.
        env: settings by which the command, workers and other processes find it.
        om: the context, on a bucket of the story's own.
        workers: the workers that run its tasks, by label; none if it is this process.
    """

    name: str
    env: dict[str, str]
    om: Omega
    workers: dict[str, WorkerProcess] = field(default_factory=dict)

    @property
    def is_distributed(self) -> bool:
        """Whether workers run the tasks."""
        return self.name != IN_PROCESS

    def on(self, bucket: str) -> Place:
        """Return the same place with another bucket."""
        return replace(self, om=self.om[bucket])

    def worker_of(self, label: str) -> str:
        """Return the name of who runs the tasks of a label."""
        if not self.is_distributed:
            return next(iter(self.om.runtime.labels()))
        return self.workers[label].name

    def worker(self, *labels: str, name: str, options: tuple[str, ...] = ()) -> WorkerProcess:
        """Start a further worker of this context."""
        return WorkerProcess(self.env, labels=labels, concurrency=1, options=("--name", name, *options), wait=False)

    def python(self, program: str, *args: str) -> str:
        """Run a program in a process of its own where ``import omega_ml as om`` is this place; return its output."""
        words = [sys.executable, "-c", dedent(program), *args]
        env = {**os.environ, **self.env, "OMEGA_BUCKET": self.om.bucket}
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=WAIT, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


class Places:
    """Opens places, each once; their workers end when it is closed."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request
        self._started = ExitStack()
        self._places: dict[str, Place] = {}

    def __getitem__(self, name: str) -> Place:
        """Return a place; the first time its workers are started: one for tasks without a label, one for gpu."""
        if name not in self._places:
            self._places[name] = self._started.enter_context(self._opened(name))
        return self._places[name]

    def close(self) -> None:
        """Stop all workers, at the same time."""
        running = [worker.process for place in self._places.values() for worker in place.workers.values()]
        for process in running:
            process.terminate()
        for process in running:
            process.wait(WAIT)
        self._started.close()

    @contextmanager
    def _opened(self, name: str) -> Iterator[Place]:
        settings: dict[str, Any] = {"home": self._request.getfixturevalue("tmp_path_factory").mktemp(name)}
        env = {"OMEGA_HOME": str(settings["home"])}
        if name == "mongo":
            settings = {"mongo_url": self._database()}
            env = {"OMEGA_MONGO_URL": settings["mongo_url"]}
        if name == IN_PROCESS:
            yield Place(name=name, env=env, om=omega_ml.setup(**settings))
            return
        broker_url = self._request.getfixturevalue("valkey" if name == "mongo" else name).url
        om = omega_ml.setup(**settings, celeryconf={"broker_url": broker_url}, patience=PATIENCE)
        env |= {"OMEGA_BROKER_URL": broker_url, "OMEGA_PATIENCE": PATIENCE}
        place = Place(name=name, env=env, om=om)
        with place.worker("default", name=f"{name}-cpu") as cpu, place.worker("gpu", name=f"{name}-gpu") as gpu:
            for worker in (cpu, gpu):
                worker.wait_for("worker ready")
            yield replace(place, workers={"default": cpu, "gpu": gpu})

    def _database(self) -> str:
        server = self._request.getfixturevalue("mongo_server")
        database = new_database()
        self._started.callback(server.drop, database)
        return str(server.url_of(database))


def put_script(om: Omega, name: str, source: str, **modules: str) -> Metadata:
    """Write the folder of a script, as a user does, and put it."""
    folder = Path(name)
    folder.mkdir(parents=True, exist_ok=True)
    for module, text in {"__init__": source, **modules}.items():
        (folder / f"{module}.py").write_text(dedent(text))
    return om.scripts.put(folder, name)


def put_model(om: Omega, sales: pd.DataFrame, name: str = "mymodel", **options: Any) -> Omega:
    """Put the data of the samples, and a model that was not fitted yet; return the same Omega."""
    om.datasets.put(sales[["x"]], "data-X")
    om.datasets.put(sales["y"], "data-Y")
    om.models.put(LinearRegression(), name, **options)
    return om


def eventually(holds: Callable[[], object], *, within: float = WAIT) -> None:
    """Wait until something holds."""
    give_up = time.monotonic() + within
    while not holds():
        assert time.monotonic() < give_up, "it never came to hold"
        time.sleep(0.02)
