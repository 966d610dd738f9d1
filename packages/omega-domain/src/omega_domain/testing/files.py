"""Contract of :class:`~omega_domain.ports.store.Files`.

A subclass gives the fixture ``store`` (an empty one); see :mod:`omega_domain.testing.store`.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from omega_domain.errors import BlobNotFoundError
from omega_domain.ports.store import Files, Store, SupportsLocalPath

__all__ = ["LONG_AGO", "SOON", "FilesContract", "fail_blob", "put_blob", "read_blob"]

LONG_AGO: Final = datetime(2001, 1, 1, tzinfo=UTC)
SOON: Final = datetime(2031, 1, 1, tzinfo=UTC)
LATER: Final = SOON + timedelta(microseconds=1)
FAR: Final = datetime(2100, 1, 1, tzinfo=UTC)
NOTHING: Final = hashlib.sha256(b"nothing of this kind").hexdigest()
MEGABYTE: Final = 2**20


def put_blob(files: Files, content: bytes, *, leased_until: datetime = SOON) -> str:
    """Store some bytes and return their id."""
    with files.new_file(leased_until=leased_until) as writer:
        writer.write(content)
    return writer.id


def fail_blob(files: Files, content: bytes) -> None:
    """Write some bytes, then fail with a ZeroDivisionError."""
    with files.new_file(leased_until=FAR) as writer:
        writer.write(content)
        raise ZeroDivisionError


def read_blob(files: Files, file_id: str) -> bytes:
    """Return the content of a blob."""
    with files.get(file_id) as file:
        return file.read()


class FilesContract:
    """What the files of every store promise.

    Attributes:
        keeps_open_blobs: whether an open blob can be read to its end though it is deleted; the technology says.
    """

    keeps_open_blobs = True

    @pytest.fixture
    def files(self, store: Store) -> Files:
        return store.files

    @pytest.mark.parametrize("content", [b"", b"x", b"line\r\n\0\xff" * 1000, bytes(3 * MEGABYTE + 1)])
    def test_a_blob_is_read_back(self, files: Files, content: bytes) -> None:
        file_id = put_blob(files, content)
        assert file_id == hashlib.sha256(content).hexdigest()
        with files.get(file_id) as file:
            assert file.read() == content

    def test_a_blob_is_written_in_pieces_of_any_kind(self, files: Files) -> None:
        with files.new_file(leased_until=SOON) as writer:
            assert writer.write(b"ab") == 2
            assert writer.write(bytearray(b"cde")) == 3
            assert writer.write(memoryview(b"fgh")[1:]) == 2
            assert writer.size == 7
        assert writer.id == hashlib.sha256(b"abcdegh").hexdigest()
        assert read_blob(files, writer.id) == b"abcdegh"

    def test_a_large_blob_is_written_in_many_pieces(self, files: Files) -> None:
        piece = bytes(range(256)) * 400
        with files.new_file(leased_until=SOON) as writer:
            for _ in range(50):
                writer.write(piece)
        assert writer.size == 50 * len(piece)
        assert hashlib.sha256(read_blob(files, writer.id)).hexdigest() == writer.id

    def test_a_blob_is_not_there_before_its_writer_was_left(self, files: Files) -> None:
        with files.new_file(leased_until=SOON) as writer:
            writer.write(b"abc")
            assert list(files.find()) == []
        assert [info.id for info in files.find()] == [writer.id]

    def test_an_error_stores_nothing(self, files: Files) -> None:
        with pytest.raises(ZeroDivisionError):
            fail_blob(files, b"abc")
        assert list(files.find()) == []
        assert not files.exists(hashlib.sha256(b"abc").hexdigest())
        assert files.sweep(older_than=FAR) == []

    def test_a_file_is_seekable(self, files: Files) -> None:
        file_id = put_blob(files, bytes(range(100)))
        with files.get(file_id) as file:
            assert file.seekable()
            assert file.readable()
            assert file.seek(-10, io.SEEK_END) == 90
            assert file.read(3) == bytes([90, 91, 92])
            assert file.tell() == 93
            file.seek(0)
            assert file.read(2) == bytes([0, 1])
            assert file.seek(5, io.SEEK_CUR) == 7
            assert len(file.read()) == 93

    def test_two_readers_do_not_disturb_each_other(self, files: Files) -> None:
        file_id = put_blob(files, b"abcdef")
        with files.get(file_id) as one, files.get(file_id) as two:
            assert one.read(3) == b"abc"
            assert two.read(2) == b"ab"
            assert one.read() == b"def"

    def test_an_unknown_blob_is_an_error(self, files: Files) -> None:
        assert not files.exists(NOTHING)
        with pytest.raises(BlobNotFoundError, match=NOTHING):
            files.get(NOTHING)

    @pytest.mark.parametrize("wrong", ["", "..", "../../etc/passwd", "a", "%", "ü" * 64, "/" * 64])
    def test_an_id_that_is_none_finds_nothing(self, files: Files, wrong: str) -> None:
        put_blob(files, b"abc")
        assert not files.exists(wrong)
        assert files.lease([wrong], until=SOON) == {wrong}
        assert files.delete([wrong], leased_before=FAR) == set()
        with pytest.raises(BlobNotFoundError):
            files.get(wrong)

    def test_find_tells_size_time_and_lease(self, files: Files) -> None:
        file_id = put_blob(files, b"abc", leased_until=LATER)
        (info,) = files.find()
        assert (info.id, info.size, info.leased_until) == (file_id, 3, LATER)
        assert info.created.utcoffset() == timedelta(0)

    def test_the_same_content_is_stored_once(self, files: Files) -> None:
        assert put_blob(files, b"abc") == put_blob(files, b"abc")
        assert len(list(files.find())) == 1
        assert files.sweep(older_than=FAR) == []

    def test_storing_again_extends_the_lease_and_never_shortens_it(self, files: Files) -> None:
        for until in (SOON, LATER, SOON):
            put_blob(files, b"abc", leased_until=until)
        assert [info.leased_until for info in files.find()] == [LATER]

    def test_a_lease_is_extended_and_never_shortened(self, files: Files) -> None:
        ids = [put_blob(files, content) for content in (b"a", b"b")]
        assert files.lease([ids[0], NOTHING], until=LATER) == {NOTHING}
        assert files.lease(iter(ids), until=LONG_AGO) == set()
        assert {info.id: info.leased_until for info in files.find()} == {ids[0]: LATER, ids[1]: SOON}

    def test_delete_leaves_leased_blobs_alone(self, files: Files) -> None:
        ended, leased = put_blob(files, b"a", leased_until=SOON), put_blob(files, b"b", leased_until=LATER)
        assert files.delete(iter([ended, leased, NOTHING]), leased_before=SOON) == set()
        assert files.delete([ended, leased, NOTHING], leased_before=LATER) == {ended}
        assert not files.exists(ended)
        assert [info.id for info in files.find()] == [leased]
        assert read_blob(files, leased) == b"b"

    def test_deleted_content_can_be_stored_anew(self, files: Files) -> None:
        file_id = put_blob(files, b"abc", leased_until=LATER)
        files.delete([file_id], leased_before=FAR)
        assert put_blob(files, b"abc", leased_until=SOON) == file_id
        assert read_blob(files, file_id) == b"abc"
        assert [info.leased_until for info in files.find()] == [SOON]

    def test_an_open_blob_is_read_to_its_end_though_it_is_deleted(self, files: Files) -> None:
        file_id = put_blob(files, bytes(2 * MEGABYTE))
        with files.get(file_id) as file:
            file.read(10)
            files.delete([file_id], leased_before=FAR)
            if self.keeps_open_blobs:
                assert len(file.read()) == 2 * MEGABYTE - 10
            else:
                with pytest.raises(BlobNotFoundError, match=file_id):
                    file.read()

    def test_sweep_leaves_blobs_and_living_writers_alone(self, files: Files) -> None:
        file_id = put_blob(files, b"abc")
        with files.new_file(leased_until=SOON) as writer:
            writer.write(bytes(3 * MEGABYTE))
            assert files.sweep(older_than=FAR) == []
            writer.write(b"end")
        assert files.sweep(older_than=FAR) == []
        assert read_blob(files, file_id) == b"abc"
        assert read_blob(files, writer.id).endswith(b"\0end")

    def test_many_blobs_at_once(self, files: Files) -> None:
        ids = {put_blob(files, b"%d" % number) for number in range(30)}
        unknown = {hashlib.sha256(b"?%d" % number).hexdigest() for number in range(1500)}
        assert {info.id for info in files.find()} == ids
        assert files.lease(ids | unknown, until=LATER) == unknown
        assert files.delete(ids | unknown, leased_before=FAR) == ids
        assert list(files.find()) == []

    def test_blobs_may_be_deleted_while_they_are_listed(self, files: Files) -> None:
        ids = [put_blob(files, b"%d" % number) for number in range(10)]
        seen = {file_id for info in files.find() for file_id in files.delete([info.id], leased_before=FAR)}
        assert seen == set(ids)
        assert list(files.find()) == []

    def test_threads_store_and_delete_the_same_content(self, files: Files) -> None:
        def work(number: int) -> None:
            for turn in range(10):
                file_id = put_blob(files, b"shared %d" % (turn % 2), leased_until=FAR)
                assert files.delete([file_id], leased_before=SOON) == set()
                assert read_blob(files, file_id) == b"shared %d" % (turn % 2)
                mine = put_blob(files, b"%d of %d" % (turn, number), leased_until=LONG_AGO)
                assert files.delete([mine], leased_before=SOON) == {mine}

        _in_threads(work, range(8))
        assert len(list(files.find())) == 2
        assert files.sweep(older_than=FAR) == []

    def test_a_local_path_leads_to_the_content(self, files: Files) -> None:
        if not isinstance(files, SupportsLocalPath):
            return
        file_id = put_blob(files, b"abc")
        assert files.local_path(file_id).read_bytes() == b"abc"
        with pytest.raises(BlobNotFoundError, match=NOTHING):
            files.local_path(NOTHING)


def _in_threads(work: object, items: Iterable[int]) -> None:
    assert callable(work)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, items))
