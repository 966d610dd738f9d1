"""Settings files: finding and reading ``omega.toml``, the project's and the user's."""

from __future__ import annotations

import difflib
import tomllib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omega_domain.errors import SettingsError
from omega_ml.files.allowed import AllowedFiles
from omega_ml.files.own import NotOwnError, read_own
from omega_ml.files.project import files_upwards, look_for
from omega_ml.setting_forms import FORMS

FILE_NAME = "omega.toml"
#: What the table of a context may hold beside settings.
PROTECTED = "protected"
TABLE_KEYS = (*(name for name in FORMS if name != "context"), PROTECTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsFile:
    """What an ``omega.toml`` says: its top-level settings, and those of each context.

    Attributes:
        path: where it is.
        settings: its top-level settings.
        contexts: the settings of each context.
        is_allowed: whether it may say everything: it is the user's own, or the user has allowed this content.
            Others come with the folder of a project, perhaps from somebody else.
    """

    path: Path
    is_allowed: bool = True
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)  # they may hold secrets
    contexts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)


def find_files(environ: Mapping[str, str], folder: Path) -> list[SettingsFile]:
    """Return the project's and the user's file, those that exist, the project's first.

    The project's is the nearest ``omega.toml`` from the folder upwards; the user's is ``~/.omega/omega.toml``, or
    ``omega/omega.toml`` in the folder of the user's configuration. A project's file that others own or can write is
    skipped with a warning, unless the user has allowed its content.

    Raises:
        SettingsError: a file can not be read, is not TOML, or holds an unknown key; or others can write the user's.
    """
    user = _first_file(user_places(environ))
    project, skipped = look_for(FILE_NAME, folder, environ, user=user)
    for why in skipped:
        warnings.warn(why, stacklevel=1)  # from one place, so that it is said once
    found = [_parsed(project.path, project.content, is_allowed=project.is_allowed)] if project else []
    return [*found, read_file(user)] if user else found


def project_file(environ: Mapping[str, str], folder: Path) -> Path:
    """Return the project's ``omega.toml``: the nearest upwards that is used, or where it would be."""
    found, _ = look_for(FILE_NAME, folder, environ, user=None)
    return found.path if found else folder / FILE_NAME


def allow_file(environ: Mapping[str, str], path: Path) -> SettingsFile:
    """Let the file of a project say everything, until its content changes; return what it says.

    Raises:
        SettingsError: it can not be read, or is no file of settings; it is not allowed then.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} can not be read: {error}; name the omega.toml that is to be allowed") from error
    found = _parsed(path, content)
    AllowedFiles(environ).add(path, content)
    return found


def nearest_file(folder: Path) -> Path:
    """Return the nearest ``omega.toml`` from a folder upwards, whoever has put it there, or where it would be."""
    return next(iter(files_upwards(FILE_NAME, folder)), folder / FILE_NAME)


def user_file(environ: Mapping[str, str]) -> Path:
    """Return the user's ``omega.toml``, or where it would be."""
    places = user_places(environ)
    return _first_file(places) or places[0]


def user_places(environ: Mapping[str, str]) -> list[Path]:
    """Return where the user's file may be, the first that exists counts."""
    home = Path(environ.get("HOME") or Path.home())
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    return [home / ".omega" / FILE_NAME, config / "omega" / FILE_NAME]


def read_file(path: Path) -> SettingsFile:
    """Read the user's own ``omega.toml``.

    Raises:
        SettingsError: others own it or can write it, it can not be read, is not TOML, or holds an unknown key.
    """
    try:
        return _parsed(path, read_own(path))
    except NotOwnError as error:
        raise SettingsError(f"{path} is your own file of settings, but {error}: chown and chmod 600 {path}") from error
    except OSError as error:
        raise SettingsError(f"{path} can not be read: {error}; mend or remove it") from error


def _parsed(path: Path, text: bytes, *, is_allowed: bool = True) -> SettingsFile:
    try:
        content = tomllib.loads(text.decode())
    except UnicodeDecodeError as error:
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
    return SettingsFile(path=path, settings=content, contexts=contexts, is_allowed=is_allowed)


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
