"""Contract of the logbook: what tasks and loggers say is kept and found again, on any store."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock
from omega_domain.entities.query import Q
from omega_domain.entities.task import Task
from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.records import FIELDS, LOGS, Origin, make_entry
from omega_domain.logbook.task_output import captured
from omega_domain.logbook.writer import LogWriter
from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.testing.faults import FaultPlan, FaultyStore

WAIT = 30
MANY = 10_000


class Outage(FaultPlan):
    """A plan by which a store is away for a while, without anything being lost that it holds."""

    def start(self) -> None:
        """Let every operation fail from now on."""
        self.trace.append("outage")
        self.crashed = True

    def end(self) -> None:
        """Let operations succeed again."""
        self.crashed = False


def make_task(context: Context, id_: str = "t1", **options: Any) -> Task:
    """Return a task of a model."""
    return Task(
        id=id_,
        action="fit",
        kind="model",
        name="forecast",
        bucket="omega",
        context=context.name,
        options=options,
        submitted=context.clock.now(),
    )


def messages(logbook: Logbook, *conditions: Q, **filters: Any) -> list[str]:
    """Return the messages of the records that match."""
    return [record["message"] for record in logbook.get(*conditions, **filters)]


def wait_until(condition: Callable[[], bool]) -> None:
    """Return when the condition holds; fail if it does not for long."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class LogbookContract:
    """A subclass provides ``make_omega``."""

    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock()

    @pytest.fixture
    def context(self, make_omega: Callable[[], Omega], clock: ManualClock) -> Context:
        return replace(make_omega().context, clock=clock, author="ada")

    @pytest.fixture
    def writer(self, context: Context) -> LogWriter:
        return LogWriter(context)

    @pytest.fixture
    def logbook(self, context: Context, writer: LogWriter) -> Logbook:
        return Logbook(context, flush=writer.flush)

    def test_a_record_has_all_fields(self, context: Context, clock: ManualClock, logbook: Logbook) -> None:
        with captured(context, make_task(context), worker="w@host"):
            logging.getLogger("a.b").info("%d rows", 3)
        (record,) = logbook.get()
        assert tuple(record) == FIELDS
        assert record == {
            "time": clock.now(),
            "level": "INFO",
            "logger": "a.b",
            "message": "3 rows",
            "task": "t1",
            "worker": "w@host",
            "bucket": "omega",
            "author": "ada",
            "kind": "model",
            "name": "forecast",
            "traceback": None,
        }

    @pytest.mark.parametrize(
        ("filters", "found"),
        [
            ({}, ["start", "disk is full", "disk is gone", "end"]),
            ({"level": "error"}, ["disk is gone"]),
            ({"level": 30}, ["disk is full"]),
            ({"level__ne": "INFO"}, ["disk is full", "disk is gone"]),
            ({"level__gte": "WARNING"}, ["disk is full", "disk is gone"]),
            ({"level__between": ("INFO", "WARNING")}, ["start", "disk is full", "end"]),
            ({"level__in": ["ERROR", "INFO"]}, ["start", "disk is gone", "end"]),
            ({"level__startswith": "WARN"}, ["disk is full"]),
            ({"task": "a"}, ["start", "disk is full"]),
            ({"task__in": ["b", "c"]}, ["disk is gone"]),
            ({"task__isnull": True}, ["end"]),
            ({"message__contains": "disk"}, ["disk is full", "disk is gone"]),
            ({"message__regex": "(full|gone)$"}, ["disk is full", "disk is gone"]),
            ({"message__contains": "disk", "level": "ERROR"}, ["disk is gone"]),
            ({"time__gte": "2030-01-01 00:00:02"}, ["disk is gone", "end"]),
            ({"time__lt": "2030-01-01T01:00:02+01:00"}, ["start", "disk is full"]),
            ({"time__in": [datetime(2030, 1, 1, 0, 0, 1)]}, ["disk is full"]),  # noqa: DTZ001 -- UTC if no zone is said
            ({"time__between": ("2030-01-01 00:00:01", "2030-01-01 00:00:02")}, ["disk is full", "disk is gone"]),
            ({"time__ne": "2030-01-01"}, ["disk is full", "disk is gone", "end"]),
            ({"time__isnull": True}, []),
        ],
    )
    def test_records_are_found_by_filters(
        self, writer: LogWriter, clock: ManualClock, logbook: Logbook, filters: dict[str, Any], found: list[str]
    ) -> None:
        say(writer, clock, "start", task="a")
        say(writer, clock, "disk is full", task="a", level=logging.WARNING)
        say(writer, clock, "disk is gone", task="b", level=logging.ERROR)
        say(writer, clock, "end")
        assert writer.flush(), "the store took no records within 10 s, or failed"
        there, matching = messages(logbook), messages(logbook, **filters)
        assert matching == found, f"{matching} of {there}"

    def test_filters_may_be_combined(self, writer: LogWriter, clock: ManualClock, logbook: Logbook) -> None:
        for level in (logging.DEBUG, logging.INFO, logging.ERROR):
            say(writer, clock, str(level), level=level)
        assert messages(logbook, ~Q(level="INFO") & (Q(level="ERROR") | Q(message="10"))) == ["10", "40"]

    def test_times_between_milliseconds_are_compared_exactly(
        self, writer: LogWriter, clock: ManualClock, logbook: Logbook
    ) -> None:
        say(writer, clock, "x")
        start = clock.now() - timedelta(seconds=1)
        behind = start + timedelta(microseconds=300)
        assert messages(logbook, time__lt=behind) == ["x"]
        assert messages(logbook, time__gt=behind) == []
        assert messages(logbook, time=behind) == []
        assert messages(logbook, time=start) == ["x"]

    def test_records_of_one_moment_keep_their_order(self, writer: LogWriter, logbook: Logbook) -> None:
        for number in range(300):
            writer.write(entry(str(number)))
        assert messages(logbook) == [str(number) for number in range(300)]

    def test_a_limit_chooses_the_newest(self, writer: LogWriter, clock: ManualClock, logbook: Logbook) -> None:
        for number in range(6):
            say(writer, clock, str(number), level=logging.ERROR if number == 1 else logging.INFO)
            clock.advance(timedelta(days=30 * number))
        assert messages(logbook, limit=1) == ["5"]
        assert messages(logbook, limit=4) == ["2", "3", "4", "5"]
        assert messages(logbook, limit=100) == [str(number) for number in range(6)]
        assert messages(logbook, limit=1, level="ERROR") == ["1"]

    def test_following_tells_what_came_since(self, writer: LogWriter, clock: ManualClock, logbook: Logbook) -> None:
        for number in range(5):
            say(writer, clock, str(number))
        page = logbook.tail(limit=2)
        told = [record["message"] for record in page]
        for number in range(5, 30):
            say(writer, clock, str(number))
            if number % 3 == 0:
                page = logbook.tail(after=page)
                told += [record["message"] for record in page]
        assert told == [str(number) for number in range(3, 28)]
        page = logbook.tail(after=page)
        assert [record["message"] for record in page] == ["28", "29"]
        assert logbook.tail(after=page) == []

    def test_following_tells_all_if_nothing_limits_it(
        self, writer: LogWriter, clock: ManualClock, logbook: Logbook
    ) -> None:
        page = logbook.tail()
        assert page == []
        say(writer, clock, "first")
        clock.advance(timedelta(hours=1))
        page = logbook.tail(after=page)
        assert [record["message"] for record in page] == ["first"]
        assert [record["message"] for record in logbook.tail()] == ["first"]

    def test_what_others_store_late_is_told_once(
        self, context: Context, writer: LogWriter, clock: ManualClock, logbook: Logbook
    ) -> None:
        other = LogWriter(replace(context, clock=ManualClock(clock.now() - timedelta(seconds=3))))
        say(writer, clock, "ours")
        page = logbook.tail()
        other.write(entry("theirs"))
        other.flush()
        page = logbook.tail(after=page)
        assert [record["message"] for record in page] == ["theirs"]
        assert logbook.tail(after=page) == []
        assert messages(logbook) == ["theirs", "ours"]

    def test_following_may_start_at_a_time(self, writer: LogWriter, clock: ManualClock, logbook: Logbook) -> None:
        say(writer, clock, "before")
        writer.flush()
        page = logbook.tail(after=clock.advance(timedelta(seconds=1)), level__gte="INFO")
        assert page == []
        say(writer, clock, "behind")
        assert [record["message"] for record in logbook.tail(after=page)] == ["behind"]

    def test_old_records_are_removed(self, writer: LogWriter, clock: ManualClock, logbook: Logbook) -> None:
        for number in range(4):
            say(writer, clock, str(number))
        assert logbook.clear(before=clock.now() - timedelta(seconds=2)) == 2
        assert messages(logbook) == ["2", "3"]
        assert logbook.clear() == 2
        assert messages(logbook) == []

    def test_ten_thousand_lines_are_kept_in_order(self, context: Context, logbook: Logbook) -> None:
        log = logging.getLogger("many")
        with captured(context, make_task(context), worker="w"):
            for number in range(MANY):
                log.info("line %d", number)
        assert messages(logbook, task="t1") == [f"line {number}" for number in range(MANY)]

    def test_tasks_in_threads_are_told_apart(self, context: Context, logbook: Logbook) -> None:
        turn = threading.Barrier(3, timeout=WAIT)

        def work(id_: str) -> None:
            with captured(context, make_task(context, id_), worker="w"):
                for number in range(20):
                    turn.wait()
                    logging.getLogger("threads").info("%s %d", id_, number)

        threads = [threading.Thread(target=work, args=(id_,)) for id_ in "abc"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT)
        for id_ in "abc":
            assert messages(logbook, task=id_) == [f"{id_} {number}" for number in range(20)]
        assert len(logbook.get()) == 60

    def test_a_store_that_is_away_loses_nothing_and_fails_no_task(self, context: Context, logbook: Logbook) -> None:
        outage = Outage()
        with_faults = replace(context, store=FaultyStore(context.store, outage))
        with captured(with_faults, make_task(context), worker="w"):
            logging.getLogger("x").info("before")
            outage.start()
            for number in range(250):
                logging.getLogger("x").info("during %d", number)
        assert messages(logbook) in ([], ["before"])
        outage.end()
        wait_until(lambda: len(logbook.get()) == 251)
        assert messages(logbook) == ["before", *(f"during {number}" for number in range(250))]

    @pytest.mark.parametrize("when", ["before", "middle", "after"])
    def test_what_a_failed_attempt_has_written_is_not_written_twice(
        self, context: Context, logbook: Logbook, when: Any
    ) -> None:
        plan = FaultPlan(4, when=when, fault="full")  # behind three indexes
        writer = LogWriter(replace(context, store=FaultyStore(context.store, plan)))
        for number in range(50):
            writer.write(entry(str(number)))
        wait_until(writer.flush)
        assert plan.trace[3] == "insert_many"
        assert messages(logbook) == [str(number) for number in range(50)]

    def test_records_are_kept_in_a_collection_of_their_own(self, context: Context, writer: LogWriter) -> None:
        writer.write(entry("x"))
        writer.flush()
        assert LOGS in context.store.collections()


def entry(message: str, *, task: str | None = None, level: int = logging.INFO) -> dict[str, Any]:
    """Return what is kept of a record."""
    return make_entry(Origin(bucket="omega", author="ada", task=task), level=level, logger="test", message=message)


def say(
    writer: LogWriter, clock: ManualClock, message: str, *, task: str | None = None, level: int = logging.INFO
) -> None:
    """Write a record, and let a second go by."""
    writer.write(entry(message, task=task, level=level))
    clock.advance(timedelta(seconds=1))
