"""What all tests share: nobody's own store is touched, and the examples of README and docs are tests."""

from __future__ import annotations

import doctest
import faulthandler
import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

import coverage
import pytest
from sybil import Example, Sybil
from sybil.evaluators.doctest import OutputChecker
from sybil.parsers.myst import ClearNamespaceParser, CodeBlockParser, PythonCodeBlockParser, SkipParser
from sybil.sybil import SybilCollection
from tests.profiles import register_profiles

pytest_plugins = ["tests.servers.fixtures", "tests.suite.leftovers", "tests.suite.needs", "tests.suite.ordering"]
register_profiles()

LENIENT = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def pytest_configure() -> None:
    """Show the stacks of all threads at a signal, for whoever sees that this process hangs; it goes on."""
    faulthandler.register(signal.SIGUSR1, file=os.dup(sys.__stderr__.fileno()) if sys.__stderr__ else 2)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish() -> None:
    """Write what was measured so far: xdist kills a worker that is not gone 10 s after the last test."""
    if (measuring := coverage.Coverage.current()) is not None:
        measuring.save()


@pytest.fixture(scope="session", autouse=True)
def nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home of this run's own, without anybody's settings."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("OMEGA_") and not name.startswith("OMEGA_TEST_")]:
            patch.delenv(name)
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        patch.setenv("OMEGA_HOME", str(home / "omega"))
        patch.setenv("OMEGA_KEYS", str(home / "keys"))
        yield home


@pytest.fixture(scope="session", autouse=True)
def plugins_read_once() -> Iterator[None]:
    """What is installed changes only with the path; each setup() reads the entry points of all distributions."""
    from omega_ml import plugins  # noqa: PLC0415 -- coverage begins before

    @cache
    def read(_: tuple[str, ...], group: str) -> EntryPoints:
        return entry_points(group=group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plugins, "entry_points", lambda *, group: read(tuple(sys.path), group))
        yield


@pytest.fixture(scope="module")
def document_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder and a default store for the examples of one document."""
    import omega_ml  # noqa: PLC0415 -- coverage begins before

    folder = tmp_path_factory.mktemp("document")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(omega_ml, "_LazyModule__default", None)  # `import omega_ml as om` is opened anew
        patch.chdir(folder)
        patch.setenv("OMEGA_HOME", str(folder / "omega"))
        yield folder


def run_console(example: Example) -> str | None:
    """Run the commands behind ``$`` and compare what they print with the lines below them."""
    script = Path(sys.executable).parent
    for block in ("\n" + example.parsed).split("\n$ ")[1:]:
        line, _, expected = block.partition("\n")
        words = shlex.split(line, comments=True)
        done = subprocess.run([script / words[0], *words[1:]], capture_output=True, text=True, check=False, timeout=300)
        printed = done.stdout + done.stderr
        if expected.strip() and not OutputChecker().check_output(expected.strip(), printed.strip(), LENIENT):
            return f"$ {line}\nexpected:\n{expected}\nprinted (exit code {done.returncode}):\n{printed}"
        if not expected.strip() and done.returncode:
            return f"$ {line}\nexit code {done.returncode}:\n{printed}"
    return None


@pytest.fixture(scope="module")
def document_database(mongo_server: Any, document_home: Path, monkeypatch_module: pytest.MonkeyPatch) -> Iterator[str]:
    """A database for the examples of the document about MongoDB."""
    name = f"omega_test_{document_home.name}"
    monkeypatch_module.setenv("OMEGA_MONGO_URL", mongo_server.url_of(name))
    yield name
    mongo_server.drop(name)


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    """Changes that last for all tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def know_what_is_missing(namespace: dict[str, Any]) -> None:
    """Let examples say that they need an extra: ``<!-- skip: next if(missing("skops"), reason="...") -->``."""
    from tests.suite.needs import missing  # noqa: PLC0415 -- pytest imports its plugins itself, to rewrite their asserts

    namespace["missing"] = missing


PARSERS: list[Any] = [
    PythonCodeBlockParser(doctest_optionflags=LENIENT),
    CodeBlockParser("console", run_console),
    ClearNamespaceParser(),
    SkipParser(),
]
pytest_collect_file = SybilCollection(
    [
        Sybil(
            parsers=PARSERS,
            patterns=["README.md", "docs/**/*.md", "docs/*.md"],
            excludes=["packages/**", "docs/mongodb.md"],
            fixtures=["document_home"],
            setup=know_what_is_missing,
        ),
        Sybil(
            parsers=PARSERS,
            patterns=["docs/mongodb.md"],
            fixtures=["document_home", "document_database"],
            setup=know_what_is_missing,
        ),
    ]
).pytest()
