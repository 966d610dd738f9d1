"""Explaining: where a task would go, and why; and what differs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.ports.router import Router
from omega_domain.services.task_log import TaskLog
from omega_domain.services.worker_registry import installed_packages


def explain(router: Router, log: TaskLog, requirement: Requirement, *, task: str, why: str) -> dict[str, Any]:
    """Return where a task with this requirement would go; see ``OmegaRuntime.explain``."""
    label = requirement.label or DEFAULT_LABEL
    here = installed_packages()
    candidates = [worker for worker in router.workers() if label in worker.labels]
    differences = {worker.name: found for worker in candidates if (found := _differences(here, worker))}
    return {
        "task": task,
        "label": label,
        "why": why,
        "queue": router.queue_of(label),
        "waiting": log.waiting([label])[label],
        "candidates": [worker.name for worker in candidates],
        "differences": differences,
        "problem": _problem(router, requirement),
    }


def _differences(here: Mapping[str, str], worker: Worker) -> dict[str, list[str | None]]:
    names = sorted({*here, *worker.packages})
    return {
        name: [here.get(name), worker.packages.get(name)]
        for name in names
        if here.get(name) != worker.packages.get(name)
    }


def _problem(router: Router, requirement: Requirement) -> str | None:
    try:
        router.resolve(requirement)
    except NoWorkerError as error:
        return str(error)
    return None
