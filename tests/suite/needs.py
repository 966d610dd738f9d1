"""What tests need that is not everywhere: programs of the system, and extras with heavy distributions.

``@pytest.mark.needs("skops")`` skips a test where skops is missing, and says why; ``OMEGA_TEST_REQUIRE=skops,rabbitmq``
makes the test fail there. ``@pytest.mark.changes_with("arrow")`` runs everywhere, and once more where the extra is
installed, since the code then takes another way. ``pytest --extra arrow`` runs the tests with either mark, no others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

import pytest
from tests.servers.rabbitmq import NOT_INSTALLED, RabbitServer

REQUIRE: Final = "OMEGA_TEST_REQUIRE"
"""Names, with commas, what must be there: tests that need it fail rather than being skipped."""

MISSING: Final = re.compile(r'missing\("(\w+)"\)')
"""How an example of the documentation says what it needs: ``<!-- skip: next if(missing("skops"), ...) -->``."""


@dataclass(frozen=True, slots=True)
class Need:
    """Something that tests need.

    Attributes:
        is_there: whether it can be used here.
        missing: what is said where it can not.
    """

    is_there: Callable[[], bool]
    missing: str


def _extra(name: str, module: str) -> Need:
    """Return the need of a distribution that an environment of ``make extras`` installs."""
    return Need(lambda: find_spec(module) is not None, f"{module} is not installed; run: make extras E={name}")


#: A new capability adds a line here, and its lines to tox.ini.
NEEDS: Final = {
    "rabbitmq": Need(lambda: RabbitServer.program() is not None, NOT_INSTALLED),
    "skops": _extra("skops", "skops"),
    "arrow": _extra("arrow", "pymongoarrow"),
}


def missing(name: str) -> bool:
    """Tell whether what is named is not there; what is required is not missing, so that its tests run and fail."""
    return name not in _required() and not NEEDS[name].is_there()


def require(name: str) -> None:
    """End the test if what is named is not there: as a failure if it is required, else as skipped."""
    if not NEEDS[name].is_there():
        if name in _required():
            pytest.fail(f"{REQUIRE} names {name}, but {NEEDS[name].missing}")
        pytest.skip(NEEDS[name].missing)


def _required() -> set[str]:
    return {name.strip() for name in os.environ.get(REQUIRE, "").split(",")} - {""}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer ``--extra``."""
    parser.addoption("--extra", help="run only the tests that need this, or whose code takes another way with it")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marks known, and refuse names that nothing has."""
    config.addinivalue_line("markers", "needs(name): is skipped, or fails, where this is missing")
    config.addinivalue_line("markers", "changes_with(name): is run once more where this is installed")
    for source, names in ((REQUIRE, _required()), ("--extra", {config.option.extra} - {None})):
        if unknown := names - set(NEEDS):
            raise pytest.UsageError(f"{source}: {', '.join(unknown)} is not known; there are: {', '.join(NEEDS)}")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Look for what a test needs before its fixtures are made."""
    for mark in item.iter_markers("needs"):
        require(*mark.args)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what has nothing to do with the extra that was asked for."""
    for item in items:
        if unknown := set(names_of(item)) - set(NEEDS):
            raise pytest.UsageError(f"{item.nodeid}: {', '.join(unknown)} is not known; there are: {', '.join(NEEDS)}")
    if config.option.extra is not None:
        others = [item for item in items if config.option.extra not in names_of(item)]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if config.option.extra in names_of(item)]


def names_of(item: pytest.Item) -> Iterator[str]:
    """Yield what a test names in its marks, or the document of an example, whose examples build on each other."""
    for name in ("needs", "changes_with"):
        for mark in item.iter_markers(name):
            yield from mark.args
    if (example := getattr(item, "example", None)) is not None:
        yield from MISSING.findall(example.document.text)
