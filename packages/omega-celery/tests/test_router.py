"""The router: what the registry says of who lives, and what is said when nobody does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

import omega_ml
from omega_celery.router import FRESH, RegistryRouter
from omega_domain.entities.patience import Patience
from omega_domain.entities.requirement import Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.repository.context import Context
from omega_domain.tasks.workers import WORKERS, WorkerRegistry
from omega_domain.testing.router import RouterContract


@pytest.fixture
def context() -> Context:
    return omega_ml.setup(store="memory://").context


@pytest.fixture
def announce(context: Context) -> Callable[..., Worker]:
    """Announce a worker."""

    def announce(name: str, *labels: str, silent_for: timedelta = timedelta(0)) -> Worker:
        seen = context.clock.now()
        worker = Worker(id=name, name=name, labels=labels, capacity=1, packages={}, seen=seen)
        WorkerRegistry(context).announce(worker)
        context.store.collection(WORKERS).update_one({"_id": name}, {"$set": {"seen": seen - silent_for}})
        return worker

    return announce


class TestRegistryRouter(RouterContract):
    """The contract, on the entries of two workers."""

    @pytest.fixture
    def router(self, context: Context, announce: Callable[..., Worker]) -> RegistryRouter:
        """A router of a context where workers live."""
        announce("b@host", "default", "gpu")
        announce("a@host", "default")
        return RegistryRouter(context)


def test_where_no_worker_lives_the_error_says_how_to_start_one(context: Context) -> None:
    with pytest.raises(
        NoWorkerError, match=r"no worker lives, so nobody serves the label 'default'.*om worker --label"
    ):
        RegistryRouter(context).resolve(Requirement())


def test_a_label_with_a_space_is_quoted_for_the_shell(context: Context) -> None:
    with pytest.raises(NoWorkerError, match=r"om worker --label 'big gpu'.*require\('big gpu', wait=True\)"):
        RegistryRouter(context).resolve(Requirement("big gpu"))


def test_a_worker_that_died_is_named_if_nobody_else_lives(context: Context, announce: Callable[..., Worker]) -> None:
    announce("old@host", "gpu", silent_for=timedelta(hours=1))
    announce("dead@host", "gpu", silent_for=Patience().lease + timedelta(minutes=2))
    announce("other@host", "tpu", silent_for=Patience().lease + timedelta(minutes=1))
    with pytest.raises(NoWorkerError, match=r"'gpu': dead@host did, but was last heard of 0:02:15 ago"):
        RegistryRouter(context).resolve(Requirement("gpu"))


def test_a_label_that_was_just_seen_is_not_looked_up_again(
    context: Context, announce: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, router = announce("a@host", "gpu"), RegistryRouter(context)
    assert router.resolve(Requirement("gpu")) == "gpu"
    WorkerRegistry(context).withdraw(worker)
    assert router.resolve(Requirement("gpu")) == "gpu"
    router._seen = (router._seen[0] - FRESH, router._seen[1])
    with pytest.raises(NoWorkerError):
        router.resolve(Requirement("gpu"))


def test_a_worker_that_comes_is_seen_at_once(context: Context, announce: Callable[..., Worker]) -> None:
    router = RegistryRouter(context)
    with pytest.raises(NoWorkerError):
        router.resolve(Requirement("gpu"))
    announce("a@host", "gpu")
    assert router.resolve(Requirement("gpu")) == "gpu"
