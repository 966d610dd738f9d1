"""Commands on settings: every value, and what set it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_ml.commands.workplace import Workplace
from omega_ml.settings import Settings


@dataclass(frozen=True, kw_only=True)
class ShowSettings:
    """The settings of the context that is used are asked for; there is nothing else to say."""


@dataclass(frozen=True, kw_only=True)
class SettingFacts:
    """A setting.

    Attributes:
        name: its name.
        value: its value as text, without secrets.
        source: what set it.
    """

    name: str
    value: str
    source: str


def facts_of(settings: Settings) -> tuple[SettingFacts, ...]:
    """Return every setting."""
    return tuple(SettingFacts(**each) for each in settings.to_plain())


@command("settings.show", right="context:read")
def show(workplace: Workplace, _: ShowSettings) -> tuple[SettingFacts, ...]:
    """Show every setting, and what set it."""
    return facts_of(workplace.settings)


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (show,)
