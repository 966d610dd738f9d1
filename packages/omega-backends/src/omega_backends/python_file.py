"""The backend of the kind ``python.file``: open files, paths and folders."""

from __future__ import annotations

import io
import os
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from omega_backends.files.folder_tar import pack, unpack
from omega_backends.files.writing_inside import BUFFER, NewFile, is_plain_name, write_file
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.version import Part, Payload
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from omega_domain.ports.objects import StoredObject
    from omega_domain.ports.payloads import Payloads
    from omega_domain.ports.store import FileWriter


class StoredFile(io.BufferedReader):
    """A stored file, open for reading."""

    def __init__(self, file: IO[bytes], name: str) -> None:
        super().__init__(file, BUFFER)  # type: ignore[arg-type] # any binary file has readinto()
        self._name = name

    @property
    def name(self) -> str:
        """Name of the file when it was put; never a path."""
        return self._name


class PythonFileBackend(BaseDataBackend):
    """Stores what a file holds: a file that is open for reading, a path to a file, or a path to a folder.

    ``get`` returns a file open for reading, of text if text was put; a folder comes as a tar. ``get(..., path='…')``
    writes the file, or unpacks the folder, there and returns the path. A string is not a path: use ``pathlib.Path``.
    In a folder, a link to one of its files is stored as the content of that file; any other link is refused.
    """

    KIND: ClassVar[str] = "python.file"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:  # noqa: ARG003 -- the port's signature
        """Tell whether this is a file or a path."""
        if isinstance(obj, type):
            return False
        return isinstance(obj, os.PathLike | io.IOBase) or all(hasattr(obj, word) for word in ("read", "readline"))

    def put(self, obj: Any, name: str) -> StoredObject:
        """Store a file or folder; of an open file, what is left to read.

        Raises:
            UnsupportedObjectError: it can not be read, is neither file nor folder, or is a folder with something in it
                that could not be unpacked again.
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
            CorruptPayloadError: it was damaged, or something in it would be written outside of the folder.
            FileExistsError: something else is where a folder or file has to be.
        """
        meta = self.data_store.resolve(name)
        filename = meta.kind_meta.get("filename")
        shown = str(filename) if is_plain_name(filename) else meta.name.rpartition("/")[2]
        payloads, part, form = self.data_store.payloads, meta.parts[0], meta.kind_meta["type"]
        if path is None:
            file = StoredFile(payloads.open(part), shown)
            return io.TextIOWrapper(file, encoding="utf-8", newline="") if form == "text" else file
        if form == "folder":
            with payloads.open(part) as content:
                return unpack(content, Path(path), name)
        target = Path(path)
        if target.is_dir():
            target /= _name_in_folder(filename, name)
        write_file(target, NewFile(name=target.name, open=lambda: payloads.read_once(part)))
        return target


def _name_in_folder(filename: object, name: str) -> str:
    """Return the name of a file in a folder; who can write to the store can write any text in its place."""
    if not isinstance(filename, str) or not is_plain_name(filename):
        raise CorruptPayloadError(
            f"{name!r} was not written: {filename!r}, what its file was called when it was put, is no name of a file "
            "in a folder. Get it with path= naming the file to write, or without path to read it"
        )
    return filename


def _put_path(payloads: Payloads, path: Path, name: str) -> Part:
    if path.is_dir():
        facts = {"type": "folder", "filename": f"{path.resolve().name}.tar"}
        return payloads.write(lambda file: pack(path, file, name), meta=facts)
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
