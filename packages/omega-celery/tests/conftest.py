"""What the tests of the distributed runtime share: contexts on the embedded store, and workers for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.servers.workers import PATIENCE, WorkerProcess

import omega_ml
from omega_domain.omega import Omega
from omega_domain.testing.task_queue import fill, register_backends


@dataclass(frozen=True, slots=True)
class Place:
    """A store and a broker.

    Attributes:
        store: URL of the store.
        broker: URL of the broker.
    """

    store: str
    broker: str

    @property
    def env(self) -> dict[str, str]:
        """The variables that lead a worker here."""
        return {"OMEGA_STORE": self.store, "OMEGA_BROKER_URL": self.broker, "OMEGA_PATIENCE": PATIENCE}

    def open(self, **settings: Any) -> Omega:
        """Return an Omega that knows the models of the contract of runtimes."""
        om = omega_ml.setup(store=self.store, broker_url=self.broker, **{"patience": PATIENCE, **settings})
        register_backends(om.context)
        return om

    def worker(self, **options: Any) -> WorkerProcess:
        """Start a worker that knows these models, too; it ends with its ``with`` block."""
        return WorkerProcess(self.env, backends=True, **{"concurrency": 1, **options})


@pytest.fixture
def new_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Place]:
    """Return a fresh store beside a broker at each call."""
    return lambda broker: Place(f"file://{tmp_path_factory.mktemp('store')}", broker)


@pytest.fixture(scope="module", params=["valkey", "rabbitmq"])
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A store for the tests of a module, beside each broker."""
    return Place(f"file://{tmp_path_factory.mktemp('store')}", request.getfixturevalue(request.param).url)


@pytest.fixture(scope="module")
def worker(place: Place) -> Iterator[WorkerProcess]:
    """A worker for the tests of a module."""
    with place.worker(labels=("default", "gpu")) as process:
        yield process


@pytest.fixture
def om(place: Place, worker: WorkerProcess) -> Omega:
    """An Omega whose tasks the worker runs, with the models of the contract."""
    return fill(place.open())
