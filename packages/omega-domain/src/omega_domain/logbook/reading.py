"""The logbook: log records of a context, read from the store. ``om.logger.dataset`` is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from operator import itemgetter
from typing import Any, Final

from omega_domain.documents import both
from omega_domain.entities.query import Q
from omega_domain.errors import UnsupportedOptionError
from omega_domain.logbook.filter import LogFilter, floored, moment
from omega_domain.logbook.records import FIELDS, LOGS
from omega_domain.ports.store import Document, Filter
from omega_domain.repository.context import Context

#: How far back one looks when following, as the clocks of others differ and their writes take time.
OVERLAP: Final = timedelta(seconds=10)

_FIRST_WINDOW: Final = timedelta(seconds=1)
_WIDER: Final = 1.25
_MARGIN: Final = timedelta(days=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_by_id = itemgetter("_id")


@dataclass(frozen=True, slots=True)
class _Cursor:
    """How far somebody has read: all that was stored before a time, and these behind it."""

    stored: datetime
    seen: frozenset[str]


class LogPage(list[dict[str, Any]]):
    """Records, oldest first; give it to :meth:`Logbook.tail` for those that came since."""

    def __init__(self, records: Iterable[dict[str, Any]], cursor: _Cursor) -> None:
        """Hold the records, and remember how far was read."""
        super().__init__(records)
        self._cursor = cursor


class Logbook:
    """Reads the log records of all buckets of a context.

    A record is a dict with ``time`` (UTC), ``level``, ``logger``, ``message``, ``task`` (its id; None outside of
    tasks), ``worker``, ``bucket``, ``author``, ``kind`` and ``name`` of the object, and ``traceback``.
    Filters are those of ``get`` on datasets: ``level="ERROR"``, ``level__gte="WARNING"``, ``task=…``,
    ``message__contains="disk"``, ``time__gte="2030-01-31 12:00"``.

    Args:
        context: whose records.
        flush: writes what has not been written yet.
    """

    def __init__(self, context: Context, *, flush: Callable[[], object] = lambda: None) -> None:
        self._context = context
        self._flush = flush
        self._logs = context.store.collection(LOGS)

    def get(self, *conditions: Q, limit: int = 0, **filters: Any) -> list[dict[str, Any]]:
        """Return the records that match, oldest first.

        Args:
            conditions: filters, all of which must hold.
            limit: how many of the newest; 0 for all.
            filters: the same by keyword.

        Raises:
            ColumnNotFoundError: a record has no such field.
            InvalidFilterError: an operator does not take its value.
        """
        wanted = LogFilter(*conditions, **filters)
        self._flush()
        return list(map(_public, self._newest(wanted, _checked(limit))))

    def tail(self, *conditions: Q, after: LogPage | datetime | None = None, limit: int = 0, **filters: Any) -> LogPage:
        """Return the records that came after others, oldest first, at the cost of those that came.

        ``page = tail(task=…)``, then again and again ``page = tail(after=page, task=…)``. Nothing is left out or told
        twice, though workers write late and their clocks differ by some seconds.

        Args:
            conditions: filters, all of which must hold.
            after: the page before, or a time; None for a first page.
            limit: how many of the newest make a first page; 0 for all.
            filters: the same by keyword.

        Raises:
            ColumnNotFoundError: a record has no such field.
            InvalidFilterError: an operator does not take its value.
        """
        wanted = LogFilter(*conditions, **filters)
        self._flush()
        if isinstance(after, LogPage):
            return self._next_page(wanted, after._cursor)  # noqa: SLF001 -- nobody else reads it
        if after is not None:
            start = floored(moment(after))
            return _page(found := self._stored_since(start, wanted), found, start)
        start = self._context.clock.now() - OVERLAP
        read = {document["_id"]: document for document in self._stored_since(start, wanted)}
        read |= {document["_id"]: document for document in self._newest(wanted, _checked(limit))}
        return _page(sorted(read.values(), key=_by_id)[-limit:], read.values(), start)

    def clear(self, *, before: datetime | None = None) -> int:
        """Remove the records from before a time, or all; return how many."""
        self._flush()
        return self._logs.delete_many({} if before is None else {"time": {"$lt": moment(before)}}).deleted_count

    def _next_page(self, wanted: LogFilter, cursor: _Cursor) -> LogPage:
        found = self._stored_since(cursor.stored, wanted)
        new = [document for document in found if document["_id"] not in cursor.seen]
        horizon = min(self._context.clock.now(), max((document["stored"] for document in found), default=_EPOCH))
        return _page(new, found, max(cursor.stored, horizon - OVERLAP))

    def _stored_since(self, stored: datetime, wanted: LogFilter) -> list[Document]:
        return sorted(self._find(wanted, {"stored": {"$gte": stored}}), key=_by_id)

    def _newest(self, wanted: LogFilter, limit: int) -> list[Document]:
        """Return the newest records that match, oldest first, without reading all the others."""
        if not limit:
            return sorted(self._find(wanted), key=_by_id)
        found: list[Document] = []
        # the records of a task have an index, and are few
        for window in [{}] if "task" in wanted.filter else self._windows():
            found = [*nlargest(limit - len(found), self._find(wanted, window), key=_by_id)[::-1], *found]
            if len(found) == limit:
                break
        return found

    def _windows(self) -> Iterator[Filter]:
        """Iterate over conditions on the time, from now on backwards, which hold for as few records as can be known."""
        now, first = self._context.clock.now(), self._logs.find_one()
        oldest = now if first is None else first["time"] - _MARGIN  # the first one stored, so about the oldest
        before: dict[str, datetime] = {}
        age = _FIRST_WINDOW
        while (start := now - age) > oldest:
            yield {"time": {"$gte": start, **before}}
            before = {"$lt": start}
            age *= _WIDER
        yield {"time": before} if before else {}

    def _find(self, wanted: LogFilter, bounds: Filter | None = None) -> Iterator[Document]:
        found = self._logs.find(both([bounds or {}, wanted.filter]))
        return (document for document in found if wanted.matches(document))


def _page(shown: Iterable[Document], read: Iterable[Document], stored: datetime) -> LogPage:
    """Return a page of what is shown, from which one reads on at what was stored since a time."""
    seen = frozenset(document["_id"] for document in read if document["stored"] >= stored)
    return LogPage(map(_public, shown), _Cursor(stored, seen))


def _public(document: Document) -> dict[str, Any]:
    return {name: document[name] for name in FIELDS}


def _checked(limit: int) -> int:
    if limit < 0:
        raise UnsupportedOptionError(f"limit is a number of records, or 0 for all, not {limit!r}")
    return limit
