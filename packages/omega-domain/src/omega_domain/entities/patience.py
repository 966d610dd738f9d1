"""Patience: how long the processes of a context wait before they take something for dead, lost or stuck."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Final, Self

from omega_domain.errors import SettingsError

#: How many beats there must be in a lease.
BEATS: Final = 3
#: Bounds of a factor: beyond them it was meant as seconds, or workers would do little but beat.
LEAST: Final = 0.01
MOST: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Times after which a worker, a task or a write is given up, or looked after by others.

    Attributes:
        lease: how long a worker, and its lease on a task, count as long as it does not renew them; as long a worker
            watches before it takes over what others have lost.
        beat: how often a worker renews them.
        requeue: how long a task is left to the broker before it is given to it again, if nothing waits there.
        stuck: how long nothing must have happened in a run of several stages before somebody looks after it.
        abandoned: how long a run whose tasks are not all recorded is left to the client that submits it.
        outage: how long a worker waits for a store that is away, with a task or a result in its hands.
        conflict: how long a write is tried again while other writers of the name are faster.

    Raises:
        SettingsError: the times do not fit together; the message names the time and the rule.
    """

    lease: timedelta = timedelta(seconds=15)
    beat: timedelta = timedelta(seconds=3)
    requeue: timedelta = timedelta(seconds=30)
    stuck: timedelta = timedelta(seconds=60)
    abandoned: timedelta = timedelta(hours=1)
    outage: timedelta = timedelta(minutes=10)
    conflict: timedelta = timedelta(minutes=1)

    def __post_init__(self) -> None:
        for name, time in self.to_dict().items():
            if time <= timedelta(0):
                raise SettingsError(f"patience.{name} ({_shown(time)}) must be longer than 0 s")
        for name, holds, bound, why in self._rules():
            if not holds:
                shown = _shown(getattr(self, name))
                raise SettingsError(f"patience.{name} ({shown}) must be {bound}, because {why}; change one of the two")

    def scaled(self, factor: float) -> Self:
        """Return it with all times multiplied.

        Raises:
            SettingsError: the factor is not between 0.01 and 100.
        """
        if not LEAST <= factor <= MOST:
            raise SettingsError(
                f"patience can not be multiplied by {factor:g}: write a factor from {LEAST:g} to {MOST:g}"
            )
        return replace(self, **{name: time * factor for name, time in self.to_dict().items()})

    def to_dict(self) -> dict[str, timedelta]:
        """Return the times by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _rules(self) -> Iterator[tuple[str, bool, str, str]]:
        """Yield for each rule which time it is about, whether it holds, what it asks for, and why."""
        yield (
            "beat",
            self.beat <= self.lease / BEATS + timedelta.resolution,  # a factor may have rounded both
            f"at most a third of patience.lease ({_shown(self.lease)})",
            "several beats must fail before others take a worker for dead",
        )
        yield (
            "requeue",
            self.requeue >= self.lease,
            f"at least patience.lease ({_shown(self.lease)})",
            "a prediction runs for two beats before its record says so, and would be run twice",
        )
        yield (
            "abandoned",
            self.abandoned >= self.stuck,
            f"at least patience.stuck ({_shown(self.stuck)})",
            "nobody looks at a run before",
        )


def _shown(time: timedelta) -> str:
    return f"{time.total_seconds():g} s"
