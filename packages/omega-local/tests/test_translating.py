"""Errors of the database and the disk become ours, with a way out in the message."""

from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from omega_domain.errors import (
    CorruptPayloadError,
    ObjectNotFoundError,
    StoreError,
    StoreFullError,
    StoreReadOnlyError,
    StoreUnavailableError,
)
from omega_local.errors import translated

HOME = Path("/some/home")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StoreFullError),
        (sqlite3.SQLITE_IOERR_WRITE, StoreFullError),
        (sqlite3.SQLITE_READONLY, StoreReadOnlyError),
        (sqlite3.SQLITE_PERM, StoreReadOnlyError),
        (sqlite3.SQLITE_BUSY, StoreUnavailableError),
        (sqlite3.SQLITE_LOCKED, StoreUnavailableError),
        (sqlite3.SQLITE_NOTADB, StoreUnavailableError),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailableError),
        (sqlite3.SQLITE_IOERR_READ, StoreUnavailableError),
        (sqlite3.SQLITE_CORRUPT, CorruptPayloadError),
        (None, StoreUnavailableError),
    ],
)
def test_errors_of_sqlite(code: int | None, expected: type[StoreError]) -> None:
    error = sqlite3.OperationalError("words of SQLite")
    if code is not None:
        error.sqlite_errorcode = code
    with pytest.raises(expected, match=r"/some/home.*words of SQLite") as raised, translated(HOME):
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (errno.ENOSPC, StoreFullError),
        (errno.EDQUOT, StoreFullError),
        (errno.EFBIG, StoreFullError),
        (errno.EACCES, StoreReadOnlyError),
        (errno.EROFS, StoreReadOnlyError),
        (errno.EIO, StoreUnavailableError),
    ],
)
def test_errors_of_the_system(code: int, expected: type[StoreError]) -> None:
    with pytest.raises(expected, match=r"/some/home.*words of the system"), translated(HOME):
        raise OSError(code, "words of the system")


def test_our_own_errors_pass() -> None:
    with pytest.raises(ObjectNotFoundError, match="ours"), translated(HOME):
        raise ObjectNotFoundError("ours")
    with pytest.raises(StoreFullError, match=r"^ours$"), translated(HOME):
        raise StoreFullError("ours")
