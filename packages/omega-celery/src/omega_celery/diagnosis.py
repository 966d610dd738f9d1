"""Diagnosis of the distributed runtime: its broker and its workers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from celery import Celery

from omega_domain.ports.diagnosis import Symptom
from omega_domain.repository.context import Context
from omega_domain.tasks.workers import WorkerRegistry, installed_packages

BROKER, WORKERS = "broker", "workers"
#: Whoever asks how the broker is does not want to wait for it.
AT_ONCE: Final = {"max_retries": 1, "interval_start": 0, "interval_step": 0}


def diagnose_broker(app: Celery, name: str) -> Symptom:
    """Return whether the broker can be reached; ``name`` is what people call it."""
    try:
        with app.connection_for_write() as connection:
            connection.ensure_connection(**AT_ONCE)
    except Exception as error:  # noqa: BLE001 -- each transport has errors of its own
        return Symptom(
            BROKER, "failed", f"{name} can not be reached: {error}", "start it, or set broker_url to where it is"
        )
    return Symptom(BROKER, "ok", f"{name} can be reached")


def diagnose_workers(context: Context) -> Iterator[Symptom]:
    """Yield who lives, who died, and whose packages differ from those here."""
    registry, here = WorkerRegistry(context), installed_packages()
    live = registry.live()
    for worker in live:
        differing = _differences(here, worker.packages)
        if differing:
            yield Symptom(
                WORKERS, "warning", f"{worker.name} has other versions: {differing}", "install the same everywhere"
            )
    for worker in registry.dead():
        yield Symptom(
            WORKERS, "warning", f"{worker.name} was last heard of at {worker.seen:%Y-%m-%d %H:%M} UTC", "see its log"
        )
    if live:
        yield Symptom(WORKERS, "ok", ", ".join(f"{worker.name} ({', '.join(worker.labels)})" for worker in live))
    else:
        yield Symptom(WORKERS, "warning", "no worker lives", "start one: om worker")


def _differences(here: Mapping[str, str], there: Mapping[str, str]) -> str:
    names = sorted(name for name in {*here, *there} if here.get(name) != there.get(name))
    return ", ".join(f"{name} {there.get(name, 'none')}, here {here.get(name, 'none')}" for name in names)
