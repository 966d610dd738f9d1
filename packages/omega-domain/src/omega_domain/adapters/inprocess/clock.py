"""The clock of this machine."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from omega_domain.ports.clock import SupportsElapsed


class SystemClock(SupportsElapsed):
    """Tells the time of the operating system."""

    def now(self) -> datetime:
        """Return the current time in UTC, aware."""
        return datetime.now(UTC)

    def elapsed(self) -> float:
        """Return seconds since some moment, by a clock that goes on evenly."""
        return time.monotonic()
