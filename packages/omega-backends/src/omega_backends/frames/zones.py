"""Time zones as plain JSON."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from omega_domain.errors import UnsupportedObjectError


def zone_to_plain(zone: tzinfo | None) -> Any:
    """Return a time zone in plain JSON types: None, seconds east of UTC, or the name of one of zoneinfo.

    Raises:
        UnsupportedObjectError: the zone has no name by which it could be found again.
    """
    if zone is None:
        return None
    if type(zone) is timezone:
        return zone.utcoffset(None).total_seconds()
    if isinstance(zone, ZoneInfo) and zone.key:
        return zone.key
    raise UnsupportedObjectError(
        f"the time zone {zone!r} can not be kept; convert to one of zoneinfo, such as tz_convert('Europe/Zurich')"
    )


def zone_from_plain(plain: Any) -> tzinfo | None:
    """Rebuild a time zone from :func:`zone_to_plain`."""
    if plain is None:
        return None
    if isinstance(plain, int | float):
        return timezone(timedelta(seconds=plain)) if plain else UTC
    return ZoneInfo(plain)
