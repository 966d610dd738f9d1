"""Requirements: which worker a task needs, and the workers there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from omega_domain.entities.names import validate_name
from omega_domain.entities.patience import Patience
from omega_domain.errors import InvalidNameError

DEFAULT_LABEL = "default"


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a task asks of the worker that runs it.

    Attributes:
        label: a label that the worker must have; None if any will do.
        always: whether this stays when a view of the runtime is asked for something else for a while.
        wait: whether the task may wait in the queue until such a worker lives.
    """

    label: str | None = None
    always: bool = False
    wait: bool = False

    @classmethod
    def parse(cls, spec: object, *, of: str) -> Requirement:
        """Read a requirement as people write it: ``gpu``, or ``{'label': 'gpu'}``, or None.

        Args:
            spec: what is written.
            of: where it is written, for messages.

        Raises:
            InvalidNameError: it is not of this form.
        """
        if not spec:
            return cls()
        label = spec.get("label") if isinstance(spec, Mapping) else spec
        if not isinstance(label, str) or (isinstance(spec, Mapping) and set(spec) != {"label"}):
            raise InvalidNameError(f"{spec!r}, required by {of}, is no requirement: write 'gpu' or {{'label': 'gpu'}}")
        return cls(validate_name(label, what="label"))

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"label": self.label, "always": self.always, "wait": self.wait}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Requirement:
        """Rebuild from :meth:`to_plain`."""
        return cls(plain["label"], plain["always"], plain["wait"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A worker that lives.

    Attributes:
        name: unique among the workers of a context: ``worker@host``.
        labels: the labels of tasks that it runs.
        capacity: how many tasks it runs at a time.
        packages: versions of the packages that matter there.
        seen: when it was last heard of, in UTC.
        lease: how long it counts as living after that.
        id: unique for each start of a worker; empty for this process.
    """

    name: str
    labels: tuple[str, ...]
    capacity: int = 1
    packages: Mapping[str, str] = field(default_factory=dict)
    seen: datetime
    lease: timedelta = field(default_factory=lambda: Patience().lease)
    id: str = ""

    def lives(self, now: datetime) -> bool:
        """Tell whether the worker still counts as living; its own lease decides, not that of the process that asks."""
        return self.seen + self.lease > now

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "name": self.name,
            "labels": list(self.labels),
            "capacity": self.capacity,
            "packages": dict(self.packages),
            "seen": self.seen.isoformat(),
            "lease": self.lease.total_seconds(),
        }
