"""The bytes of an archive: a POSIX tar of plain files, in one order and form only.

First ``omega.json``, the index; then ``omega.sig``, its SHA-256 and signature; then ``blobs/<sha256>`` and
``documents/<sha256>.jsonl``, as listed in the index; then two empty blocks. Because the index lists names and sizes,
every other byte of the tar is known beforehand: whoever reads it compares, and needs to believe no header.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from omega_domain.entities.archive import Index
from omega_domain.entities.version import sha256_hex
from omega_domain.errors import ArchiveError

INDEX: Final = "omega.json"
SIGNATURE: Final = "omega.sig"
BLOCK: Final = tarfile.BLOCKSIZE
END: Final = bytes(2 * BLOCK)
BUFFER: Final = 1 << 20
#: An index with a million versions is smaller; what claims more is none.
LARGEST_INDEX: Final = 1 << 30
LARGEST_SEAL: Final = 1 << 16

_TYPES: Final = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a pipe",
    tarfile.DIRTYPE: "a folder",
}


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive: its name and size, and where its content begins."""

    name: str
    size: int
    start: int = 0

    @property
    def end(self) -> int:
        """Where its content ends."""
        return self.start + self.size


def header(name: str, size: int, mtime: int) -> bytes:
    """Return what stands before the content of a file of this name and size."""
    info = tarfile.TarInfo(name)
    info.size, info.mtime, info.mode = size, mtime, 0o644
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    """Return what stands behind a content of this size."""
    return bytes(-size % BLOCK)


def members(index: Index, start: int, mtime: int) -> Iterator[Member]:
    """Iterate over the files of an archive behind its index and signature, where the first begins at ``start``."""
    sizes = {blob_name(sha256): size for sha256, size in index.blobs.items()}
    sizes |= {documents_name(sha256): size for sha256, size in index.documents.items()}
    for name, size in sizes.items():
        content = start + len(header(name, size, mtime))
        yield Member(name, size, content)
        start = content + size + len(padding(size))


def blob_name(sha256: str) -> str:
    """Return the name of a blob in an archive."""
    return f"blobs/{sha256}"


def documents_name(sha256: str) -> str:
    """Return the name of a file of documents in an archive."""
    return f"documents/{sha256}.jsonl"


def seal(index: str, signature: str) -> bytes:
    """Return the content of ``omega.sig``: the SHA-256 of the index, and its signature, if it was signed."""
    return f"sha256:{sha256_hex(index.encode())}\n{signature}\n".encode()


def signature_in(seal_bytes: bytes, index: str, name: str) -> str:
    """Return the signature in the content of ``omega.sig``. Raises ArchiveError if it is of another index."""
    signature = seal_bytes.partition(b"\n")[2].rstrip(b"\n").decode(errors="replace")
    if seal_bytes != seal(index, signature):
        raise ArchiveError(
            f"the index of {name} does not match its SHA-256: it was damaged or changed; export it again"
        )
    return signature


def first_member(block: bytes, name: str) -> tuple[int, int]:
    """Return the size of the index and the time that all headers have, from the first block of an archive."""
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        is_ours = info.name == INDEX and block == header(INDEX, info.size, int(info.mtime))
    except (tarfile.HeaderError, ValueError, OverflowError):
        is_ours = False
    if not is_ours:
        raise ArchiveError(f"{name} is no archive of omega-ml: it does not begin with {INDEX}; om export makes one")
    if not 0 < info.size <= LARGEST_INDEX:
        raise ArchiveError(f"{name} says that its index has {info.size} bytes, at most {LARGEST_INDEX} can be read")
    return info.size, int(info.mtime)


def describe(block: bytes) -> str:
    """Return what a header that should not be there is, for messages."""
    try:
        info = tarfile.TarInfo.frombuf(block[:BLOCK], "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return "something that is no header"
    name = info.name.encode(errors="replace").decode()[:100]
    return f"{_TYPES.get(info.type, 'a file')} {name!r} of {info.size} bytes"
