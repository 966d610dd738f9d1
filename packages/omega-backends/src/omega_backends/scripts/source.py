"""Sources of scripts: the files of a package or module, and the zip that they travel in."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, Final

from omega_backends.files.writing_inside import NewFile, check_names, write_inside
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError

RUN: Final = "run"
#: Bytes of all files of a script together.
LIMIT: Final = 64 << 20

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The code of a script.

    Attributes:
        top: name of its package or module.
        files: content of each file by its path, ``top/…`` of a package, ``top.py`` of a module.
        within: name of the module that has the function, below the top one; empty for the top one itself.
        entry: name of the function that is called.
        requirements: what must be installed to run it.
    """

    top: str
    files: Mapping[str, bytes]
    within: str = ""
    entry: str = RUN
    requirements: tuple[str, ...] = ()

    @property
    def is_package(self) -> bool:
        """Whether it is a package; else it is a single module."""
        return f"{self.top}.py" not in self.files

    @property
    def root(self) -> str:
        """Path of the folder or file that is the whole."""
        return self.top if self.is_package else f"{self.top}.py"

    @property
    def entry_file(self) -> str | None:
        """Path of the file that has the function; None if there is no such file."""
        return self.file_of(self.within)

    @property
    def digest(self) -> str:
        """What tells this code from other code, in hex."""
        return hashlib.sha256(self.to_zip()).hexdigest()

    @property
    def facts(self) -> dict[str, Any]:
        """What must be known to run it, in plain JSON types."""
        return {
            "format": "zip",
            "top": self.top,
            "within": self.within,
            "entry": self.entry,
            "requirements": list(self.requirements),
            "files": sorted(self.files),
        }

    def file_of(self, within: str) -> str | None:
        """Return the path of the file of a module, by its name below the top one; None if there is none."""
        path = PurePosixPath(self.top, *filter(None, within.split(".")))
        return next((file for file in (f"{path}/__init__.py", f"{path}.py") if file in self.files), None)

    def has_folder(self, within: str) -> bool:
        """Tell whether there is a folder of this name below the top one."""
        folder = f"{PurePosixPath(self.top, *within.split('.'))}/"
        return any(file.startswith(folder) for file in self.files)

    def to_zip(self) -> bytes:
        """Return the files as a zip: the same bytes for the same files, on every machine.

        So nothing is compressed: what deflate makes depends on the version of zlib.
        """
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for path, content in sorted(self.files.items()):
                archive.writestr(zipfile.ZipInfo(path, _EPOCH), content)
        return buffer.getvalue()

    @classmethod
    def from_zip(cls, content: bytes, facts: Mapping[str, Any], title: str) -> Source:
        """Return the code in a zip that was put.

        Args:
            content: the zip.
            facts: what is known of it, see :attr:`facts`.
            title: what it is called in messages, such as ``script 'clean'``.

        Raises:
            CorruptPayloadError: it is no such zip.
        """
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                files = {entry.filename: archive.read(entry) for entry in _checked(archive.infolist(), facts["top"])}
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise CorruptPayloadError(f"the {title} can not be unpacked: {error}; put it again") from error
        return cls(
            top=facts["top"],
            files=files,
            within=facts.get("within", ""),
            entry=facts["entry"],
            requirements=tuple(facts["requirements"]),
        )

    def write_to(self, folder: Path) -> Path:
        """Write the files into a folder, over those that are there; return the path of the package or module.

        Raises:
            FileExistsError: a link or file is where a folder has to be, or a folder where a file has to be.
        """
        files = self.files.items()
        write_inside(folder, [NewFile(name=path, open=partial(io.BytesIO, content)) for path, content in files])
        return folder / self.root


def refusal(title: str, why: str) -> UnsupportedObjectError:
    """Return the error for code that can not be put, which the message calls by its title."""
    return UnsupportedObjectError(f"the {title} can not be put: {why}")


def _checked(entries: list[zipfile.ZipInfo], top: object) -> list[zipfile.ZipInfo]:
    if not isinstance(top, str) or not top.isidentifier():
        raise ValueError(f"{top!r} is no name of a package or module")
    for entry in entries:
        path = entry.filename
        if entry.is_dir() or not (path.startswith(f"{top}/") or path == f"{top}.py"):
            raise ValueError(f"{entry.filename!r} is no file within it")
    check_names(entry.filename for entry in entries)
    if sum(entry.file_size for entry in entries) > LIMIT:
        raise ValueError(f"it has more than {LIMIT >> 20} MB")
    return entries
