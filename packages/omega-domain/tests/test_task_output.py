"""What a task logs, prints and warns of is kept; the console sees what it would have seen without that."""

from __future__ import annotations

import asyncio
import io
import logging
import multiprocessing
import os
import pickle
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.errors import UnsupportedOptionError
from omega_domain.logbook.hooks import current_listener
from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.records import LINE_LIMIT, TRACEBACK_LIMIT
from omega_domain.logbook.task_output import captured
from omega_domain.logbook.writer import unheard
from omega_domain.omega import Omega
from omega_domain.repository.attempts import attempting, current_task
from omega_domain.testing.logbook import WAIT, make_task, messages, wait_until

log = logging.getLogger("a.task")


@pytest.fixture
def om() -> Omega:
    return Omega(metadata=MemoryMetadataStore(), store=MemoryStore())


@contextmanager
def fresh_root() -> Iterator[logging.Logger]:
    """The root logger as it is in a fresh process: at WARNING, and without handlers."""
    root = logging.root
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.WARNING)
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


@contextmanager
def kept(om: Omega, id_: str = "t1", **options: Any) -> Iterator[None]:
    with captured(om.context, make_task(om.context, id_, **options), worker="w"):
        yield


def said(om: Omega, **filters: Any) -> list[tuple[str, str, str]]:
    return [(record["level"], record["logger"], record["message"]) for record in om.logger.dataset.get(**filters)]


# -- what is kept --------------------------------------------------------------------------------------------------


def test_all_that_a_task_says_is_kept_in_order(om: Omega) -> None:
    with _shown_warnings(), kept(om, logging=True):
        print("a line")  # noqa: T201 -- what tasks do
        log.info("a record")
        sys.stderr.write("an error\n")
        warnings.warn("careful", UserWarning, stacklevel=1)
        om.logger.error("ours")
    found = said(om)
    assert found[:3] == [
        ("INFO", "stdout", "a line"),
        ("INFO", "a.task", "a record"),
        ("WARNING", "stderr", "an error"),
    ]
    level, logger, message = found[3]
    assert (level, logger) == ("WARNING", "py.warnings")
    assert message.startswith("UserWarning: careful (")
    assert found[4:] == [("ERROR", "omega", "ours")]
    assert {record["task"] for record in om.logger.dataset.get()} == {"t1"}


@pytest.mark.parametrize(
    ("level", "kept_levels"),
    [
        (True, ["INFO", "INFO", "WARNING", "ERROR"]),
        ("DEBUG", ["DEBUG", "INFO", "INFO", "WARNING", "ERROR"]),
        ("warning", ["WARNING", "ERROR"]),
        (logging.ERROR, ["ERROR"]),
    ],
)
def test_the_option_names_the_lowest_level(om: Omega, level: object, kept_levels: list[str]) -> None:
    with fresh_root(), kept(om, logging=level):
        log.debug("x")
        log.info("x")
        print("x")  # noqa: T201 -- what tasks do
        sys.stderr.write("x\n")
        log.error("x")
    assert [found[0] for found in said(om)] == kept_levels


def test_a_level_that_does_not_exist_is_refused(om: Omega) -> None:
    refused = pytest.raises(UnsupportedOptionError, match="'LOUD' is no level of logging; there are 'DEBUG', 'INFO'")
    with refused, kept(om, logging="LOUD"):
        pass


def test_the_error_of_a_failing_task_is_kept_with_its_traceback(om: Omega) -> None:
    with pytest.raises(ZeroDivisionError), kept(om):
        _say_and_divide(1, 0)
    before, failed = om.logger.dataset.get()
    assert before["message"] == "before"
    assert failed["level"] == "ERROR"
    assert failed["message"] == "fit of 'forecast' failed: ZeroDivisionError: division by zero"
    assert failed["traceback"].startswith("Traceback (most recent call last):")
    assert "in _say_and_divide" in failed["traceback"]


def test_what_ends_the_process_is_kept_too(om: Omega) -> None:
    with pytest.raises(SystemExit), kept(om):
        raise SystemExit(3)
    assert said(om, level="ERROR") == [("ERROR", "omega.task", "fit of 'forecast' failed: SystemExit: 3")]


def test_an_error_without_text_is_kept(om: Omega) -> None:
    with pytest.raises(_Mute), kept(om):
        raise _Mute
    assert said(om) == [("ERROR", "omega.task", "fit of 'forecast' failed: _Mute: <_Mute without text>")]


def test_a_record_that_can_not_be_formatted_is_kept_as_it_is(om: Omega) -> None:
    with fresh_root(), kept(om):
        log.error("%d rows", "no")
    (message,) = messages(om.logger.dataset)
    assert message.startswith("%d rows [could not be put into words: TypeError: %d format")


def test_tracebacks_and_stacks_of_records_are_kept(om: Omega) -> None:
    with kept(om):
        try:
            _divide(1, 0)
        except ZeroDivisionError:
            log.exception("failed", stack_info=True)
        log.error("nothing", exc_info=(None, None, None))
    failed, nothing = om.logger.dataset.get()
    assert "ZeroDivisionError: division by zero\nStack (most recent call last):" in failed["traceback"]
    assert nothing["traceback"] is None


# -- lines ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pieces", "lines"),
    [
        (["a\nb\n"], ["a", "b"]),
        (["a", "b", "\n"], ["ab"]),
        (["a\n", "b"], ["a", "b"]),
        (["\n", "  \n", "a\n"], ["a"]),
        (["  indented \n"], ["  indented "]),
        (["\r 10%", "\r 50%", "\r100%", "\ndone\n"], ["100%", "done"]),
        (["10%\r", "50%\r", "\r", "\r", "99%\r", "\n"], ["99%"]),
        (["10%\r20%\r30%"], ["30%"]),
        (["a\r\n", "b\r", "\nc"], ["a", "b", "c"]),
    ],
)
def test_lines_are_kept_when_they_end(om: Omega, pieces: list[str], lines: list[str]) -> None:
    with kept(om):
        for piece in pieces:
            sys.stdout.write(piece)
    assert messages(om.logger.dataset) == lines


def test_lines_that_are_too_long_are_cut(om: Omega) -> None:
    with kept(om):
        for piece in [*("x" * 1000,) * 100, "\n"]:
            sys.stdout.write(piece)
        log.warning("ü" * LINE_LIMIT)
        log.warning("z" * LINE_LIMIT)
    printed, logged, fits = messages(om.logger.dataset)
    assert printed == "x" * LINE_LIMIT + " … [cut: longer than 16 kB]"
    assert logged == "ü" * (LINE_LIMIT // 2) + " … [cut: longer than 16 kB]"
    assert fits == "z" * LINE_LIMIT


def test_of_a_long_traceback_the_end_is_kept(om: Omega) -> None:
    with pytest.raises(ValueError, match="xx"), kept(om):
        raise ValueError("x" * 2 * TRACEBACK_LIMIT + "the end")
    (record,) = om.logger.dataset.get()
    assert record["traceback"].startswith("[cut: only the last 64 kB]\n… xx")
    assert record["traceback"].endswith("the end\n")
    assert len(record["traceback"]) < TRACEBACK_LIMIT + 100


def test_text_that_no_store_can_hold_is_escaped(om: Omega) -> None:
    with kept(om):
        om.logger.warning("half \ud800 a pair")
    assert messages(om.logger.dataset) == [r"half \ud800 a pair"]


def test_lines_may_be_written_at_once(om: Omega) -> None:
    with kept(om):
        sys.stdout.writelines(["a\n", "b\n"])
    assert messages(om.logger.dataset) == ["a", "b"]


# -- the console ---------------------------------------------------------------------------------------------------


def test_the_console_sees_what_is_printed(om: Omega, capsys: pytest.CaptureFixture[str]) -> None:
    with kept(om):
        assert sys.stdout.write("out\n") == 4
        sys.stderr.write("err\n")
        sys.stdout.flush()
    assert capsys.readouterr() == ("out\n", "err\n")


def test_the_console_sees_the_records_that_it_would_have_seen(om: Omega, capsys: pytest.CaptureFixture[str]) -> None:
    with fresh_root(), kept(om):
        log.info("not at this level")
        log.warning("by the last resort")
    assert capsys.readouterr().err == "by the last resort\n"
    assert messages(om.logger.dataset) == ["not at this level", "by the last resort"]


def test_a_logger_with_a_level_of_its_own_is_left_alone(om: Omega, capsys: pytest.CaptureFixture[str]) -> None:
    loud, quiet = logging.getLogger("loud"), logging.getLogger("quiet")
    loud.setLevel(logging.DEBUG)
    quiet.setLevel(logging.ERROR)
    with fresh_root() as root, kept(om):
        root.addHandler(logging.StreamHandler())
        loud.getChild("x").info("said")
        quiet.warning("not said")
    loud.setLevel(logging.NOTSET)
    quiet.setLevel(logging.NOTSET)
    assert capsys.readouterr().err == "said\n"
    assert messages(om.logger.dataset) == ["said"]


def test_a_record_that_a_handler_prints_is_kept_once(om: Omega) -> None:
    with fresh_root() as root:
        with kept(om):
            logging.basicConfig(level=logging.DEBUG, force=True)
            log.debug("at a level of the task's own, not kept")
            log.info("once")
            log.warning("twice?")
        assert root.level == logging.DEBUG
    assert messages(om.logger.dataset) == ["once", "twice?"]


def test_a_logger_that_does_not_propagate_is_heard(om: Omega) -> None:
    alone = logging.getLogger("alone")
    alone.propagate = False
    try:
        with kept(om):
            alone.warning("here")
    finally:
        alone.propagate = True
    assert messages(om.logger.dataset) == ["here"]


def test_warnings_are_shown_as_before(om: Omega) -> None:
    with _shown_warnings() as shown:
        with kept(om):
            warnings.warn("careful", UserWarning, stacklevel=1)
        warnings.warn("afterwards", UserWarning, stacklevel=1)
    assert shown == ["careful", "afterwards"]
    assert len(om.logger.dataset.get()) == 1


def test_all_is_as_before_when_the_task_has_ended(om: Omega) -> None:
    with fresh_root() as root:
        before = (sys.stdout, sys.stderr, warnings.showwarning, logging.Logger.callHandlers, root.level)
        with kept(om), kept(om, "t2", logging="DEBUG"):
            assert root.level == logging.DEBUG
            assert sys.stdout is not before[0]
            assert sys.stdout.encoding == before[0].encoding
        assert (sys.stdout, sys.stderr, warnings.showwarning, logging.Logger.callHandlers, root.level) == before


def test_what_the_task_has_replaced_is_left_as_it_is(om: Omega) -> None:
    loggers: Any = logging.Logger
    before = sys.stdout, warnings.showwarning, loggers.callHandlers
    replaced = io.StringIO(), _nothing, _nothing
    with fresh_root() as root:
        try:
            with kept(om):
                sys.stdout, warnings.showwarning, loggers.callHandlers = replaced
                root.setLevel(logging.CRITICAL)
            assert (sys.stdout, warnings.showwarning, loggers.callHandlers) == replaced
            assert root.level == logging.CRITICAL
        finally:
            sys.stdout, warnings.showwarning, loggers.callHandlers = before


def test_a_hook_that_somebody_has_kept_goes_on_passing_all_on(om: Omega, capsys: pytest.CaptureFixture[str]) -> None:
    with kept(om):
        stream, handle = sys.stdout, logging.Logger.callHandlers
    stream.write("later\n")
    with fresh_root() as root:
        handle(root, logging.LogRecord("x", logging.ERROR, "f", 1, "later", (), None))
    assert capsys.readouterr() == ("later\n", "later\n")
    assert messages(om.logger.dataset) == []


def test_a_process_without_a_console_has_none(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with kept(om):
        print("nowhere")  # noqa: T201 -- what tasks do
        log.warning("kept")
    assert sys.stdout is None
    assert messages(om.logger.dataset) == ["kept"]


def test_an_object_that_holds_the_stream_can_be_pickled(om: Omega) -> None:
    with kept(om):
        assert pickle.loads(pickle.dumps(sys.stdout)) is sys.stdout  # noqa: S301 -- our own


def test_bytes_for_a_stream_of_text_are_the_streams_business(om: Omega) -> None:
    with kept(om), pytest.raises(TypeError):
        sys.stdout.write(b"x")  # type: ignore[arg-type]
    assert messages(om.logger.dataset) == []


# -- whose it is ---------------------------------------------------------------------------------------------------


def test_nothing_is_kept_of_what_is_said_outside_of_the_task(om: Omega) -> None:
    during, done = threading.Event(), threading.Event()

    def other() -> None:
        during.wait(WAIT)
        log.warning("not the task")
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with kept(om):
        during.set()
        assert done.wait(WAIT)
        log.warning("the task")
    thread.join(WAIT)
    log.warning("afterwards")
    assert messages(om.logger.dataset) == ["the task"]


def test_threads_that_a_task_starts_belong_to_it(om: Omega) -> None:
    with kept(om):
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda number: log.warning("%d", number), range(5)))
        asyncio.run(asyncio.to_thread(log.warning, "async"))
    assert sorted(messages(om.logger.dataset)) == ["0", "1", "2", "3", "4", "async"]


def test_threads_without_context_belong_to_nobody_if_two_tasks_are_heard(om: Omega) -> None:
    with kept(om), kept(om, "t2"):
        _run(lambda: log.warning("whose?"))
        log.warning("mine")
    assert messages(om.logger.dataset, task="t2") == ["mine"]
    assert len(om.logger.dataset.get()) == 1


def test_a_task_that_keeps_nothing_is_not_heard_in_its_own_thread(om: Omega) -> None:
    def other() -> None:
        with attempting(make_task(om.context, "t2"), 1):
            log.warning("not kept")

    with kept(om):
        _run(other)
    assert messages(om.logger.dataset) == []


def test_lines_of_threads_are_not_mixed(om: Omega) -> None:
    turn = threading.Barrier(2, timeout=WAIT)

    def work(name: str) -> None:
        for piece in (name, name, "\n"):
            turn.wait()
            sys.stdout.write(piece)

    with kept(om), ThreadPoolExecutor(2) as pool:
        list(pool.map(work, "ab"))
    assert sorted(messages(om.logger.dataset)) == ["aa", "bb"]


def test_a_task_within_a_task_keeps_its_own(om: Omega) -> None:
    with kept(om, "outer"):
        log.warning("1")
        with kept(om, "inner"):
            log.warning("2")
        log.warning("3")
    assert messages(om.logger.dataset, task="outer") == ["1", "3"]
    assert messages(om.logger.dataset, task="inner") == ["2"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system starts processes afresh, which inherit nothing")
def test_a_process_that_the_task_forks_keeps_nothing(om: Omega) -> None:
    with kept(om):
        process = multiprocessing.get_context("fork").Process(target=_check_unheard)
        process.start()
        process.join(WAIT)
    assert process.exitcode == 0
    assert current_listener() is None


def test_the_current_task_is_that_of_the_attempt(om: Omega) -> None:
    assert current_task() is None
    with attempting(task := make_task(om.context), 1):
        assert current_task() is task
    assert current_task() is None


# -- the store -----------------------------------------------------------------------------------------------------


def test_a_store_that_logs_while_it_writes_is_not_heard(om: Omega) -> None:
    class Loud(MemoryStore):
        def collection(self, key: str) -> Any:
            log.warning("opening")
            return super().collection(key)

    class LoudText:
        def __str__(self) -> str:
            log.warning("asked for text")
            return "text"

    om = Omega(metadata=MemoryMetadataStore(), store=Loud())
    with kept(om):
        log.warning("%s", LoudText())
    assert messages(om.logger.dataset) == ["text"]


def test_a_store_that_warns_while_it_writes_is_not_heard(om: Omega) -> None:
    with _shown_warnings() as shown, kept(om), unheard():
        warnings.warn("careful", UserWarning, stacklevel=1)
        sys.stdout.write("out\n")
    assert shown == ["careful"]
    assert messages(om.logger.dataset) == []


def test_a_record_is_there_a_second_later_though_the_task_goes_on(om: Omega) -> None:
    with kept(om):
        log.warning("first")
        wait_until(lambda: messages(Logbook(om.context)) == ["first"])


def test_a_hundred_records_do_not_wait(om: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omega_domain.logbook.writer.INTERVAL", 1000.0)
    with kept(om):
        for number in range(100):
            log.warning("%d", number)
        wait_until(lambda: len(Logbook(om.context).get()) == 100)


class _Mute(Exception):  # noqa: N818 -- it says nothing
    def __str__(self) -> str:
        raise RuntimeError


@contextmanager
def _shown_warnings() -> Iterator[list[str]]:
    """Show all warnings, by adding them to a list."""
    shown: list[str] = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *_, **__: shown.append(str(message))
        yield shown


def _nothing(*_: object, **__: object) -> None: ...


def _divide(one: int, other: int) -> float:
    return one / other


def _say_and_divide(one: int, other: int) -> float:
    print("before", end="")  # noqa: T201 -- what tasks do
    return one / other


def _run(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(WAIT)


def _check_unheard() -> None:
    assert current_listener() is None
    print("in the child")  # noqa: T201 -- what tasks do
    log.warning("in the child")
