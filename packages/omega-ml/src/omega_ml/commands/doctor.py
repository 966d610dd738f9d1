"""Command of the doctor: what is wrong with an installation, its settings and its store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from omega_domain.commands.registry import Command, command
from omega_domain.ports.diagnosis import Symptom
from omega_ml import doctor
from omega_ml.commands.workplace import Workplace


@dataclass(frozen=True, kw_only=True)
class Examine:
    """Everything is looked at; there is nothing else to say."""


# It writes an empty blob, and tells versions and paths of the machine: more than a reader of objects may see.
@command("doctor.examine", right="context:admin")
def examine(workplace: Workplace, _: Examine) -> tuple[Symptom, ...]:
    """Look for what is wrong, and say how to mend it."""
    return tuple(doctor.examine(lambda: workplace.settings))


COMMANDS: Final[tuple[Command[Any, Any, Any], ...]] = (examine,)
