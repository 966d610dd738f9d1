"""Clocks: the clock of this machine against the one that all who share a store have in common.

Leases and the grace period are times in the store. Whoever writes them by a clock that is behind gives leases that are
over when they begin, and whoever collects by one that is ahead ends those of all others. So both are refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from omega_domain.errors import ClockError
from omega_domain.ports.clock import Clock, SupportsElapsed
from omega_domain.ports.store import Store, SupportsTime

#: How far the clocks of clients and workers may be apart.
SKEW: Final = timedelta(minutes=10)

_KNOWN_FOR: Final = 60.0
_COARSEST: Final = timedelta(seconds=1)
_SECOND: Final = timedelta(seconds=1)
_ZERO: Final = timedelta(0)


def tolerance(lease: timedelta) -> timedelta:
    """Return how far a clock may be off where leases last so long.

    A commit leaves half a lease at least, so that a writer that is behind and a collector that is ahead by this much
    lose nothing together. Some file systems tell whole seconds only, so less is not asked for.
    """
    return max(min(SKEW, lease / 8), _COARSEST)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The time of a store, read at some moment between two on a clock that goes on evenly."""

    store: SupportsTime
    time: datetime
    before: float
    after: float


class StoreTime:
    """Knows the time of a store, asked once a minute, for all who share a context."""

    def __init__(self) -> None:
        self._last: _Reading | None = None
        self._silent: tuple[Store, Clock] | None = None

    def check(self, store: Store, clock: Clock, lease: timedelta, *, latest: datetime | None = None) -> None:
        """See that what is written by this clock is not older than it says; nothing if the store tells no time.

        Args:
            store: what is written to.
            clock: the clock of this machine; one that is set by hand is not compared.
            lease: how long leases last.
            latest: a time that somebody has written; if it is still to come, the store is asked anew.

        Raises:
            ClockError: the clock is behind.
        """
        if self._silent and self._silent[0] is store and self._silent[1] is clock:
            return
        if not isinstance(store, SupportsTime) or not isinstance(clock, SupportsElapsed):
            self._silent = store, clock  # which is not looked up for each write: checks of protocols are slow
            return
        is_doubted = latest is not None and latest - clock.now() > tolerance(lease)
        reading = None if is_doubted else self._known(store, clock)
        behind, _ = _apart(reading or self._read(store, clock), clock)
        if behind > tolerance(lease):
            raise _off(store, clock, behind, "behind")

    def now(self, store: Store, clock: Clock, lease: timedelta) -> datetime:
        """Return a time that is not later than now by either clock, for who decides over the leases of others.

        Raises:
            ClockError: the clock is behind or ahead.
        """
        now = clock.now()
        if not isinstance(store, SupportsTime) or not isinstance(clock, SupportsElapsed):
            return now
        behind, ahead = _apart(self._read(store, clock), clock)
        if behind > tolerance(lease):
            raise _off(store, clock, behind, "behind")
        if ahead > tolerance(lease):
            raise _off(store, clock, ahead, "ahead of")
        return now - max(ahead, _ZERO)

    def _known(self, store: SupportsTime, clock: SupportsElapsed) -> _Reading | None:
        last = self._last
        return last if last and last.store is store and clock.elapsed() - last.before < _KNOWN_FOR else None

    def _read(self, store: SupportsTime, clock: SupportsElapsed) -> _Reading:
        before = clock.elapsed()
        self._last = _Reading(store, store.time(), before, clock.elapsed())
        return self._last


def _apart(reading: _Reading, clock: SupportsElapsed) -> tuple[timedelta, timedelta]:
    """Return how far a clock is behind the store's and ahead of it at least, however long the reading took."""
    now, elapsed = clock.now(), clock.elapsed()
    earliest = reading.time + timedelta(seconds=elapsed - reading.after)
    latest = reading.time + timedelta(seconds=elapsed - reading.before)
    return earliest - now, now - latest


def _off(store: Store, clock: Clock, by: timedelta, how: str) -> ClockError:
    return ClockError(
        f"the clock of this machine ({clock.now():%Y-%m-%d %H:%M:%S} UTC) is {timedelta(seconds=by // _SECOND)} {how} "
        f"that of {store.url}: set it (run NTP), then try again; nothing was changed"
    )
