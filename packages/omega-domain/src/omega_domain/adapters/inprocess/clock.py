"""The clock of this machine."""

from __future__ import annotations

from datetime import UTC, datetime

from omega_domain.ports.clock import Clock


class SystemClock(Clock):
    """Tells the time of the operating system."""

    def now(self) -> datetime:
        """Return the current time in UTC, aware."""
        return datetime.now(UTC)
