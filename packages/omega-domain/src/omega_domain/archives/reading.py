"""Reading archives: the index first, then any payload by its SHA-256, each compared while it streams in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from omega_domain.archives.format import (
    BLOCK,
    BUFFER,
    END,
    LARGEST_SEAL,
    SIGNATURE,
    Member,
    blob_name,
    describe,
    documents_name,
    first_member,
    header,
    members,
    padding,
    signature_in,
)
from omega_domain.entities.archive import Index
from omega_domain.errors import ArchiveError
from omega_domain.trust import OF_ARCHIVE, Trust

_MEND: Final = "it was damaged or changed on its way; get it again"


class Source(Protocol):
    """Where payloads come from: an archive, or a folder of backups.

    Attributes:
        name: for messages.
        index: what it holds.
        signature: of the index.
    """

    name: str
    index: Index
    signature: str

    def blob(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a blob. Raises ArchiveError at the end if it is not what it should be."""

    def documents(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a file of documents, likewise."""


class Archive(Source):
    """An open archive whose every header was compared with what its index says."""

    def __init__(self, file: BinaryIO, name: str, trust: Trust | None) -> None:
        """Use :func:`open_archive`."""
        self.name = name
        self._file = file
        self._length = file.seek(0, os.SEEK_END)
        file.seek(0)
        size, mtime = first_member(file.read(BLOCK), name)
        text = self._text(size)
        self._text_of_index = text
        self.signature = self._read_seal(text, mtime)
        if trust is not None:
            trust.check_archive(text, self.signature, name)
        self.index = Index.from_text(text, name)
        self._members = self._compare(mtime) if self.index.form != "backup" else {}
        if self.index.form == "backup":
            self._expect(END, "the end")

    def verdict(self, trust: Trust) -> str:
        """Return whether an import would be ``trusted``, or why not: ``unsigned``, ``foreign``, ``forged``."""
        if not self.signature or trust.keys is None:
            return "unsigned" if not self.signature else "foreign"
        return trust.keys.verify(OF_ARCHIVE + self._text_of_index.encode(), self.signature)

    def blob(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a blob."""
        return self._content(self._members[blob_name(sha256)], sha256)

    def documents(self, sha256: str) -> Iterator[bytes]:
        """Iterate over the content of a file of documents."""
        return self._content(self._members[documents_name(sha256)], sha256)

    def _content(self, member: Member, sha256: str) -> Iterator[bytes]:
        self._file.seek(member.start)
        yield from verified(self._file, member.size, sha256, f"{member.name} in {self.name}")

    def _text(self, size: int) -> str:
        if size > self._length:
            raise ArchiveError(f"{self.name} ends within its index: {_MEND}")
        try:
            text = self._file.read(size).decode()
        except UnicodeDecodeError as error:
            raise ArchiveError(f"the index of {self.name} is no text: {_MEND}") from error
        self._expect(padding(size), "the end of the index")
        return text

    def _read_seal(self, text: str, mtime: int) -> str:
        """Return the signature; its length is the one thing that the header before it may say."""
        start = self._file.tell()
        rest = self._file.read(BLOCK + LARGEST_SEAL)
        content = rest[BLOCK:].partition(b"\0")[0]
        self._file.seek(start)
        self._expect(header(SIGNATURE, len(content), mtime), SIGNATURE)
        self._file.seek(len(content), os.SEEK_CUR)
        self._expect(padding(len(content)), f"the end of {SIGNATURE}")
        return signature_in(content, text, self.name)

    def _compare(self, mtime: int) -> dict[str, Member]:
        """Compare all headers with what the index says; return where the content of which file is."""
        found: dict[str, Member] = {}
        for member in members(self.index, self._file.tell(), mtime):
            self._expect(header(member.name, member.size, mtime), member.name)
            self._file.seek(member.end)
            self._expect(padding(member.size), f"the end of {member.name}")
            found[member.name] = member
        self._expect(END, "the end")
        return found

    def _expect(self, wanted: bytes, what: str) -> None:
        """Read what must stand here, and at the end of the archive nothing more."""
        found = self._file.read(len(wanted))
        if len(found) < len(wanted):
            raise ArchiveError(f"{self.name} ends before {what}: {_MEND}")
        if found != wanted:
            raise ArchiveError(f"{self.name} has {describe(found)} in place of {what}: {_MEND}")
        if wanted is END and self._file.read(1):
            raise ArchiveError(f"{self.name} goes on behind its end: {_MEND}")


@contextmanager
def open_archive(path: Path, *, trust: Trust | None) -> Iterator[Archive]:
    """Open an archive for reading.

    Args:
        path: the file.
        trust: what says whether it may be imported; None to look at it only.

    Raises:
        ArchiveError: it is no archive, or not what it should be. UntrustedObjectError: nobody trusted has signed it.
    """
    with open_file(path) as file:
        yield Archive(file, path.name, trust)


@contextmanager
def open_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading. Raises ArchiveError."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise ArchiveError(f"{path} can not be read: {error.strerror or error}") from error
    with file:
        yield file


def verified(file: BinaryIO, size: int, sha256: str, what: str) -> Iterator[bytes]:
    """Iterate over so many bytes of a file. Raises ArchiveError at the end if they are not those of this SHA-256."""
    digest, left = hashlib.sha256(), size
    while left:
        chunk = file.read(min(left, BUFFER))
        if not chunk:
            raise ArchiveError(f"{what} ends {left} bytes before its end: {_MEND}")
        digest.update(chunk)
        left -= len(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        raise ArchiveError(f"{what} does not match its SHA-256: {_MEND}")
