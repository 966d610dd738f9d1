"""Writing below a folder by names that come from a store: nothing is written elsewhere, whatever the names are."""

from __future__ import annotations

import os
import shutil
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import IO, Final

BUFFER: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file that is to be written.

    Attributes:
        name: path below the folder, with ``/`` between its parts.
        open: opens its content for reading.
        mode: permissions; None for those that new files get.
        modified: when it was last modified, in seconds since 1970; None for now.
    """

    name: str
    open: Callable[[], AbstractContextManager[IO[bytes]]]
    mode: int | None = None
    modified: float | None = None


def is_plain_name(text: object) -> bool:
    r"""Tell whether a text names a file in a folder, on every system: no ``/``, no ``\``, no drive, nothing hidden."""
    if not isinstance(text, str) or text in {"", ".", ".."} or set(text) & {"/", "\\"}:
        return False
    return not PureWindowsPath(text).drive and all(unicodedata.category(sign) != "Cc" for sign in text)


def check_names(files: Iterable[str], folders: Iterable[str] = ()) -> None:
    """Raise if names can not be written below a folder, each in its own place.

    Raises:
        ValueError: a name leaves the folder, is there twice, or is a file that others are below.
    """
    seen: dict[str, bool] = {}
    for name, is_file in [*((name, True) for name in files), *((name, False) for name in folders)]:
        if not all(is_plain_name(part) for part in name.split("/")):
            raise ValueError(f"{name!r} is no name below a folder")
        if name in seen:
            raise ValueError(f"{name!r} is there twice")
        seen[name] = is_file
    for name in seen:
        for above in _parents(name):
            if seen.get(above):
                raise ValueError(f"{above!r} is a file, and {name!r} is below it")


def write_inside(folder: Path, files: Sequence[NewFile], folders: Sequence[str] = ()) -> None:
    """Write files below a folder, over those that are there; all is checked before anything is written.

    A link in place of a file is replaced, so what it points to stays as it is. A link in place of a folder is an error.

    Args:
        folder: the folder, which is made if it is not there.
        files: the files; folders above them are made.
        folders: further folders.

    Raises:
        ValueError: see :func:`check_names`.
        FileExistsError: something that is there is in the way.
    """
    check_names([file.name for file in files], folders)
    wanted = sorted(
        {*folders, *(above for name in [*folders, *(file.name for file in files)] for above in _parents(name))}
    )
    for name in wanted:
        _check_folder(folder / name)
    for file in files:
        _check_file(folder / file.name)
    folder.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        (folder / name).mkdir(exist_ok=True)
        _check_folder(folder / name)
    for file in files:
        write_file(folder / file.name, file)


def write_file(path: Path, file: NewFile) -> None:
    """Write a file at once: it is there whole, or the old one stays; what a link there points to stays, too."""
    made = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")
    try:
        with file.open() as content, made.open("xb") as copy:
            shutil.copyfileobj(content, copy, BUFFER)
        if file.mode is not None:
            made.chmod(file.mode)
        if file.modified is not None:
            os.utime(made, (file.modified, file.modified))
        made.replace(path)
    finally:
        made.unlink(missing_ok=True)


def _parents(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _check_folder(path: Path) -> None:
    # a link may lead out of the folder, and others may have put it there before
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        what = "a link" if path.is_symlink() else "a file"
        raise FileExistsError(f"nothing was written below {path}: it is {what}, where a folder has to be; move it away")


def _check_file(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        raise FileExistsError(f"{path} was not written: a folder is there; move it away, or give another folder")
