"""Files that steer omega-ml, read only if nobody but the user and root can have written them."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Final

_OTHERS_WRITE: Final = stat.S_IWOTH
_GROUP_WRITES: Final = stat.S_IWGRP
_ROOT: Final = 0


class NotOwnError(PermissionError):
    """A file or folder that somebody else owns, or can write; the message says who."""


def read_own(path: Path) -> bytes:
    """Return the content of a file.

    Raises:
        NotOwnError: others own it, or can write it; or a link of others leads to it.
        OSError: it can not be read.
    """
    check_own(path)  # first: what belongs to others is named, even if they forbid reading it
    with path.open("rb") as file:
        _check(os.fstat(file.fileno()))
        return file.read()


def check_own(path: Path, *, spares_sticky: bool = False) -> None:
    """See that nobody but the user and root owns a file or folder, or can write it.

    Args:
        path: of the file or folder, or of a link to it.
        spares_sticky: take a folder such as ``/tmp``, where nobody can move what belongs to others.

    Raises:
        NotOwnError: somebody else does.
        OSError: it is not there.
    """
    link = path.lstat()
    if stat.S_ISLNK(link.st_mode):
        _check_owner(link)
    found = path.stat()
    if spares_sticky and found.st_mode & stat.S_ISVTX:
        _check_owner(found)
    else:
        _check(found)


def _check(found: os.stat_result) -> None:
    _check_owner(found)
    is_open = found.st_mode & _OTHERS_WRITE or (found.st_mode & _GROUP_WRITES and not _is_private(found.st_gid))
    if is_open:
        raise NotOwnError(f"others can write it (mode {stat.S_IMODE(found.st_mode):o})")


def _check_owner(found: os.stat_result) -> None:
    if found.st_uid not in {_ROOT, os.geteuid()}:
        raise NotOwnError(f"it belongs to {_name(found.st_uid)}")


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"the user {uid}"


def _is_private(gid: int) -> bool:
    """Tell whether a group is root's, or the user's alone: many systems make one for each user, and let it write."""
    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(gid)
    except KeyError:
        return gid == _ROOT
    is_user_s = group.gr_name == user.pw_name and user.pw_gid == gid and set(group.gr_mem) <= {user.pw_name}
    return gid == _ROOT or is_user_s
