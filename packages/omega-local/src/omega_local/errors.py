"""What went wrong with the database or the disk, in the errors of omega-ml and in words that help."""

from __future__ import annotations

import errno
import os
import sqlite3
from pathlib import Path
from typing import Final

from omega_domain.errors import (
    CorruptPayloadError,
    OmegaError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)

_NO_SPACE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION: Final = {errno.EACCES, errno.EPERM, errno.EROFS}
_EXTENDED_NO_SPACE: Final = {sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_TRUNCATE}


class translated:  # noqa: N801 -- used as a context manager, as those of contextlib
    """Raises errors of SQLite and of the operating system as StoreError and its children."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> None:
        """Begin to translate."""

    def __exit__(self, type_: object, error: BaseException | None, traceback: object) -> None:
        """Translate the error, if there is one."""
        if isinstance(error, sqlite3.Error | OSError) and not isinstance(error, OmegaError):
            raise translate(error, self._home) from error


def translate(error: sqlite3.Error | OSError, home: Path) -> StoreError:
    """Return what an error of SQLite or of the operating system means for the store at this home."""
    return translate_database(error, home) if isinstance(error, sqlite3.Error) else translate_system(error, home)


def translate_database(error: sqlite3.Error, home: Path) -> StoreError:
    """Return what an error of SQLite means for the store at this home."""
    extended = getattr(error, "sqlite_errorcode", 0)
    primary = extended & 0xFF
    if primary == sqlite3.SQLITE_FULL or extended in _EXTENDED_NO_SPACE:
        return _full(home, error)
    if primary in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM} or _is_locked_up(primary, home):
        return _read_only(home, error)
    if primary in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
        return StoreUnavailableError(
            f"the store in {home} is locked by another process; try again when it is done, or end it ({error})"
        )
    if primary == sqlite3.SQLITE_NOTADB:
        return StoreUnavailableError(
            f"{home / 'omega.db'} is not a database of omega-ml; move it away or restore it from a backup ({error})"
        )
    if primary == sqlite3.SQLITE_CORRUPT:
        return CorruptPayloadError(
            f"{home / 'omega.db'} is damaged; copy the whole folder, then restore it from a backup or rescue what is "
            f"readable with the .recover command of the sqlite3 shell ({error})"
        )
    return StoreUnavailableError(f"the database of the store in {home} failed: {error}; 'om doctor' tells more")


def translate_system(error: OSError, home: Path) -> StoreError:
    """Return what an error of the operating system means for the store at this home."""
    if error.errno in _NO_SPACE:
        return _full(home, error)
    if error.errno in _NO_PERMISSION:
        return _read_only(home, error)
    return StoreUnavailableError(f"the store in {home} can not be used: {error}; check OMEGA_HOME or home=")


def _is_locked_up(primary: int, home: Path) -> bool:
    return primary == sqlite3.SQLITE_CANTOPEN and home.is_dir() and not os.access(home, os.W_OK)


def _full(home: Path, error: Exception) -> StoreFullError:
    return StoreFullError(
        f"no space left for the store in {home}; nothing was changed. Free some space, or run 'om gc' ({error})"
    )


def _read_only(home: Path, error: Exception) -> StoreReadOnlyError:
    return StoreReadOnlyError(
        f"the store in {home} may not be written; get the permission or choose another home ({error})"
    )
