"""The manual clock stands still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory import ManualClock, open_store


def test_it_stands_still_until_it_is_told_to_go_on() -> None:
    clock = ManualClock()
    start = clock.now()
    assert clock.now() == start
    assert clock.advance(timedelta(days=1)) == start + timedelta(days=1) == clock.now()


def test_it_tells_utc_wherever_it_was_set() -> None:
    clock = ManualClock(datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1))))
    assert clock.now().tzinfo is UTC
    assert clock.now() == datetime(2023, 12, 31, 23, tzinfo=UTC)


def test_the_clock_of_the_system_tells_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_opened_stores_are_empty_and_named() -> None:
    metadata, store = open_store("memory://mine")
    assert (store.url, metadata.buckets(), store.collections()) == ("memory://mine", [], [])
    assert open_store("memory://")[1].url == "memory://memory"
