"""Port of the router: which queue meets a requirement, and which workers live."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Protocol

from omega_domain.entities.requirement import Requirement, Worker


class Router(Protocol):
    """Finds workers. Safe to use from many threads; answers at once, also when no worker lives."""

    @abstractmethod
    def resolve(self, requirement: Requirement) -> str:
        """Return the label, which names the queue, that a task with this requirement is submitted to.

        Raises:
            NoWorkerError: no live worker serves it, and the task must not wait; the message names the labels that live.
        """

    @abstractmethod
    def workers(self) -> Sequence[Worker]:
        """Return the live workers, by name."""

    @abstractmethod
    def queue_of(self, label: str) -> str:
        """Return the name that the queue of a label has in the broker, for people."""
