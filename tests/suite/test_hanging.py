"""A test that hangs fails with the stacks of all threads, and the tests after it are run."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import ctypes, signal, threading

def wait_for_ever():
    threading.Event().wait()

def test_in_python():
    threading.Thread(target=wait_for_ever, name="other", daemon=True).start()
    wait_for_ever()

def test_in_c():
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    ctypes.CDLL(None).pause()

def test_after():
    pass
"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What a run with our settings prints, but for shorter times."""
    test = tmp_path_factory.mktemp("hanging") / "test_it.py"
    test.write_text(TESTS)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    chosen = {name: settings[name] for name in ("timeout_method", "faulthandler_exit_on_timeout")}
    chosen |= {"timeout": 2, "faulthandler_timeout": 5}
    words = [word for name, value in chosen.items() for word in ("-o", f"{name}={value}")]
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", *words, str(test)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, cwd=test.parent)
    return done.stdout + done.stderr


def test_the_run_goes_on(printed: str) -> None:
    assert "2 failed, 1 passed" in printed


def test_what_hangs_in_python_shows_its_stack_and_those_of_other_threads(printed: str) -> None:
    assert "Failed: Timeout (>2.0s)" in printed
    assert "in test_in_python\n" in printed or "    wait_for_ever()\n" in printed
    assert "Stack of other" in printed


def test_what_hears_no_signal_ends_its_process_with_its_stack(printed: str) -> None:
    assert 'test_it.py", line 13 in test_in_c' in printed
    assert "crashed while running 'test_it.py::test_in_c'" in printed


def test_a_test_has_a_limit_that_is_below_the_last_resort() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert 0 < settings["timeout"] < settings["faulthandler_timeout"]
