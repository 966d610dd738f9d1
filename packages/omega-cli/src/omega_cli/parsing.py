"""Parsing: values, attributes and filters as they are written on a command line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import typer


def pairs(items: Iterable[str], *, option: str) -> dict[str, Any]:
    """Return a dict from ``key=value`` items; a value is JSON, or else text.

    Raises:
        typer.BadParameter: an item is not of this form.
    """
    return {key: value_of(text) for key, text in (_split(item, option) for item in items)}


def value_of(text: str) -> Any:
    """Return what the text means as JSON, or the text itself."""
    from omega_domain.commands.conditions import value_of

    return value_of(text)


def conditions(items: Iterable[str]) -> tuple[str, ...]:
    """Return ``column__operator=value`` items as they are.

    Raises:
        typer.BadParameter: an item is not of this form.
    """
    return tuple("=".join(_split(item, "--where")) for item in items)


def duration(text: str | None, *, option: str) -> timedelta | None:
    """Return a duration such as ``90s``, ``15m``, ``1h30m``, ``7d``; None from None.

    Raises:
        typer.BadParameter: it is of another form.
    """
    from omega_ml.setting_forms import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from error


def moment(text: str | None, *, option: str) -> datetime | None:
    """Return a time such as ``2030-01-31T18:00``, in UTC if it names no other zone; None from None.

    Raises:
        typer.BadParameter: it is of another form.
    """
    try:
        when = None if text is None else datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"write a time as 2030-01-31T18:00, not {text!r}", param_hint=option) from error
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _split(item: str, option: str) -> tuple[str, str]:
    key, equals, value = item.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"write {option} name=value, not {item!r}", param_hint=option)
    return key, value
