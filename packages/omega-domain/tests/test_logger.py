"""`om.logger`: a logger of Python's, whose records are kept."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.logbook.reading import Logbook
from omega_domain.logbook.task_output import captured
from omega_domain.logbook.writer import unheard
from omega_domain.omega import Omega
from omega_domain.repository.attempts import attempting
from omega_domain.testing.faults import FaultyStore
from omega_domain.testing.logbook import Outage, make_task, messages, wait_until


@pytest.fixture
def om() -> Omega:
    return Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), author="ada")


def test_what_it_is_told_is_kept(om: Omega) -> None:
    om.logger.info("hello %s", "you")
    (record,) = om.logger.dataset.get()
    del record["time"]
    assert record == {
        "level": "INFO",
        "logger": "omega",
        "message": "hello you",
        "task": None,
        "worker": None,
        "bucket": "omega",
        "author": "ada",
        "kind": None,
        "name": None,
        "traceback": None,
    }


def test_it_has_the_methods_of_a_logger(om: Omega) -> None:
    om.logger.setLevel("DEBUG")
    om.logger.debug("1")
    om.logger.info("2")
    om.logger.warning("3")
    om.logger.error("4")
    om.logger.critical("5")
    om.logger.log(logging.INFO, "6")
    try:
        int("seven")
    except ValueError:
        om.logger.exception("7")
    records = om.logger.dataset.get()
    assert [record["message"] for record in records] == list("1234567")
    assert [record["level"] for record in records] == [
        "DEBUG",
        "INFO",
        "WARNING",
        "ERROR",
        "CRITICAL",
        "INFO",
        "ERROR",
    ]
    assert records[-1]["traceback"].endswith("'seven'")


def test_it_prints_nothing(om: Omega, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    om.logger.critical("quiet")
    assert capsys.readouterr() == ("", "")
    assert caplog.records == []


def test_its_level_is_info_unless_it_is_set(om: Omega) -> None:
    om.logger.debug("no")
    assert om.logger.level == logging.NOTSET
    assert om.logger.getEffectiveLevel() == logging.INFO
    om.logger.setLevel(logging.ERROR)
    om.logger.warning("no")
    om.logger.error("yes")
    assert messages(om.logger.dataset) == ["yes"]


def test_its_level_is_that_of_the_task_whose_output_is_kept(om: Omega) -> None:
    with captured(om.context, make_task(om.context, logging="DEBUG"), worker="w"):
        om.logger.debug("yes")
    with captured(om.context, make_task(om.context, logging="ERROR"), worker="w"):
        om.logger.warning("no")
    assert messages(om.logger.dataset) == ["yes"]


def test_it_can_be_switched_off(om: Omega) -> None:
    om.logger.disabled = True
    om.logger.error("no")
    om.logger.disabled = False
    logging.disable(logging.ERROR)
    try:
        om.logger.error("no")
        om.logger.critical("yes")
    finally:
        logging.disable(logging.NOTSET)
    assert messages(om.logger.dataset) == ["yes"]


def test_a_child_keeps_what_it_is_told(om: Omega) -> None:
    om.logger.setLevel("ERROR")
    child = om["dev"].logger.getChild("part")
    child.info("x")
    child.dataset.get()
    assert [(r["logger"], r["bucket"]) for r in om.logger.dataset.get()] == [("omega.part", "dev")]
    om.logger.getChild("other").warning("below its parent's level")
    assert len(om.logger.dataset.get()) == 1


def test_in_a_task_it_says_which(om: Omega) -> None:
    with captured(om.context, make_task(om.context), worker="w"):
        om["dev"].logger.info("x")
        assert messages(om.logger.dataset) == ["x"]
    (record,) = om.logger.dataset.get()
    assert (record["task"], record["worker"], record["bucket"], record["name"]) == ("t1", "w", "dev", "forecast")


def test_in_a_task_whose_output_is_not_kept_it_says_which_at_once(om: Omega) -> None:
    with attempting(make_task(om.context), 1):
        om.logger.info("x")
        assert messages(Logbook(om.context), task="t1") == ["x"]
    assert om.logger.dataset.get()[0]["worker"] is None


def test_in_a_task_of_another_context_it_writes_to_its_own(om: Omega) -> None:
    other = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    with captured(other.context, make_task(other.context), worker="w"):
        om.logger.info("x")
        assert messages(om.logger.dataset) == ["x"]
    assert messages(other.logger.dataset) == []
    assert om.logger.dataset.get()[0]["task"] is None


def test_a_store_that_logs_by_it_while_it_writes_is_not_heard(om: Omega) -> None:
    with unheard():
        om.logger.error("not kept")
    assert messages(om.logger.dataset) == []


def test_it_does_not_fail_because_the_store_is_away(om: Omega) -> None:
    outage = Outage()
    om = Omega(replace(om.context, store=FaultyStore(om.context.store, outage)))
    outage.start()
    with attempting(make_task(om.context), 1):
        for number in range(5):
            om.logger.info("%d", number)
    outage.end()
    wait_until(lambda: len(om.logger.dataset.get()) == 5)
    assert messages(om.logger.dataset) == list("01234")
