"""Diagnosis: how the broker is, who lives, who died, and who has other packages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.servers.brokers import free_ports

import omega_ml
from omega_celery.app import make_app
from omega_celery.diagnosis import diagnose_broker, diagnose_workers
from omega_domain.entities.requirement import Worker
from omega_domain.repository.context import Context
from omega_domain.tasks.workers import WORKERS, WorkerRegistry, installed_packages


@pytest.fixture
def context() -> Context:
    return omega_ml.setup(store="memory://").context


@pytest.fixture
def announce(context: Context) -> Callable[..., Worker]:
    """Announce a worker, by default one that has the same packages as this process."""

    def announce(name: str, *, died: bool = False, packages: dict[str, str] | None = None) -> Worker:
        now = context.clock.now()
        worker = Worker(
            id=name,
            name=name,
            labels=("default", "gpu"),
            capacity=1,
            packages=packages or installed_packages(),
            seen=now,
        )
        WorkerRegistry(context).announce(worker)
        if died:
            seen = {"seen": now - worker.lease - timedelta(minutes=1)}
            context.store.collection(WORKERS).update_one({"_id": name}, {"$set": seen})
        return replace(worker, seen=now)

    return announce


def test_a_broker_that_answers_is_well(broker_url: str) -> None:
    symptom = diagnose_broker(make_app(broker_url, {}), "the broker")
    assert (symptom.what, symptom.state, symptom.detail) == ("broker", "ok", "the broker can be reached")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_does_not_answer_is_told_at_once(scheme: str) -> None:
    began = time.monotonic()
    symptom = diagnose_broker(make_app(f"{scheme}://127.0.0.1:{free_ports(1)[0]}", {}), "the broker")
    assert time.monotonic() - began < 1.5
    assert symptom.state == "failed"
    assert symptom.detail.startswith("the broker can not be reached: ")
    assert "start it" in symptom.remedy


def test_without_a_worker_the_remedy_is_to_start_one(context: Context) -> None:
    (symptom,) = diagnose_workers(context)
    assert (symptom.state, symptom.detail, symptom.remedy) == ("warning", "no worker lives", "start one: om worker")


def test_live_workers_are_listed_with_their_labels(context: Context, announce: Callable[..., Worker]) -> None:
    announce("b@host")
    announce("a@host")
    (symptom,) = diagnose_workers(context)
    assert (symptom.state, symptom.detail) == ("ok", "a@host (default, gpu), b@host (default, gpu)")


def test_a_worker_with_other_packages_is_named_with_the_difference(
    context: Context, announce: Callable[..., Worker]
) -> None:
    here = installed_packages()
    announce("old@host", packages={**here, "numpy": "0.1", "extra": "1"})
    announce("bare@host", packages={name: version for name, version in here.items() if name != "pandas"})
    bare, old, live = diagnose_workers(context)
    assert bare.detail == f"bare@host has other versions: pandas none, here {here['pandas']}"
    assert old.detail == f"old@host has other versions: extra 1, here none, numpy 0.1, here {here['numpy']}"
    assert (bare.state, old.state, live.state) == ("warning", "warning", "ok")


def test_a_worker_that_died_is_named_with_its_last_sign_of_life(
    context: Context, announce: Callable[..., Worker]
) -> None:
    announce("dead@host", died=True)
    dead, nobody = diagnose_workers(context)
    assert dead.detail.startswith("dead@host was last heard of at 20")
    assert (dead.remedy, nobody.detail) == ("see its log", "no worker lives")
