"""Blobs are files of GridFS that any tool reads, and of which only what is asked for is fetched."""

from __future__ import annotations

import hashlib
import io
import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson.objectid import ObjectId
from gridfs import GridFSBucket
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.monitoring import CommandListener, CommandStartedEvent

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.errors import BlobNotFoundError, ConflictError
from omega_domain.testing.files import SOON, fail_blob, put_blob, read_blob
from omega_mongo import Connection, MongoStore
from omega_mongo.files import MongoFiles
from omega_mongo.gridfile import CHUNK, DELETED, WRITING

FAR = datetime(2100, 1, 1, tzinfo=UTC)
SIZE = 40 * CHUNK + 1000
CONTENT = random.Random(1).randbytes(SIZE)  # noqa: S311 -- no secret


class Chunks(CommandListener):
    """Notes which chunks were asked for, by (first, last)."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []
        self.commands: list[str] = []

    def started(self, event: CommandStartedEvent) -> None:
        self.commands.append(event.command_name)
        if event.command.get("find") == "omega.fs.chunks":
            wanted = event.command["filter"]["n"]
            self.asked.append((wanted["$gte"], wanted["$lte"]))

    def succeeded(self, event: Any) -> None: ...

    def failed(self, event: Any) -> None: ...


@pytest.fixture
def chunks() -> Chunks:
    return Chunks()


@pytest.fixture
def connection(mongo_url: str, chunks: Chunks) -> Connection:
    return Connection(mongo_url, event_listeners=[chunks])


@pytest.fixture
def files(connection: Connection) -> MongoFiles:
    return MongoStore(connection).files


def test_any_tool_that_knows_gridfs_reads_a_blob(files: MongoFiles, connection: Connection) -> None:
    file_id = put_blob(files, CONTENT)
    sink = io.BytesIO()
    GridFSBucket(connection.database, "omega.fs").download_to_stream_by_name(file_id, sink)
    assert sink.getvalue() == CONTENT


def test_a_part_is_read_by_its_chunks_alone(files: MongoFiles, chunks: Chunks) -> None:
    file_id = put_blob(files, CONTENT)
    with files.get(file_id) as file:
        file.seek(10 * CHUNK + 5)
        assert file.read(100) == CONTENT[10 * CHUNK + 5 : 10 * CHUNK + 105]
        file.seek(20 * CHUNK - 50)
        assert file.read(CHUNK) == CONTENT[20 * CHUNK - 50 : 21 * CHUNK - 50]
        file.seek(-10, io.SEEK_END)
        assert file.read() == CONTENT[-10:]
    assert chunks.asked == [(10, 10), (19, 20), (40, 40)]


def test_a_whole_file_is_read_in_one_request(files: MongoFiles, chunks: Chunks) -> None:
    file_id = put_blob(files, CONTENT)
    assert read_blob(files, file_id) == CONTENT
    assert chunks.asked == [(0, 40)]


def test_who_reads_in_order_is_sent_more_at_a_time(files: MongoFiles, chunks: Chunks) -> None:
    file_id = put_blob(files, CONTENT)
    with files.get(file_id) as file:
        while piece := file.read(CHUNK):
            assert CONTENT.startswith(piece, file.tell() - len(piece))
    sizes = [last - first + 1 for first, last in chunks.asked]
    assert sum(sizes) == 41
    assert len(sizes) < 15
    assert max(sizes) > 8


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.integers(0, SIZE + 10), st.integers(-1, 3 * CHUNK)), max_size=8))
def test_any_reads_give_what_a_file_gives(files: MongoFiles, steps: list[tuple[int, int]]) -> None:
    file_id = put_blob(files, CONTENT)
    model = io.BytesIO(CONTENT)
    with files.get(file_id) as file:
        assert file.readable()
        for position, size in steps:
            assert file.seek(position) == model.seek(position)
            assert file.read(size) == model.read(size)
            assert file.tell() == model.tell()


def test_a_negative_position_is_refused(files: MongoFiles) -> None:
    with files.get(put_blob(files, b"abc")) as file, pytest.raises(ValueError, match="negative"):
        file.seek(-1)


def test_a_missing_or_short_chunk_is_not_read_over(files: MongoFiles, connection: Connection) -> None:
    file_id = put_blob(files, CONTENT)
    chunks = connection.database["omega.fs.chunks"]
    chunks.update_one({"n": 3}, {"$set": {"data": b"short"}})
    with pytest.raises(BlobNotFoundError, match=f"chunk 3 of blob {file_id}"):
        read_blob(files, file_id)
    chunks.delete_one({"n": 2})
    with pytest.raises(BlobNotFoundError, match="chunk 2"):
        read_blob(files, file_id)


def test_content_whose_chunks_are_lost_can_be_stored_anew(files: MongoFiles, connection: Connection) -> None:
    for content in (b"small", CONTENT):
        file_id = put_blob(files, content)
        physical = connection.database["omega.fs.files"].find_one({"filename": file_id})
        assert physical is not None
        connection.database["omega.fs.chunks"].delete_one({"files_id": physical["_id"], "n": 0})
        assert put_blob(files, content) == file_id
        assert read_blob(files, file_id) == content
    assert len(files.sweep(older_than=FAR)) == 2


def test_known_content_is_not_sent_again_if_it_is_small(files: MongoFiles, chunks: Chunks) -> None:
    put_blob(files, b"small")
    chunks.commands.clear()
    put_blob(files, b"small")
    assert "insert" not in chunks.commands


def test_a_failed_write_leaves_no_chunk(files: MongoFiles, connection: Connection) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_blob(files, os.urandom(100 * CHUNK))
    assert connection.database["omega.fs.chunks"].count_documents({}) == 0
    assert connection.database["omega.fs.files"].count_documents({}) == 0


def test_what_a_dead_writer_left_is_swept(connection: Connection) -> None:
    files = MongoFiles(connection, SystemClock(), patience=timedelta(0))
    database = connection.database
    _die_writing(files)
    assert database["omega.fs.chunks"].count_documents({}) > 0
    assert len(files.sweep(older_than=FAR)) == 1
    assert database["omega.fs.chunks"].count_documents({}) == 0
    assert database["omega.fs.files"].count_documents({}) == 0


def test_a_writer_that_was_taken_for_dead_finds_out(connection: Connection) -> None:
    files = MongoFiles(connection, SystemClock(), patience=timedelta(0))

    def write_and_sweep() -> None:
        with files.new_file(leased_until=SOON) as writer:
            writer.write(CONTENT * 3)
            assert len(files.sweep(older_than=FAR)) == 1

    with pytest.raises(ConflictError, match="swept away"):
        write_and_sweep()
    assert list(files.find()) == []
    assert files.sweep(older_than=FAR) == []


def test_a_writer_that_is_slow_shows_that_it_lives(
    connection: Connection, files: MongoFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_mongo.gridfile._RENEW_SECONDS", 0.0)
    with files.new_file(leased_until=SOON) as writer:
        writer.write(CONTENT * 3)
        connection.database["omega.fs.files"].update_one({}, {"$set": {"metadata.touched": datetime(2001, 1, 1)}})  # noqa: DTZ001
        writer.write(CONTENT * 3)
        assert files.sweep(older_than=FAR) == []
    assert files.exists(hashlib.sha256(CONTENT * 6).hexdigest())


def test_a_slow_writer_that_was_taken_for_dead_finds_out_when_it_writes_on(
    connection: Connection, files: MongoFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("omega_mongo.gridfile._RENEW_SECONDS", 0.0)

    def write() -> None:
        with files.new_file(leased_until=SOON) as writer:
            writer.write(CONTENT * 3)
            connection.database["omega.fs.files"].delete_one({"metadata.state": WRITING})
            writer.write(CONTENT * 3)

    with pytest.raises(ConflictError, match="swept away"):
        write()


def test_an_interrupted_delete_is_finished_by_sweep(files: MongoFiles, connection: Connection) -> None:
    file_id = put_blob(files, CONTENT)
    connection.database["omega.fs.files"].update_one({"filename": file_id}, {"$set": {"metadata.state": DELETED}})
    assert not files.exists(file_id)
    assert len(files.sweep(older_than=FAR)) == 1
    assert connection.database["omega.fs.chunks"].count_documents({}) == 0


def test_a_write_that_was_done_though_its_answer_was_lost_counts(files: MongoFiles, connection: Connection) -> None:
    """A driver that sends a change twice finds the second time that there is nothing to change."""

    def done_twice(writer: Any) -> None:
        change = {"filename": writer.id, "length": 3, "metadata": {"state": "stored", "created": 0, "leased_until": 1}}
        connection.database["omega.fs.files"].update_one({"_id": writer.file_id}, {"$set": change})

    with files.new_file(leased_until=SOON) as writer:
        writer.write(b"abc")
        _after_flush(writer, done_twice)
    assert read_blob(files, writer.id) == b"abc"


def _after_flush(writer: Any, do: Callable[[Any], None]) -> None:
    flush = writer.flush

    def flush_and_do() -> None:
        flush()
        do(writer)

    writer.flush = flush_and_do


def _die_writing(files: MongoFiles) -> None:
    """Leave what a process leaves that is killed while it writes."""
    writing = files.new_file(leased_until=SOON)
    writer: Any = writing.__enter__()
    writer.write(CONTENT * 3)
    writer.discard = lambda: None
    with suppress(KeyboardInterrupt):
        writing.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)


def test_ids_of_files_tell_when_they_were_made(files: MongoFiles, connection: Connection) -> None:
    put_blob(files, b"abc")
    found = connection.database["omega.fs.files"].find_one({})
    assert found is not None
    assert isinstance(found["_id"], ObjectId)
    assert set(found) == {"_id", "filename", "length", "chunkSize", "metadata", "uploadDate"}
