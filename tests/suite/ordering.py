"""The tests that take longest begin first, so that none of them ends alone while other processes have nothing to do.

``tests/durations.json`` has the seconds of each scope that xdist's ``--dist loadscope`` hands out: a module, a class of
it, or a document. ``--write-durations`` measures them anew. xdist itself would sort scopes by how many tests they have,
hence ``--no-loadscope-reorder``.
"""

from __future__ import annotations

import fcntl
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import pytest

DURATIONS: Final = Path(__file__).parents[1] / "durations.json"
UNKNOWN: Final = float("inf")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what is done with times."""
    parser.addoption("--write-durations", action="store_true", help="note how long each scope took")
    parser.addoption("--durations-file", type=Path, default=DURATIONS, help="where that is noted")
    parser.addoption("--slowest-modules", type=int, default=0, metavar="N", help="show so many that took longest")


def pytest_configure(config: pytest.Config) -> None:
    """Measure, but not in the processes of xdist, which report to the one that started them."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Clock(config), "omega-clock")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort, without a change of the order within a scope; what was never measured begins first."""
    path: Path = config.option.durations_file
    known: dict[str, float] = json.loads(path.read_text()) if path.exists() else {}
    items.sort(key=lambda item: -known.get(scope_of(item.nodeid), UNKNOWN))


def scope_of(nodeid: str) -> str:
    """Return the scope of a test, as xdist does."""
    return nodeid.rsplit("::", 1)[0]


def noted(path: Path, seconds: Mapping[str, float], root: Path) -> None:
    """Write down what was measured beside what is known, without scopes whose file is gone.

    Several runs may do so at a time.
    """
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        known = json.loads(file.read() or "{}") | {scope: round(value, 1) for scope, value in seconds.items()}
        kept = {scope: known[scope] for scope in sorted(known) if (root / scope.partition("::")[0]).exists()}
        file.truncate(0)
        json.dump(kept, file, indent=0)
        file.write("\n")


class _Clock:
    """Adds up how long the tests take: what they wait for, and their fixtures, too."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[scope_of(report.nodeid)] += report.duration  # type: ignore[assignment] # a Counter adds any numbers

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        options = self._config.option
        if options.write_durations:
            noted(options.durations_file, self._seconds, self._config.rootpath)
        if options.slowest_modules:
            terminalreporter.section("slowest modules")
            for line in _lines(self._seconds.most_common(options.slowest_modules)):
                terminalreporter.write_line(line)


def _lines(seconds: Iterable[tuple[str, float]]) -> list[str]:
    return [f"{value:8.1f} s  {scope}" for scope, value in seconds]
