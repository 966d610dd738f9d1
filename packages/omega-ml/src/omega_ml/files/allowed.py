"""Memory of project files that the user has read and allowed: by their path and the hash of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from omega_domain.errors import SettingsError
from omega_ml.files.own import read_own
from omega_ml.private_files import replace_file

FOLDER: Final = "allowed"


class AllowedFiles:
    """Remembers for each path the content that the user allowed last, in the folder of the user's configuration.

    Args:
        environ: the environment, which says where that folder is.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        home = Path(environ.get("HOME") or Path.home())
        self._folder = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "omega" / FOLDER

    def knows(self, path: Path) -> bool:
        """Tell whether any content of a file was allowed."""
        return self._note(path).is_file()

    def has(self, path: Path, content: bytes) -> bool:
        """Tell whether this content of a file was allowed."""
        with suppress(OSError):
            return read_own(self._note(path)) == _words(path, content)
        return False

    def add(self, path: Path, content: bytes) -> None:
        """Allow this content of a file. Raises SettingsError."""
        try:
            replace_file(self._note(path), _words(path, content).decode())
        except OSError as error:
            raise SettingsError(f"{self._folder} can not be written: {error}; mend its permissions") from error

    def _note(self, path: Path) -> Path:
        return self._folder / hashlib.sha256(str(_spelled(path)).encode(errors="surrogateescape")).hexdigest()


def _words(path: Path, content: bytes) -> bytes:
    return f"{hashlib.sha256(content).hexdigest()} {str(_spelled(path))!r}\n".encode(errors="backslashreplace")


def _spelled(path: Path) -> Path:
    """Return the one spelling of a path; a link at its end stays."""
    return path.parent.resolve() / path.name
