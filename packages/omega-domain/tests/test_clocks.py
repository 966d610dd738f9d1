"""How the clock of this machine is compared with the store's: rarely, and never to the disadvantage of slow lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryStore
from omega_domain.errors import ClockError
from omega_domain.ports.clock import SupportsElapsed
from omega_domain.ports.store import SupportsTime
from omega_domain.repository.clocks import SKEW, StoreTime, tolerance

LEASE = timedelta(hours=1)
ZERO = timedelta(0)
START = datetime(2030, 1, 1, tzinfo=UTC)


class MachineClock(ManualClock, SupportsElapsed):
    """A clock that can be set, and one that goes on evenly."""

    seconds = 0.0

    def elapsed(self) -> float:
        return self.seconds

    def run(self, seconds: float) -> None:
        self.seconds += seconds
        self.advance(timedelta(seconds=seconds))


class TimedStore(MemoryStore, SupportsTime):
    """A store whose time is behind or ahead of the machine's, over a line that is slow."""

    def __init__(self, machine: MachineClock) -> None:
        super().__init__(clock=machine)
        self.machine = machine
        self.off = ZERO
        self.slow = 0.0
        self.asked = 0

    def time(self) -> datetime:
        self.asked += 1
        now = self.machine.now() + self.off
        self.machine.run(self.slow)
        return now


@pytest.fixture
def machine() -> MachineClock:
    return MachineClock(START)


@pytest.fixture
def store(machine: MachineClock) -> TimedStore:
    return TimedStore(machine)


@pytest.mark.parametrize(
    ("lease", "expected"),
    [
        (timedelta(days=7), SKEW),
        (LEASE, LEASE / 8),
        (timedelta(minutes=1), timedelta(seconds=7.5)),
        (ZERO, timedelta(seconds=1)),
    ],
)
def test_the_tolerance_is_far_below_a_lease(lease: timedelta, expected: timedelta) -> None:
    assert tolerance(lease) == expected


def test_the_store_is_asked_once_a_minute(store: TimedStore, machine: MachineClock) -> None:
    known = StoreTime()
    for _ in range(10):
        known.check(store, machine, LEASE)
        machine.run(5.9)
    assert store.asked == 1
    machine.run(1.1)
    known.check(store, machine, LEASE)
    assert store.asked == 2
    known.check(TimedStore(machine), machine, LEASE)
    assert store.asked == 2


def test_a_slow_answer_accuses_no_clock(store: TimedStore, machine: MachineClock) -> None:
    store.slow = 3600.0
    StoreTime().check(store, machine, LEASE)
    start = machine.now()
    assert StoreTime().now(store, machine, LEASE) == start


def test_a_machine_that_was_suspended_is_found_out_by_what_others_wrote(
    store: TimedStore, machine: MachineClock
) -> None:
    known = StoreTime()
    known.check(store, machine, LEASE)
    store.off = timedelta(hours=2)  # all clocks of the machine stood still
    known.check(store, machine, LEASE)
    with pytest.raises(ClockError, match=r"is 2:00:00 behind that of memory://memory: set it \(run NTP\), then try"):
        known.check(store, machine, LEASE, latest=machine.now() + timedelta(hours=1))


def test_what_a_clock_that_is_ahead_wrote_stops_nobody(store: TimedStore, machine: MachineClock) -> None:
    known = StoreTime()
    for _ in range(2):
        known.check(store, machine, LEASE, latest=machine.now() + timedelta(days=1))
    assert store.asked == 2


def test_a_collector_goes_by_the_earlier_clock(store: TimedStore, machine: MachineClock) -> None:
    assert StoreTime().now(store, machine, LEASE) == machine.now()
    store.off = timedelta(minutes=-5)
    assert StoreTime().now(store, machine, LEASE) == machine.now() - timedelta(minutes=5)
    store.off = timedelta(minutes=5)
    assert StoreTime().now(store, machine, LEASE) == machine.now()
    for off, said in ((timedelta(hours=1), "behind that of"), (timedelta(hours=-1), "ahead of that of")):
        store.off = off
        with pytest.raises(ClockError, match=f"is 1:00:00 {said}"):
            StoreTime().now(store, machine, LEASE)


def test_what_tells_no_time_is_not_compared(store: TimedStore) -> None:
    hand = ManualClock()
    StoreTime().check(store, hand, LEASE)
    assert StoreTime().now(store, hand, LEASE) == hand.now()
    assert store.asked == 0
    machine = MachineClock(START)
    StoreTime().check(MemoryStore(), machine, LEASE)
    assert StoreTime().now(MemoryStore(), machine, LEASE) == START
