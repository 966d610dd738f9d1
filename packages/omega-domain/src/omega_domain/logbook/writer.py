"""Writing log records to the store: in batches, from a thread, so that logging neither fails nor holds up a task."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from omega_domain.errors import DuplicateDocumentError
from omega_domain.logbook.records import LOGS
from omega_domain.ports.store import Document
from omega_domain.repository.context import Context

#: Seconds that a record waits at most, and how many records do not wait.
INTERVAL: Final = 1.0
BATCH: Final = 100
#: Characters that wait at most; each record counts as its texts and a little more.
CAPACITY: Final = 16_000_000
#: Seconds to wait for a store that is slow, not away.
PATIENCE: Final = 10.0

_LARGEST_BATCH: Final = 500
_OVERHEAD: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LOG: Final = logging.getLogger(__name__)

#: Writers whose threads have something to write; a thread holds its writer, whoever else has let go of it.
_busy: Final[set[LogWriter]] = set()
#: A ContextVar, because logging calls handlers with the record alone: what the store says while a record is written to
#: it must not be logged in turn, and no argument gets through logging to say so.
_unheard: ContextVar[bool] = ContextVar("omega_unheard", default=False)


@contextmanager
def unheard() -> Iterator[None]:
    """Keep nothing of what is logged or printed in the block, such as by the store while it writes records."""
    token = _unheard.set(True)
    try:
        yield
    finally:
        _unheard.reset(token)


def is_unheard() -> bool:
    """Tell whether nothing is to be kept of what is logged or printed now."""
    return _unheard.get()


class LogWriter:
    """Writes records in the order in which they come; may be shared between threads, and inherited by a fork.

    While the store is away, records wait, as many as fit; then the oldest are dropped and one record says how many.

    Args:
        context: whose store.
        capacity: characters that wait at most.
    """

    def __init__(self, context: Context, *, capacity: int = CAPACITY) -> None:
        self._context = context
        self._capacity = capacity
        self._failures = 0
        self._begin()

    @property
    def is_failing(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._failure is not None

    def write(self, entry: Mapping[str, Any]) -> None:
        """Have a record written soon; nothing is raised."""
        self._begin_after_fork()
        with self._changed:
            self._make_room(_size_of(entry))
            self._count += 1
            time = self._context.clock.now()
            self._waiting.append({"_id": self._make_id(time), "time": time, **entry})
            self._size += _size_of(entry)
            self._drop_oldest()
            if not self._start():
                self._store()
            elif len(self._waiting) == BATCH:
                self._changed.notify_all()

    def flush(self, *, timeout: float = PATIENCE) -> bool:
        """Have all that waits written now; return whether it was.

        If the store fails, the records go on waiting until it is back.
        """
        self._begin_after_fork()
        with self._changed:
            if self._is_done():
                return True
            failures = self._failures
            self._is_urgent = True
            if not self._start():
                self._store()
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._is_done() or self._failures > failures, timeout)
            return self._is_done()

    # -- what waits ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._process = os.getpid()
        self._id = self._context.new_id()[:12]
        self._logs = self._context.store.collection(LOGS)
        self._changed = threading.Condition()
        self._waiting: deque[Document] = deque()
        self._in_flight: Sequence[Document] = ()
        self._size = 0
        self._count = 0
        self._dropped: list[Document] = []
        self._dropped_count = 0
        self._thread: threading.Thread | None = None
        self._is_urgent = False
        self._is_prepared = False
        self._failure: BaseException | None = None

    def _begin_after_fork(self) -> None:
        """In a child process: leave what waits to the parent, whose thread is not here and whose locks may be held."""
        if self._process != os.getpid():
            self._begin()

    def _is_done(self) -> bool:
        return not self._waiting and not self._in_flight

    def _make_id(self, time: datetime) -> str:
        """Return an id that sorts by time to the microsecond, and then in the order of one writer."""
        return f"{(time - _EPOCH) // _MICROSECOND:014x}-{self._id}-{self._count:08x}"

    def _make_room(self, size: int) -> None:
        """Wait while the store is too slow for who writes; not if it is away."""

        def fits() -> bool:
            return self._size + size <= self._capacity or not self._size or self.is_failing

        if not fits():
            self._is_urgent = True
            self._changed.notify_all()
            self._changed.wait_for(fits, PATIENCE)

    def _drop_oldest(self) -> None:
        while self._size > self._capacity and len(self._waiting) > 1:
            document = self._waiting.popleft()
            self._size -= _size_of(document)
            self._dropped = [document]
            self._dropped_count += 1

    # -- the thread ------------------------------------------------------------------------------------------------

    def _start(self) -> bool:
        """Make sure that a thread writes what waits; return False where there can be none, as the process ends."""
        if self._thread is not None:
            return True
        thread = threading.Thread(target=self._run, name="omega-log-writer", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        _busy.add(self)
        return True

    def _run(self) -> None:
        while self._wait():
            self._store()

    def _wait(self) -> bool:
        """Wait until it is time to write; return False if there is nothing, and the thread ends."""
        with self._changed:
            self._changed.wait_for(self._is_due, INTERVAL)
            if not self._waiting:
                self._thread = None
                _busy.discard(self)
                return False
            return True

    def _is_due(self) -> bool:
        return self._is_urgent or (len(self._waiting) >= BATCH and not self.is_failing)

    def _store(self) -> None:
        """Write a batch of what waits; if that fails, it waits again."""
        with self._changed:
            batch = [self._waiting.popleft() for _ in range(min(_LARGEST_BATCH, len(self._waiting)))]
            dropped, self._in_flight = self._dropped_count, batch
            notes = [_note(document, dropped) for document in self._dropped]
        try:
            with unheard():
                self._insert([*notes, *batch])
        except BaseException as error:  # noqa: BLE001 -- whatever it is: nobody else can do anything about it
            self._keep_waiting(batch, error)
            return
        with self._changed:
            self._size -= sum(map(_size_of, batch))
            self._dropped_count -= dropped
            self._dropped = self._dropped if self._dropped_count else []
            self._failure = None
            self._end_turn()

    def _insert(self, documents: Sequence[Document]) -> None:
        if not self._is_prepared:
            self._make_indexes()
        stored = self._context.clock.now()
        documents = [{**document, "stored": stored} for document in documents]
        try:
            self._logs.insert_many(documents)
        except DuplicateDocumentError:  # a former attempt has failed, and yet written some of them
            ids = [document["_id"] for document in documents]
            present = {document["_id"] for document in self._logs.find({"_id": {"$in": ids}}, ["_id"])}
            self._logs.insert_many([document for document in documents if document["_id"] not in present])

    def _make_indexes(self) -> None:
        if self._logs.find_one() is None:
            for field in ("time", "task", "stored"):
                self._logs.create_index(field)
        self._is_prepared = True

    def _keep_waiting(self, batch: Sequence[Document], error: BaseException) -> None:
        with self._changed:
            is_first, self._failure = not self.is_failing, error
            self._failures += 1
            self._waiting.extendleft(reversed(batch))
            self._drop_oldest()
            self._is_urgent = False
            self._end_turn()
        if is_first:
            with unheard():
                _LOG.warning("log records can not be stored now; they wait in memory until they can: %s", error)

    def _end_turn(self) -> None:
        self._in_flight = ()
        self._is_urgent = self._is_urgent and bool(self._waiting)
        self._changed.notify_all()


@atexit.register
def write_what_waits() -> None:
    """Have all that waits in any writer written, as this process ends."""
    for writer in tuple(_busy):
        writer.flush()


def _note(document: Document, count: int) -> Document:
    """Return a record that stands where others were dropped, the last of which is given."""
    return {
        **document,
        "level": "WARNING",
        "levelno": logging.WARNING,
        "logger": LOGS,
        "message": f"{count} log records up to here were dropped: the store was away, or slow, for too long",
        "traceback": None,
    }


def _size_of(document: Mapping[str, Any]) -> int:
    return len(document["message"]) + len(document["traceback"] or "") + _OVERHEAD
