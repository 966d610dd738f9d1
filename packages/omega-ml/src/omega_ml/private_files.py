"""Files and folders that nobody but their user can read, written whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def private_folder(folder: Path) -> Path:
    """Make a folder, and those above it that are missing; return it."""
    for each in [*reversed(folder.parents), folder]:
        each.mkdir(mode=0o700, exist_ok=True)
    return folder


def make_file(path: Path, text: str) -> None:
    """Write a file that nobody else can read, unless somebody is faster: then theirs stays."""
    part = _written(path, text)
    try:
        os.link(part, path)
    except FileExistsError:
        pass
    finally:
        part.unlink()


def replace_file(path: Path, text: str) -> None:
    """Write a file that nobody else can read, in place of what is there."""
    _written(path, text).replace(path)


def _written(path: Path, text: str) -> Path:
    part = private_folder(path.parent) / f".{path.name}.{secrets.token_hex(8)}"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return part
