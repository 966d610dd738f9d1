"""A clock that stands still until it is told to go on, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from omega_domain.ports.clock import Clock

START = datetime(2030, 1, 1, tzinfo=UTC)


class ManualClock(Clock):
    """Tells the time that it was set to."""

    def __init__(self, now: datetime = START) -> None:
        """Start at the given time, which must be aware."""
        self._now = now.astimezone(UTC)

    def now(self) -> datetime:
        """Return the current time in UTC, aware."""
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Go on by this much; return the new time."""
        self._now += by
        return self._now
