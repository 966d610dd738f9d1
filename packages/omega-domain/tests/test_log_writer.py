"""Writing log records: nothing waits for long, nothing grows without bound, nothing is lost in silence."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import threading
import weakref
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.adapters.memory.collection import MemoryCollection
from omega_domain.logbook import writer as log_writer
from omega_domain.logbook.logger import OmegaLogger
from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.writer import LogWriter, write_what_waits
from omega_domain.repository.context import Context
from omega_domain.testing.faults import FaultyStore
from omega_domain.testing.logbook import WAIT, Outage, entry, messages, wait_until

LINE = log_writer._OVERHEAD + 1


class SlowStore(MemoryStore):
    """A store whose collections wait before they write."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write = threading.Event()

    def collection(self, key: str) -> MemoryCollection:
        found = super().collection(key)
        return _SlowCollection(found, self.may_write) if key == "omega.logs" else found


class _SlowCollection(MemoryCollection):
    def __init__(self, inner: MemoryCollection, may_write: threading.Event) -> None:
        super().__init__(inner.name, inner._lock)
        self._documents = inner._documents
        self._may_write = may_write

    def insert_many(self, documents: Iterable[dict[str, Any]]) -> Any:
        assert self._may_write.wait(WAIT)
        return super().insert_many(documents)


def make(store: MemoryStore | FaultyStore | None = None) -> Context:
    return Context(metadata=MemoryMetadataStore(), store=store or MemoryStore(), clock=ManualClock(), author="ada")


@pytest.fixture
def outage() -> Outage:
    return Outage()


@pytest.fixture
def away(outage: Outage) -> Context:
    return make(FaultyStore(MemoryStore(), outage))


def test_indexes_are_made_once(outage: Outage, away: Context) -> None:
    for _ in range(2):
        writer = LogWriter(away)
        for message in "ab":
            writer.write(entry(message))
            assert writer.flush()
    assert outage.trace == ["create_index"] * 3 + ["insert_many"] * 4


def test_nothing_waits_when_nothing_was_written(away: Context, outage: Outage) -> None:
    outage.start()
    assert LogWriter(away).flush()


def test_what_waits_is_written_when_the_store_is_back(away: Context, outage: Outage) -> None:
    writer = LogWriter(away)
    outage.start()
    writer.write(entry("x"))
    assert not writer.flush()
    assert writer.is_failing
    outage.end()
    wait_until(lambda: not writer.is_failing)
    assert writer.flush()
    assert messages(Logbook(away)) == ["x"]


def test_a_failing_store_is_said_once_on_the_console(
    away: Context, outage: Outage, caplog: pytest.LogCaptureFixture
) -> None:
    writer = LogWriter(away)
    outage.start()
    for message in "abc":
        writer.write(entry(message))
        writer.flush()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "log records can not be stored now; they wait in memory until they can: " in caplog.text


def test_more_than_fits_is_dropped_and_one_record_says_so(away: Context, outage: Outage) -> None:
    writer = LogWriter(away, capacity=10 * LINE)
    writer.write(entry("0"))
    writer.flush()
    outage.start()
    writer.write(entry("1"))
    assert not writer.flush()
    for number in range(2, 25):
        writer.write(entry(str(number % 10)))
    assert not writer.flush()
    outage.end()
    wait_until(writer.flush)
    first, note, *rest = Logbook(away).get()
    assert first["message"] == "0"
    assert note["message"] == "14 log records up to here were dropped: the store was away, or slow, for too long"
    assert (note["level"], note["logger"], note["bucket"]) == ("WARNING", "omega.logs", "omega")
    assert [record["message"] for record in rest] == [str(number % 10) for number in range(15, 25)]
    writer.write(entry("z"))
    writer.flush()
    assert len(Logbook(away).get()) == 13


def test_one_record_waits_however_large_it_is(away: Context, outage: Outage) -> None:
    writer = LogWriter(away, capacity=10)
    outage.start()
    writer.write(entry("large"))
    writer.flush()
    outage.end()
    wait_until(writer.flush)
    assert messages(Logbook(away)) == ["large"]


@pytest.mark.parametrize("capacity", [1, LINE, 10 * LINE - 1, 10 * LINE, 10 * LINE + 1])
def test_who_writes_faster_than_the_store_waits_and_nothing_is_dropped(capacity: int) -> None:
    store = SlowStore()
    writer = LogWriter(make(store), capacity=capacity)
    waiting = threading.Thread(target=_write_many, args=(writer, 35))
    waiting.start()
    wait_until(lambda: writer._size + LINE > capacity)
    assert waiting.is_alive()
    store.may_write.set()
    waiting.join(WAIT)
    writer.flush()
    assert messages(Logbook(writer._context)) == [str(number % 10) for number in range(35)]


def test_a_store_that_hangs_holds_nobody_up_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "PATIENCE", 0.01)
    store = SlowStore()
    writer = LogWriter(make(store), capacity=5 * LINE)
    _write_many(writer, 20)
    assert not writer.flush(timeout=0.01)
    store.may_write.set()
    wait_until(writer.flush)
    assert "were dropped" in " ".join(messages(Logbook(writer._context)))


def test_a_thread_lives_only_as_long_as_something_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_writer, "INTERVAL", 0.01)
    writer = LogWriter(make())
    for message in "ab":
        writer.write(entry(message))
        wait_until(lambda: writer._thread is None)
    assert messages(Logbook(writer._context)) == ["a", "b"]


def test_where_no_thread_can_be_started_records_are_written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't create new thread at interpreter shutdown")

    outage = Outage()
    context = make(FaultyStore(MemoryStore(), outage))
    writer = LogWriter(context)
    monkeypatch.setattr(threading.Thread, "start", refuse)
    writer.write(entry("a"))
    assert messages(Logbook(context)) == ["a"]
    outage.start()
    writer.write(entry("b"))
    assert not writer.flush()
    outage.end()
    assert writer.flush()
    assert messages(Logbook(context)) == ["a", "b"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts processes afresh, which inherit nothing")
def test_a_child_process_leaves_to_its_parent_what_waits() -> None:
    store = SlowStore()
    writer = LogWriter(make(store))
    writer.write(entry("parent"))
    process = multiprocessing.get_context("fork").Process(target=_write_in_child, args=(writer, store))
    process.start()
    process.join(WAIT)
    assert process.exitcode == 0
    store.may_write.set()
    assert writer.flush()
    assert messages(Logbook(writer._context)) == ["parent"]


def test_a_writer_that_finds_itself_in_another_process_begins_anew(
    away: Context, outage: Outage, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = LogWriter(away)
    outage.start()
    writer.write(entry("parent"))
    assert not writer.flush()
    outage.end()
    monkeypatch.setattr(os, "getpid", lambda: 0)
    writer.write(entry("child"))
    assert writer.flush()
    assert messages(Logbook(away))[-1] == "child"


def test_writers_of_one_moment_do_not_get_into_each_others_way() -> None:
    context = make()
    writers = [LogWriter(context) for _ in range(3)]
    for number in range(9):
        writers[number % 3].write(entry(str(number)))
    for writer in writers:
        writer.flush()
    assert sorted(messages(Logbook(context))) == [str(number) for number in range(9)]


def test_a_record_that_is_there_for_another_reason_does_not_block_the_others() -> None:
    context = replace(make(), new_id=lambda: "same")
    for message in ("first", "second"):
        writer = LogWriter(context)
        writer.write(entry(message))
        writer.write(entry("more"))
        assert writer.flush()
    assert messages(Logbook(context)) == ["first", "more"]


def test_what_a_logger_was_told_is_written_though_it_is_gone() -> None:
    context = make()
    logger = OmegaLogger(context, bucket="omega")
    gone = weakref.ref(logger)
    logger.info("last words")
    del logger
    gc.collect()
    assert gone() is None
    write_what_waits()
    assert messages(Logbook(context)) == ["last words"]


def test_nobody_waits_for_a_store_because_a_logger_is_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[LogWriter] = []
    monkeypatch.setattr(LogWriter, "flush", flushed.append)
    store = SlowStore()
    OmegaLogger(make(store), bucket="omega").info("later")
    gc.collect()
    assert flushed == []
    monkeypatch.undo()
    store.may_write.set()
    write_what_waits()
    assert messages(Logbook(make(store))) == ["later"]


def _write_many(writer: LogWriter, count: int) -> None:
    for number in range(count):
        writer.write(entry(str(number % 10)))


def _write_in_child(writer: LogWriter, store: SlowStore) -> None:
    store.may_write.set()
    writer.write(entry("child", level=logging.ERROR))
    assert writer.flush()
    assert messages(Logbook(writer._context)) == ["child"]
