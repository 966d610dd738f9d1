"""A plugin of pytest that notes which tests there are, and how each of them ended."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from tests.soak.results import FILE

KILLED: Final = re.compile(r"^killed (\d+) processes$", re.MULTILINE)
"""What a test prints about the processes that it has killed."""


def _write(**said: Any) -> None:
    if FILE in os.environ and "PYTEST_XDIST_WORKER" not in os.environ:
        with Path(os.environ[FILE]).open("a") as file:
            file.write(json.dumps(said) + "\n")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_node_collection_finished(ids: Sequence[str]) -> None:
    """Note the tests that a worker of xdist has found."""
    _write(collected=list(ids))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Note the tests that are run by this process itself."""
    _write(collected=[item.nodeid for item in session.items])


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note what became of a test."""
    _write(**dict(_said(report)))


def _said(report: pytest.TestReport) -> Iterator[tuple[str, Any]]:
    if report.when == "teardown":
        yield "ended", [report.nodeid]
    if report.failed:
        yield "failed", [report.nodeid]
    if report.when == "call":
        yield "kills", sum(map(int, KILLED.findall(report.capstdout)))


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Note a file that could not be read."""
    if report.failed:
        _write(failed=[report.nodeid])
