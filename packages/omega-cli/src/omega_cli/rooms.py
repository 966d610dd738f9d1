"""The rooms of the registry of commands; each is imported when it is used first, since that takes longer than help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from omega_domain.commands import archives, logs, objects, promotion, tasks, upkeep, workers
    from omega_ml.commands import contexts, doctor, keys, settings
    from omega_ml.commands import objects as files
    from omega_ml.commands import promotion as promoting

__all__ = ["archives", "logs", "objects", "promotion", "tasks", "upkeep", "workers"]
__all__ += ["contexts", "doctor", "files", "keys", "promoting", "settings"]

#: Rooms of omega_ml, and the names of their modules there.
_OF_ML: Final = {name: name for name in ("contexts", "doctor", "keys", "settings")} | {
    "files": "objects",
    "promoting": "promotion",
}


def __getattr__(name: str) -> Any:
    """Import a room."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(name)
    return import_module(f"omega_ml.commands.{_OF_ML[name]}" if name in _OF_ML else f"omega_domain.commands.{name}")
