"""Port of the clock: the one source of time, so that tests need no sleep."""

from __future__ import annotations

from abc import abstractmethod
from datetime import datetime
from typing import Protocol, runtime_checkable


class Clock(Protocol):
    """Tells the time."""

    @abstractmethod
    def now(self) -> datetime:
        """Return the current time in UTC, aware."""


@runtime_checkable
class SupportsElapsed(Clock, Protocol):
    """Ability of clocks that tell the time of day, so that it can be compared with that of other machines."""

    @abstractmethod
    def elapsed(self) -> float:
        """Return seconds since some moment, by a clock that goes on evenly whatever sets the time of day."""
