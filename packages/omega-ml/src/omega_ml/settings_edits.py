"""Edits of ``omega.toml`` that leave everything else in the file as it is: comments, order, line ends, permissions.

The text is edited by lines. The outcome is read again, and written only if it has the settings that were asked for.
"""

from __future__ import annotations

import json
import os
import re
import stat
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from omega_domain.errors import SettingsError
from omega_ml.files.own import read_own

_CONTEXTS: Final = "contexts"
_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")
_TEXT_VALUE: Final = re.compile(r"""(\s*[\w"']+\s*=\s*)(?:"(?:[^"\\]|\\.)*"|'[^']*')(.*)""")
_FOLDER_MODE: Final = 0o700


def set_value(path: Path, name: str, value: str) -> None:
    """Set a setting of text above all tables; the file is made if there is none.

    Raises:
        SettingsError: the file can not be read or written, or only be edited by hand; it is as it was.
    """
    _edit(path, f"{name} = {_quoted(value)}", lambda lines: _with_value(lines, name, value), {(name,): value})


def add_context(path: Path, name: str, table: Mapping[str, str | bool]) -> None:
    """Add the table of a context; the file is made if there is none.

    Raises:
        SettingsError: the file can not be read or written, or only be edited by hand; it is as it was.
    """
    added = [f"[{_CONTEXTS}.{_key(name)}]", *(f"{_key(key)} = {_quoted(value)}" for key, value in table.items())]
    _edit(path, " ".join(added), lambda lines: _with_end(lines, added), {(_CONTEXTS, name): dict(table)})


def remove_context(path: Path, name: str) -> None:
    """Remove the table of a context, and the tables in it.

    Raises:
        SettingsError: the file can not be read or written, or only be edited by hand; it is as it was.
    """
    words = f"no [{_CONTEXTS}.{_key(name)}]"
    _edit(path, words, lambda lines: _without_table(lines, (_CONTEXTS, name)), {(_CONTEXTS, name): None})


def _edit(
    path: Path, words: str, change: Callable[[list[str]], list[str]], expected: Mapping[tuple[str, ...], Any]
) -> None:
    old = _read(path)
    end = "\r\n" if "\r\n" in old else "\n"
    new = end.join(change(old.split(end) if old else []))
    if not _means(new, old, expected):
        raise SettingsError(f"{path} can not be edited here, nothing was changed: edit it, so that it has {words}")
    if _read(path) != old:
        raise SettingsError(f"{path} was changed by somebody else at the same time: try again")
    _write(path.resolve(), new)


def _means(new: str, old: str, expected: Mapping[tuple[str, ...], Any]) -> bool:
    """Tell whether a text has the settings of another one, apart from the intended change."""
    try:
        content, before = tomllib.loads(new), tomllib.loads(old)
    except tomllib.TOMLDecodeError:
        return False
    for (*tables, name), value in expected.items():
        inner = before
        for table in tables:
            inner = inner.setdefault(table, {})
        inner[name] = value
        if value is None:
            del inner[name]
    return content | {_CONTEXTS: content.get(_CONTEXTS, {})} == before | {_CONTEXTS: before.get(_CONTEXTS, {})}


def _with_value(lines: list[str], name: str, value: str) -> list[str]:
    end = next((i for i, line in enumerate(lines) if _header(line)), len(lines))
    keys = [i for i in range(end) if lines[i].strip() and not lines[i].lstrip().startswith("#")]
    for i in keys:
        if _is_of(lines[i], name) and (found := _TEXT_VALUE.fullmatch(lines[i])):
            return [*lines[:i], f"{found[1]}{_quoted(value)}{found[2]}", *lines[i + 1 :]]
    place = keys[-1] + 1 if keys else _below_title(lines)
    behind = lines[place:] or [""]
    gap = [""] if behind[0].strip() else []
    return [*lines[:place], f"{name} = {_quoted(value)}", *gap, *behind]


def _below_title(lines: list[str]) -> int:
    """Return where the comments end that a file begins with, if they stand for themselves."""
    count = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return count if count == len(lines) or not lines[count].strip() else 0


def _with_end(lines: list[str], added: list[str]) -> list[str]:
    kept = _stripped(lines)
    return [*kept, *([""] if kept else []), *added, ""]


def _without_table(lines: list[str], keys: tuple[str, ...]) -> list[str]:
    """Leave out a table; comments right above the next one are of that one."""
    kept: list[str] = []
    table: list[str] = []
    is_inside = False
    for line in lines:
        if header := _header(line):
            kept = _joined(kept, table)
            is_inside, table = header[: len(keys)] == keys, []
        (table if is_inside else kept).append(line)
    return [*_stripped(_joined(kept, table)), ""]


def _joined(kept: list[str], table: list[str]) -> list[str]:
    """Leave out a table; a comment right above it stays, and is not taken for one of what follows."""
    gap = [""] if table and kept and kept[-1].strip() else []
    return [*kept, *gap, *_comments_below(table)]


def _comments_below(table: list[str]) -> list[str]:
    """Return the comments behind an empty line at the end of a table."""
    last = next((i for i in reversed(range(len(table))) if table[i].strip() and not table[i].startswith("#")), -1)
    below = table[last + 1 :]
    first = next((i for i, line in enumerate(below) if not line.strip()), len(below))
    comments = below[first + 1 :]
    return comments if any(line.strip() for line in comments) else []


def _stripped(lines: list[str]) -> list[str]:
    """Return lines without empty ones at the end."""
    count = len(lines)
    while count and not lines[count - 1].strip():
        count -= 1
    return lines[:count]


def _header(line: str) -> tuple[str, ...]:
    """Return the keys of the table that a line begins; nothing if it begins none."""
    if not line.lstrip().startswith("["):
        return ()
    keys: list[str] = []
    with suppress(tomllib.TOMLDecodeError):
        inner: Any = tomllib.loads(line.strip())
        while isinstance(inner, dict) and inner:
            ((key, inner),) = inner.items()
            keys.append(key)
    return tuple(keys)


def _is_of(line: str, name: str) -> bool:
    return line.partition("=")[0].strip().strip("\"'") == name


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _quoted(name)


def _quoted(value: str | bool) -> str:  # noqa: FBT001 -- it is a value, not an option
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _read(path: Path) -> str:
    try:
        return read_own(path).decode()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} can not be read: {error}; mend or remove it") from error


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole; a new one can be read by nobody else."""
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "wb") as file:
                if path.exists():
                    os.fchmod(number, stat.S_IMODE(path.stat().st_mode))
                file.write(text.encode())
                file.flush()
                os.fsync(number)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SettingsError(f"{path} can not be written: {error.strerror}; nothing was changed") from error
