"""Times as whole numbers, so that SQLite compares them exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def to_number(time: datetime) -> int:
    """Return microseconds since 1970; the time must be aware."""
    return (time - _EPOCH) // _MICROSECOND


def from_number(number: int) -> datetime:
    """Rebuild a time in UTC from :func:`to_number`."""
    return _EPOCH + timedelta(microseconds=number)
