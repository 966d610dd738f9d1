"""Settings files: finding and reading ``omega.toml``, the project's and the user's."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omega_domain.errors import SettingsError
from omega_ml.setting_forms import FORMS

FILE_NAME = "omega.toml"
#: What the table of a context may hold beside settings.
PROTECTED = "protected"
TABLE_KEYS = (*(name for name in FORMS if name != "context"), PROTECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What an ``omega.toml`` says: its top-level settings, and those of each context."""

    path: Path
    settings: Mapping[str, Any] = field(default_factory=dict)
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def find_files(environ: Mapping[str, str], folder: Path) -> list[SettingsFile]:
    """Return the project's and the user's file, those that exist, the project's first.

    The project's is the nearest ``omega.toml`` from the folder upwards; the user's is ``~/.omega/omega.toml``, or
    ``omega/omega.toml`` in the folder of the user's configuration.

    Raises:
        SettingsError: a file can not be read, is not TOML, or holds an unknown key.
    """
    found = [path for path in (_first_file(project_places(folder)), _first_file(user_places(environ))) if path]
    return [read_file(path) for path in dict.fromkeys(found)]


def project_file(folder: Path) -> Path:
    """Return the project's ``omega.toml``: the nearest upwards, or where it would be."""
    places = project_places(folder)
    return _first_file(places) or places[0]


def user_file(environ: Mapping[str, str]) -> Path:
    """Return the user's ``omega.toml``, or where it would be."""
    places = user_places(environ)
    return _first_file(places) or places[0]


def project_places(folder: Path) -> list[Path]:
    """Return where the project's file may be, the nearest first."""
    return [parent / FILE_NAME for parent in (folder, *folder.parents)]


def user_places(environ: Mapping[str, str]) -> list[Path]:
    """Return where the user's file may be, the first that exists counts."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [home / ".omega" / FILE_NAME, config / "omega" / FILE_NAME]


def read_file(path: Path) -> SettingsFile:
    """Read one ``omega.toml``.

    Raises:
        SettingsError: it can not be read, is not TOML, or holds an unknown key.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can not be read: {error}; mend or remove it") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}; mend that line") from error
    contexts = content.pop("contexts", {})
    if not isinstance(contexts, Mapping) or not all(isinstance(table, Mapping) for table in contexts.values()):
        raise SettingsError(f"{path}: contexts is not a set of tables; write [contexts.dev] and its settings below it")
    _check_keys(path, "", content)
    for name, table in contexts.items():
        _check_keys(path, f" in [contexts.{name}]", table, known=TABLE_KEYS)
        if not isinstance(table.get(PROTECTED, False), bool):
            raise SettingsError(f"{path}: protected in [contexts.{name}] is neither true nor false; write one of them")
    return SettingsFile(path=path, settings=content, contexts=contexts)


def unknown_key(name: str, known: Iterable[str] = FORMS) -> str:
    """Return the words for a setting that does not exist: the nearest, and all there are."""
    known = list(known)
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    return f"an unknown setting {name!r}; {hint}there are: {', '.join(known)}"


def _check_keys(path: Path, where: str, table: Mapping[str, Any], *, known: Iterable[str] = FORMS) -> None:
    for name in table:
        if name not in known:
            raise SettingsError(f"{path} has{where} {unknown_key(name, known)}")


def _first_file(paths: Iterable[Path]) -> Path | None:
    return next((path for path in paths if path.is_file()), None)
