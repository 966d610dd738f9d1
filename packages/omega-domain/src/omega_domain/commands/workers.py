"""Commands on workers: who works, on what, and what waits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_domain.commands.task_facts import QueueFacts, WorkerFacts, queue_facts
from omega_domain.omega import Omega


@dataclass(frozen=True, kw_only=True)
class AskWorkers:
    """A question about all live workers; there is nothing else to say."""


@dataclass(frozen=True, kw_only=True)
class WorkerLabels:
    """What a worker works on.

    Attributes:
        worker: name of the worker.
        labels: the labels of tasks that it runs.
    """

    worker: str
    labels: tuple[str, ...]


@command("workers.labels", right="runtime:read")
def labels(om: Omega, _: AskWorkers) -> tuple[WorkerLabels, ...]:
    """List the live workers and their labels."""
    return tuple(WorkerLabels(worker=name, labels=tuple(served)) for name, served in om.runtime.labels().items())


@command("workers.list", right="runtime:read")
def list_workers(om: Omega, _: AskWorkers) -> tuple[WorkerFacts, ...]:
    """List the live workers: how many tasks each runs at a time, and when it was last heard of."""
    at = om.context.clock.now()
    return tuple(WorkerFacts.of(worker, at) for worker in om.router.workers())


@command("workers.queues", right="runtime:read")
def queues(om: Omega, request: AskWorkers) -> tuple[QueueFacts, ...]:
    """List how many tasks wait for each label, and how many workers serve it."""
    return queue_facts(om.runtime.queues(), list_workers(om, request))


@dataclass(frozen=True, kw_only=True)
class SignOfLife:
    """What a worker answers.

    Attributes:
        worker: name of the worker.
        answer: ``pong``.
    """

    worker: str
    answer: str


@command("workers.ping", right="runtime:read")
def ping(om: Omega, _: AskWorkers) -> tuple[SignOfLife, ...]:
    """Ask every worker for a sign of life."""
    return tuple(SignOfLife(worker=name, answer=answer) for name, answer in om.runtime.ping().items())


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (labels, list_workers, queues, ping)
