"""The base of writers of blobs."""

from __future__ import annotations

import hashlib

from omega_domain.adapters.hashing import HashingWriter


class CountingWriter(HashingWriter):
    def write(self, data: bytes | bytearray | memoryview, /) -> int:
        self._hash.update(data)
        self._size += len(data)
        return len(data)

    def close(self) -> str:
        return self._seal()


def test_a_writer_has_the_hash_of_its_content_once_it_is_done() -> None:
    writer = CountingWriter()
    writer.write(b"ab")
    writer.write(memoryview(b"c"))
    assert (writer.id, writer.size) == ("", 3)
    assert writer.close() == writer.id == hashlib.sha256(b"abc").hexdigest()
