"""The registry of all commands: those of the core, and those that need settings, files or keys."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any, Final

from omega_domain.commands.registry import Command, core_commands, registry_of

#: The modules whose ``COMMANDS`` are added to the registry of the core.
MODULES: Final = ("objects", "promotion", "contexts", "settings", "keys", "doctor")


@cache
def commands() -> Mapping[str, Command[Any, Any, Any]]:
    """Return all commands, by name."""
    modules = [import_module(f"omega_ml.commands.{name}") for name in MODULES]
    ours = [each for module in modules for each in module.COMMANDS]
    return registry_of([*core_commands().values(), *ours])
