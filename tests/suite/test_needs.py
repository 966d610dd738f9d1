"""What is missing is said: as a reason where a test is skipped, as a failure where it is required."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.suite.needs import NEEDS, REQUIRE, missing, names_of

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest
from tests.servers.rabbitmq import RabbitServer
from tests.suite import needs

RabbitServer.program = classmethod(lambda _: None)
needs.find_spec = lambda _: None

def test_plain():
    pass

@pytest.mark.needs("skops")
def test_skops(tmp_path):
    pass

@pytest.mark.changes_with("skops")
def test_with_or_without():
    pass

@pytest.mark.needs("rabbitmq")
def test_mark():
    pass

def test_fixture(rabbitmq):
    pass
"""


def test_what_is_missing_is_skipped_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(REQUIRE, raising=False)
    printed = run_pytest(tmp_path)
    assert "2 passed, 3 skipped" in printed
    assert "skops is not installed; run: make extras E=skops" in printed
    assert "apt-get install rabbitmq-server" in printed


@pytest.mark.parametrize(
    ("required", "ends"),
    [
        ("skops", "2 passed, 2 skipped, 1 error"),
        ("rabbitmq", "2 passed, 1 skipped, 2 errors"),
        (" rabbitmq,skops ,", "2 passed, 3 errors"),
    ],
)
def test_what_is_required_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: str, ends: str) -> None:
    monkeypatch.setenv(REQUIRE, required)
    printed = run_pytest(tmp_path)
    assert ends in printed
    assert f"{REQUIRE} names {required.strip(' ,').partition(',')[0]}, but" in printed


def test_an_extra_selects_what_needs_it_and_what_changes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(REQUIRE, raising=False)
    assert "1 passed, 1 skipped, 3 deselected" in run_pytest(tmp_path, "--extra", "skops")


def test_an_example_of_the_documentation_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    text = '<!-- skip: next if(missing("skops"), reason="skops is not installed") -->'
    item: Any = SimpleNamespace(
        iter_markers=lambda _: iter(()), example=SimpleNamespace(document=SimpleNamespace(text=text))
    )
    assert list(names_of(item)) == ["skops"]
    monkeypatch.setattr("tests.suite.needs.find_spec", lambda _: None)
    monkeypatch.delenv(REQUIRE, raising=False)
    assert missing("skops")
    monkeypatch.setenv(REQUIRE, "skops")
    assert not missing("skops"), "it would be skipped"


@pytest.mark.parametrize("words", [["--extra", "skopps"], []])
def test_a_name_that_is_not_known_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    monkeypatch.setenv(REQUIRE, "" if words else "skopps")
    assert f"skopps is not known; there are: {', '.join(NEEDS)}" in run_pytest(tmp_path, *words)


def test_a_mark_that_is_not_known_is_refused(tmp_path: Path) -> None:
    test = tmp_path / "test_it.py"
    test.write_text(TESTS.replace('needs("skops")', 'needs("skopps")'))
    assert "test_skops: skopps is not known" in run(str(test))


def test_each_environment_of_make_extras_is_known_as_a_need() -> None:
    (names,) = re.findall(r"^\[testenv:extra-\{(.*)\}\]$", (ROOT / "tox.ini").read_text(), re.MULTILINE)
    assert set(names.split(",")) == {name for name, need in NEEDS.items() if f"make extras E={name}" in need.missing}


def run_pytest(folder: Path, *words: str) -> str:
    test = folder / "test_it.py"
    test.write_text(TESTS)
    return run(*words, str(test))


def run(*words: str) -> str:
    plugins = ["-p", "tests.servers.fixtures", "-p", "tests.suite.needs", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, "-rs", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=ROOT)
    return done.stdout + done.stderr
