"""The router of this process, which is the only worker there is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from omega_domain.entities.requirement import DEFAULT_LABEL, Requirement, Worker
from omega_domain.errors import NoWorkerError
from omega_domain.ports.router import Router
from omega_domain.tasks.execution import local_worker
from omega_domain.tasks.workers import installed_packages


class InProcessRouter(Router):
    """Sends everything to this process.

    Args:
        labels: the only labels it serves; by default every label.
    """

    def __init__(self, labels: Iterable[str] | None = None) -> None:
        self._labels = None if labels is None else tuple(labels)

    def resolve(self, requirement: Requirement) -> str:
        """Return the required label. Raises NoWorkerError if this process is restricted to others."""
        label = requirement.label or DEFAULT_LABEL
        if not requirement.wait and self._labels is not None and label not in self._labels:
            raise NoWorkerError(
                f"no worker lives that serves the label {label!r}; {local_worker()} serves "
                f"{', '.join(map(repr, self._labels)) or 'none'}"
            )
        return label

    def workers(self) -> Sequence[Worker]:
        """Return this process."""
        labels = (DEFAULT_LABEL,) if self._labels is None else self._labels
        return [Worker(name=local_worker(), labels=labels, packages=installed_packages(), seen=datetime.now(UTC))]

    def queue_of(self, label: str) -> str:
        """Return the label: nothing ever waits here."""
        return label
