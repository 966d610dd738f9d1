"""Project files: the nearest ``omega.toml`` from a folder upwards that nobody else can have put there.

Whoever can write to a folder above the current one can leave a file there, so one of others is skipped, with a line
that says so. ``om context allow`` remembers that the user has read a file; a change of its content ends that.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omega_domain.errors import SettingsError
from omega_ml.files.allowed import AllowedFiles
from omega_ml.files.own import NotOwnError, read_own


@dataclass(frozen=True, slots=True)
class ProjectFile:
    """The file of a project.

    Attributes:
        path: where it is.
        content: what it holds.
        is_allowed: whether the user has allowed this content.
    """

    path: Path
    content: bytes = field(repr=False)
    is_allowed: bool


def files_upwards(name: str, folder: Path) -> Iterator[Path]:
    """Iterate over the files of a name in a folder and those above it, the nearest first."""
    return (path for parent in (folder, *folder.parents) if (path := parent / name).is_file())


def look_for(
    name: str, folder: Path, environ: Mapping[str, str], *, user: Path | None
) -> tuple[ProjectFile | None, list[str]]:
    """Return the project's file, if there is one, and why nearer ones were skipped.

    Args:
        name: of the file.
        folder: where the search begins.
        environ: the environment, which says where it is remembered what was allowed.
        user: the user's own file, at which the search ends.

    Raises:
        SettingsError: the file can not be read.
    """
    skipped: list[str] = []
    for path in files_upwards(name, folder):
        if user is not None and path.samefile(user):
            break
        try:
            return _read(path, AllowedFiles(environ)), skipped
        except NotOwnError as error:
            mend = f"if you have read it and agree, om context allow {shlex.quote(str(path))}"
            skipped.append(f"{path} is not used: {error}; {mend}")
        except OSError as error:
            raise SettingsError(f"{path} can not be read: {error}; mend or remove it") from error
    return None, skipped


def _read(path: Path, allowed: AllowedFiles) -> ProjectFile:
    try:
        content = read_own(path)
    except NotOwnError:
        if not allowed.knows(path) or not allowed.has(path, content := path.read_bytes()):
            raise
        return ProjectFile(path, content, is_allowed=True)
    return ProjectFile(path, content, is_allowed=allowed.has(path, content))
