"""The logbook in memory: the contract, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.errors import ColumnNotFoundError, InvalidFilterError, UnsupportedOptionError
from omega_domain.logbook.filter import LogFilter
from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.writer import LogWriter
from omega_domain.omega import Omega
from omega_domain.testing.logbook import LogbookContract, entry


def make() -> Omega:
    return Omega(metadata=MemoryMetadataStore(), store=MemoryStore())


class TestLogbookOnMemory(LogbookContract):
    """Records of tasks and loggers."""

    @pytest.fixture
    def make_omega(self) -> Callable[[], Omega]:
        return make


@pytest.mark.parametrize(
    ("filters", "error", "message"),
    [
        ({"mesage": "x"}, ColumnNotFoundError, "did you mean 'message'"),
        ({"stored": "x"}, ColumnNotFoundError, "no column 'stored'"),
        ({"level__gte": "LOUD"}, InvalidFilterError, "'LOUD' is no level of logging; there are 'DEBUG'"),
        ({"level": True}, InvalidFilterError, "True is no level"),
        ({"level": 2.5}, InvalidFilterError, "2.5 is no level"),
        ({"time__gte": "yesterday"}, InvalidFilterError, "'yesterday' is no time; write it like"),
        ({"time__gte": 2030}, InvalidFilterError, "2030 is no time; give a datetime"),
        ({"time__contains": "2030"}, InvalidFilterError, "'contains' needs text"),
    ],
)
def test_a_wrong_filter_is_refused(filters: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make().logger.dataset.get(**filters)
    with pytest.raises(error, match=message):
        make().logger.dataset.tail(**filters)


def test_a_wrong_limit_is_refused() -> None:
    with pytest.raises(UnsupportedOptionError, match="not -1"):
        make().logger.dataset.get(limit=-1)


@pytest.mark.parametrize(
    ("filters", "asked"),
    [
        ({}, {}),
        ({"task": "a", "level__gte": "ERROR"}, {"task": {"$eq": "a"}, "levelno": {"$gte": 40}}),
        ({"message__regex": "x"}, {}),
        ({"message": "\ud800"}, {}),
        ({"time__nin": ["2030-01-01"]}, {}),
    ],
)
def test_the_store_is_asked_for_what_it_can_answer(filters: dict[str, Any], asked: dict[str, Any]) -> None:
    assert LogFilter(**filters).filter == asked


def test_a_page_costs_what_came_not_what_is_there() -> None:
    om, clock = make(), ManualClock()
    om = Omega(metadata=om.context.metadata, store=om.context.store, clock=clock)
    writer = LogWriter(om.context)
    for number in range(100):
        writer.write(entry(str(number)))
        clock.advance(timedelta(seconds=1))
        writer.flush()
    page = Logbook(om.context).tail(limit=1)
    page = Logbook(om.context).tail(after=page)
    assert len(page._cursor.seen) <= 11
