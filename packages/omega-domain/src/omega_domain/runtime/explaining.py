"""Explaining: where a task would go, and why; and what differs there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.ports.router import Router
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.workers import installed_packages


def explain(
    router: Router, records: TaskRecords, requirement: Requirement, *, task: str, why: str, here: str | None = None
) -> dict[str, Any]:
    """Return where a task with this requirement would go; see ``OmegaRuntime.explain``.

    Args:
        router: what would be asked for its way.
        records: of tasks.
        requirement: what it asks for.
        task: what it is, for people.
        why: where the requirement is from.
        here: name of this process as a worker, if the task would run here whatever it asks for.
    """
    label = requirement.label or DEFAULT_LABEL
    candidates, problem = ([], None) if here else _candidates(router, requirement, label)
    versions = installed_packages()
    differences = {worker.name: found for worker in candidates if (found := _differences(versions, worker))}
    return {
        "task": task,
        "label": label,
        "why": why,
        "queue": None if here else router.queue_of(label),
        "waiting": records.waiting([label])[label],
        "candidates": [here] if here else [worker.name for worker in candidates],
        "differences": differences,
        "problem": problem,
    }


def _candidates(router: Router, requirement: Requirement, label: str) -> tuple[list[Worker], str | None]:
    problem, workers = _problem(router, requirement), list(router.workers())
    found = [worker for worker in workers if label in worker.labels]
    if not found and problem is None and not requirement.wait:
        found = workers  # a process that serves whatever is asked for
    return found, problem


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
