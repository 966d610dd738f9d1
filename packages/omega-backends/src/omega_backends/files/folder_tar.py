"""Folders as tars: files and folders only, so that nothing in a tar can lead out of where it is unpacked."""

from __future__ import annotations

import os
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

from omega_backends.files.writing_inside import NewFile, check_names, write_inside
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError

if TYPE_CHECKING:
    from omega_domain.ports.store import FileWriter

#: What ``os.utime`` takes on every system; other times are left out.
_LAST_TIME: Final = 1 << 32
_FILE_MODE: Final = 0o755
_OWNERS: Final = 0o600


def pack(folder: Path, file: FileWriter, name: str) -> None:
    """Write a folder as a tar, in order of names, without owners; refuse what could not be unpacked again.

    A link to a file of the folder, also a hard one, is written as the content of that file.

    Raises:
        UnsupportedObjectError: something in the folder is a link that leads out of it or to a folder, is neither file
            nor folder, or has a name that is a path on other systems.
    """
    paths = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*"))}
    for path in paths.values():
        _check_path(path, folder, name)
    try:
        check_names((), paths)
    except ValueError as error:
        raise UnsupportedObjectError(f"{name!r} can not be put: {error}; rename it, or take it away") from error
    # dereference: else tarfile writes the second name of a file as a link to the first one
    with tarfile.open(  # type: ignore[call-overload]  # any writer has write()
        fileobj=file, mode="w|", format=tarfile.PAX_FORMAT, dereference=True
    ) as tar:
        for inner, path in paths.items():
            tar.add(path, inner, recursive=False, filter=_without_owner)


def unpack(file: IO[bytes], folder: Path, name: str) -> Path:
    """Unpack a tar into a folder, over what is there; all of it is checked before anything is written.

    Former versions stored links. Of these, one to a file in the tar is written as the content of that file.

    Raises:
        CorruptPayloadError: it is no such tar, or something in it would be written outside of the folder.
        FileExistsError: a link or file is where a folder has to be, or a folder where a file has to be.
    """
    try:
        with tarfile.open(fileobj=file, mode="r:") as tar:
            members = tar.getmembers()
            write_inside(folder, list(_files(tar, members)), [member.name for member in members if member.isdir()])
    except (tarfile.TarError, ValueError, OverflowError, EOFError) as error:
        raise CorruptPayloadError(
            f"{name!r} was not unpacked: {error}. Get it without path to read the tar as it is, or put the folder again"
        ) from error
    return folder


def _check_path(path: Path, folder: Path, name: str) -> None:
    target = Path(os.path.realpath(path))  # resolve() raises if links are a ring
    if path.is_symlink() and not (target.is_file() and target.is_relative_to(folder.resolve())):
        raise UnsupportedObjectError(
            f"{name!r} can not be put: {path} is a link that leads out of the folder, to a folder, or nowhere; "
            "put what it points to in its place"
        )
    if not (path.is_file() or path.is_dir()):
        raise UnsupportedObjectError(f"{name!r} can not be put: {path} is a special file; take it out of the folder")


def _without_owner(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = ""
    return entry


def _files(tar: tarfile.TarFile, members: Iterable[tarfile.TarInfo]) -> Iterator[NewFile]:
    """Yield the files of a tar; raise ValueError if there is anything but files and folders in it."""
    by_name = {member.name: member for member in members}
    for member in members:
        if member.isdir():
            continue
        source = _followed(member, by_name)
        if not source.isreg() or source.issparse():
            raise ValueError(f"{member.name!r} is neither a file nor a folder, nor a link to a file of it")
        yield NewFile(
            name=member.name,
            open=partial(_opened, tar, source),
            mode=source.mode & _FILE_MODE | _OWNERS,
            modified=source.mtime if 0 <= source.mtime < _LAST_TIME else None,
        )


def _opened(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", tar.extractfile(member))  # None for what is no file only


def _followed(member: tarfile.TarInfo, by_name: Mapping[str, tarfile.TarInfo]) -> tarfile.TarInfo:
    """Return the member that a link leads to; the link itself if it leads nowhere in the tar."""
    found, seen = member, {member.name}
    while found.issym() or found.islnk():
        start = posixpath.dirname(found.name) if found.issym() else ""
        target = posixpath.normpath(posixpath.join(start, found.linkname))
        if target in seen or target not in by_name:
            return member
        seen.add(target)
        found = by_name[target]
    return found
