"""The backend of the kind ``python.file``: open files, paths and folders."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from omega_domain.entities.version import Part, Payload
from omega_domain.errors import UnsupportedObjectError
from omega_domain.services.base_backends import BaseDataBackend

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omega_domain.ports.store import FileWriter
    from omega_domain.services.metadata import Metadata
    from omega_domain.services.payload import Payloads

BUFFER = 1 << 20


class StoredFile(io.BufferedReader):
    """A stored file, open for reading."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file, BUFFER)  # type: ignore[arg-type] # any binary file has readinto()
        self._name = name

    @property
    def name(self) -> str:
        """Name of the file when it was put."""
        return self._name


class PythonFileBackend(BaseDataBackend):
    """Stores what a file holds: a file that is open for reading, a path to a file, or a path to a folder.

    ``get`` returns a file open for reading, of text if text was put; a folder comes as a tar. ``get(..., path='…')``
    writes the file, or unpacks the folder, there and returns the path. A string is not a path: use ``pathlib.Path``.
    """

    KIND: ClassVar[str] = "python.file"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a file or a path."""
        if isinstance(obj, type):
            return False
        return isinstance(obj, os.PathLike | io.IOBase) or all(hasattr(obj, word) for word in ("read", "readline"))

    def put(self, obj: Any, name: str) -> Metadata:
        """Store a file or folder; of an open file, what is left to read.

        Raises:
            UnsupportedObjectError: it can not be read, or is neither file nor folder.
            FileNotFoundError: there is nothing at this path.
        """
        payloads = self.data_store.payloads
        part = _put_path(payloads, Path(obj), name) if isinstance(obj, os.PathLike) else _put_file(payloads, obj, name)
        return self.data_store.make_metadata(name, self.KIND).set_payload(Payload([part], dict(part.meta))).save()

    def get(self, name: str, *, path: str | os.PathLike[str] | None = None) -> IO[Any] | Path:
        """Return the file open for reading; or write it to ``path``, and return that.

        Args:
            name: name of the object.
            path: a file, a folder to put the file into, or the folder to unpack a folder into.

        Raises:
            CorruptPayloadError: it was damaged.
        """
        meta = self.data_store.resolve(name)
        file = StoredFile(self.data_store.payloads.open(meta.parts[0]), str(meta.kind_meta["filename"]))
        if path is None:
            return io.TextIOWrapper(file, encoding="utf-8", newline="") if meta.kind_meta["type"] == "text" else file
        with file:
            return _unpack(file, Path(path)) if meta.kind_meta["type"] == "folder" else _write(file, Path(path))


def _put_path(payloads: Payloads, path: Path, name: str) -> Part:
    if path.is_dir():
        facts = {"type": "folder", "filename": f"{path.resolve().name}.tar"}
        return payloads.write(lambda file: _pack(path, file, name), meta=facts)
    if not path.is_file() and path.exists():
        raise UnsupportedObjectError(f"{name!r} can not be put: {path} is neither a file nor a folder")
    with path.open("rb") as file:
        return payloads.copy(file, meta={"type": "binary", "filename": path.name})


def _put_file(payloads: Payloads, file: Any, name: str) -> Part:
    """Store the rest of an open file, and leave it where it was, if it can go back."""
    named = getattr(file, "name", None)
    facts = {"type": "binary", "filename": Path(named).name if isinstance(named, str) else name.rpartition("/")[2]}
    try:
        with _staying(file):
            chunk = file.read(BUFFER)
            facts["type"] = "text" if isinstance(chunk, str) else "binary"

            def write(target: FileWriter) -> None:
                data = chunk
                while data:
                    target.write(data.encode() if isinstance(data, str) else data)
                    data = file.read(BUFFER)

            return payloads.write(write, meta=facts)
    except (io.UnsupportedOperation, ValueError) as error:
        raise UnsupportedObjectError(f"{name!r} can not be put: the file can not be read: {error}") from error


@contextmanager
def _staying(file: Any) -> Iterator[None]:
    try:
        place = file.tell()
    except (OSError, AttributeError):
        yield
        return
    try:
        yield
    finally:
        file.seek(place)


def _pack(folder: Path, file: FileWriter, name: str) -> None:
    """Write a folder as a tar, in order of names, without owners; refuse what could not be unpacked again."""

    def checked(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        try:
            tarfile.data_filter(entry, str(folder))
        except tarfile.FilterError as error:
            raise UnsupportedObjectError(f"{name!r} can not be put: {error}") from error
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        for path in sorted(folder.rglob("*")):
            tar.add(path, path.relative_to(folder).as_posix(), recursive=False, filter=checked)


def _unpack(file: IO[bytes], folder: Path) -> Path:
    """Unpack a tar; entries that would leave the folder are refused by the filter."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=file, mode="r:") as tar:
        tar.extractall(folder, filter="data")
    return folder


def _write(file: StoredFile, path: Path) -> Path:
    """Write a file at once: it is there whole, or the old one stays."""
    target = path / file.name if path.is_dir() else path
    made = target.with_name(f".{target.name[:100]}.{uuid.uuid4().hex}")
    try:
        with made.open("xb") as copy:
            shutil.copyfileobj(file, copy, BUFFER)
        made.replace(target)
    except BaseException:
        made.unlink(missing_ok=True)
        raise
    return target
