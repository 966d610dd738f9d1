"""The distributed runtime, with a real worker on real brokers and stores: the same contracts as in this process."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from tests.effort import only
from tests.servers.fixtures import MongoServer, new_database
from tests.servers.workers import PATIENCE, WorkerProcess

import omega_ml
from omega_domain.entities.head import HeadQuery
from omega_domain.errors import ObjectNotFoundError
from omega_domain.omega import Omega
from omega_domain.ports.router import Router
from omega_domain.repository.committing import Commits
from omega_domain.repository.dropping import drop_object
from omega_domain.repository.payloads import Payloads
from omega_domain.tasks.dispatching import RUNS
from omega_domain.tasks.records import GROUPS, TASKS
from omega_domain.tasks.workers import WorkerRegistry
from omega_domain.testing.canvas import CanvasContract
from omega_domain.testing.router import RouterContract
from omega_domain.testing.task_queue import TaskQueueContract, register_backends


@pytest.fixture(scope="class")
def addresses(request: pytest.FixtureRequest) -> Iterator[tuple[str, str]]:
    """The store and the broker of a class of tests."""
    folder = request.getfixturevalue("tmp_path_factory").mktemp("store")
    broker_url = f"filesystem://{folder}/broker"
    if request.cls.broker != "folder":
        broker_url = request.getfixturevalue(request.cls.broker).url
    if request.cls.store == "local":
        yield f"file://{folder}", broker_url
    else:
        server: MongoServer = request.getfixturevalue("mongo_server")
        name = new_database()
        yield server.url_of(name), broker_url
        server.drop(name)


@pytest.fixture(scope="class")
def served(addresses: tuple[str, str]) -> Iterator[Omega]:
    """A context that a worker serves."""
    store_url, broker_url = addresses
    env = {"OMEGA_STORE": store_url, "OMEGA_BROKER_URL": broker_url}
    with WorkerProcess(env, labels=("default", "gpu"), backends=True):
        yield opened(store_url, broker_url)


class _WithWorker(TaskQueueContract, CanvasContract, RouterContract):
    """One worker for all tests of a class; it serves one store, which is emptied before each of them."""

    store: ClassVar[Literal["local", "mongo"]] = "local"
    broker: ClassVar[Literal["valkey", "rabbitmq", "folder"]] = "valkey"

    @pytest.fixture
    def make_omega(self, served: Omega, addresses: tuple[str, str], tmp_path: Path) -> Callable[[], Omega]:
        """Return the context of the worker at the first call, then others, whose tasks nobody must get."""
        empty(served)
        numbers = itertools.count()

        def make() -> Omega:
            number = next(numbers)
            if number == 0:
                return Omega(served.context, queue=served.queue, router=served.router)
            other = opened(f"file://{tmp_path}/{number}", addresses[1])
            for worker in served.router.workers():
                WorkerRegistry(other.context).announce(worker)
            return other

        return make

    @pytest.fixture
    def router(self, served: Omega) -> Router:
        """The router of the worker's context."""
        return served.router


@only(
    "test_a_model_predicts_from_a_dataset_by_name",
    "test_a_large_result_is_returned_whole",
    "test_fit_makes_a_new_version_and_returns_its_metadata",
    "test_errors_come_back",
    "test_the_result_can_be_asked_for_by_its_id_from_elsewhere",
    "test_a_failing_task_ends_a_sequence",
    "test_collect_returns_the_results_themselves",
    "test_the_group_can_be_asked_for_by_its_id_from_elsewhere",
    "test_workers_tell_their_labels",
)
class TestLocalStoreAndValkey(_WithWorker):
    """The embedded store, and Valkey: other classes have either of them, so this one is whole in a soak alone."""


class TestLocalStoreAndRabbitMQ(_WithWorker):
    """The embedded store, and RabbitMQ."""

    broker = "rabbitmq"


class TestLocalStoreAndFolder(_WithWorker):
    """The embedded store, and no server at all."""

    broker = "folder"


class TestMongoAndValkey(_WithWorker):
    """MongoDB, and Valkey."""

    store = "mongo"


def opened(store_url: str, broker_url: str) -> Omega:
    """Return an Omega that knows the backends of the contract."""
    om = omega_ml.setup(store=store_url, broker_url=broker_url, patience=PATIENCE)
    register_backends(om.context)
    return om


def empty(om: Omega) -> None:
    """Drop all objects and tasks of a context; who works for it, and where, stays known."""
    commits = Commits(om.context, Payloads(om.context))
    for head in list(om.context.metadata.heads(HeadQuery())):
        with suppress(ObjectNotFoundError):  # what a task has left may go by itself
            drop_object(om.context, commits, head.key, uid=head.uid)
    for key in (TASKS, GROUPS, RUNS):
        om.context.store.collection(key).delete_many({})
