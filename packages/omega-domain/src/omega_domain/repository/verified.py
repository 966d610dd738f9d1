"""Reading blobs so that the bytes that were compared with their SHA-256 are the bytes that the reader gets.

Others may write to the file of a blob while it is read. So a blob is never hashed first and read again: it is hashed
while it is copied into memory, or each block of it is hashed again as it is handed out.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, TypeVar

from omega_domain.entities.version import Part
from omega_domain.errors import CorruptPayloadError

T = TypeVar("T")

BLOCK = 1 << 20
#: Bytes of a blob that are held in memory while it is read, however little of it is wanted.
SMALL = 16 << 20
#: Bytes of a blob that are held in memory if all of it is wanted, or if it comes from a server.
LARGE = 512 << 20


def verified(file: BinaryIO, part: Part, *, is_local: bool, whole: bool = False) -> IO[bytes]:
    """Return the content of an open file, compared with its SHA-256; seekable, and independent of who writes to it.

    Args:
        file: the file, at its start. It is closed here, or with what is returned.
        part: the part that it holds.
        is_local: whether reading it twice costs no network.
        whole: whether all of it is wanted at once, so that memory is well spent on it.

    Raises:
        CorruptPayloadError: the content was changed.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if size <= (LARGE if whole else SMALL):
            found: IO[bytes] = _in_memory(file, size, part)
        elif is_local:
            return io.BufferedReader(_CheckedFile(file, part), BLOCK)
        else:
            found = _copied(file, part)
    except BaseException:
        file.close()
        raise
    file.close()
    return found


def verify(file: BinaryIO, part: Part) -> None:
    """Read a file and compare its SHA-256. Raises CorruptPayloadError if its content was changed."""
    _compare(hashlib.file_digest(file, "sha256").hexdigest(), part)  # type: ignore[arg-type]  # binary files have readinto


@contextmanager
def read_once(file: BinaryIO, part: Part) -> Iterator[IO[bytes]]:
    """Give a file to be read once from its start, hashed on the way, and compared at the end.

    Whatever was made of the content counts only if leaving raises nothing.

    Raises:
        CorruptPayloadError: the content was changed; it is raised instead of an error of whoever read it.
    """
    reader = _HashedFile(file)
    with file:
        try:
            yield io.BufferedReader(reader, BLOCK)
        except Exception as error:
            if not isinstance(error, CorruptPayloadError):
                _compare(reader.finish(), part, cause=error)
            raise
        _compare(reader.finish(), part)


def unpacked(file: BinaryIO, part: Part, unpack: Callable[[memoryview], T]) -> T:
    """Return what a function makes of the whole content, which is compared with its SHA-256 at the same time.

    Args:
        file: the file, at its start; it is closed.
        part: the part that it holds.
        unpack: is given the content, which may be changed and kept. It runs beside the comparison, so it must be
            harmless whatever the content is.

    Raises:
        CorruptPayloadError: the content was changed; it is raised instead of an error of ``unpack``.
    """
    with file, ThreadPoolExecutor(1, thread_name_prefix="omega-hash") as thread:
        content = _Memory(bytes(file.seek(0, io.SEEK_END))).getbuffer()  # whose pages come with what is read into them
        file.seek(0)
        place = 0
        while place < len(content) and (count := file.readinto(content[place : place + BLOCK])):  # type: ignore[attr-defined]  # binary files have readinto
            place += count
        digest = thread.submit(lambda: hashlib.sha256(content[:place]).hexdigest())
        try:
            found = unpack(content)
        except Exception as error:
            _compare(digest.result(), part, cause=error)
            raise
        _compare(digest.result(), part)
        return found


def _in_memory(file: BinaryIO, size: int, part: Part) -> io.BytesIO:
    """Return a file in memory, whose ``getbuffer()`` is its content without a copy."""
    digest, content, place = hashlib.sha256(), _Memory(bytes(size)), 0
    view = content.getbuffer()
    while place < size and (count := file.readinto(view[place : place + BLOCK])):  # type: ignore[attr-defined]  # binary files have readinto
        digest.update(view[place : place + count])
        place += count
    if file.read(1):
        raise _changed(part)  # it has grown meanwhile
    _compare(digest.hexdigest(), part)
    return content


def _copied(file: BinaryIO, part: Part) -> IO[bytes]:
    """Return a copy in a temporary file, which has no name that others could open."""
    digest = hashlib.sha256()
    copy = SpooledTemporaryFile(LARGE)  # noqa: SIM115 -- the caller closes it
    try:
        while chunk := file.read(BLOCK):
            digest.update(chunk)
            copy.write(chunk)
        _compare(digest.hexdigest(), part)
    except BaseException:
        copy.close()
        raise
    copy.seek(0)
    return copy


class _Memory(io.BytesIO):
    """A file in memory that can be closed while there are views on its content."""

    def close(self) -> None:
        with suppress(BufferError):  # then the memory is freed with the last of them
            super().close()


class _CheckedFile(io.RawIOBase):
    """Hands out blocks of a file that are the same as when the file was compared with its SHA-256.

    The state of the hash before each block is kept, so that a block can be compared without those before it.
    """

    def __init__(self, file: BinaryIO, part: Part) -> None:
        super().__init__()
        self._file, self._part = file, part
        self._position = self._size = 0
        digest = hashlib.sha256()
        self._states = [digest]
        while block := file.read(BLOCK):
            digest = digest.copy()
            digest.update(block)
            self._states.append(digest)
            self._size += len(block)
        _compare(digest.hexdigest(), part)
        self._held: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        target = memoryview(buffer).cast("B")
        if self._position >= self._size:
            return 0
        number, start = divmod(self._position, BLOCK)
        piece = self._block(number)[start : start + len(target)]
        target[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if self._held[0] != number:
            self._file.seek(number * BLOCK)
            block = self._file.read(BLOCK)
            digest = self._states[number].copy()
            digest.update(block)
            if digest.digest() != self._states[number + 1].digest():
                raise _changed(self._part)
            self._held = (number, block)
        return self._held[1]

    def close(self) -> None:
        self._file.close()
        super().close()


class _HashedFile(io.RawIOBase):
    """Hashes a file as it is read from its start."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file, self._digest = file, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        view = memoryview(buffer).cast("B")
        count: int = self._file.readinto(view)  # type: ignore[attr-defined]  # binary files have readinto
        self._digest.update(view[:count])
        return count

    def finish(self) -> str:
        """Read what is left; return the SHA-256 of all."""
        while chunk := self._file.read(BLOCK):
            self._digest.update(chunk)
        return self._digest.hexdigest()


def _compare(digest: str, part: Part, *, cause: Exception | None = None) -> None:
    if digest != part.sha256:
        raise _changed(part) from cause


def _changed(part: Part) -> CorruptPayloadError:
    return CorruptPayloadError(
        f"the blob {part.ref[:12]}… does not match its SHA-256: it was damaged or changed outside of omega-ml. "
        "Put the object again, or go back to an older version; `om fsck` lists all damage"
    )
