"""Two runs of pytest at once: tests that compute, under coverage, and tests that wait; they share the cores.

Faults, servers, stories and examples wait most of their time, for other processes and for times to pass. So they need
few cores, and coverage would only slow down the programs that they start. Each line that a run prints begins with its
name.

A test that hangs is ended by pytest, see pyproject.toml. A run that hangs elsewhere, as at its end, shows the stacks of
its processes, is killed, and is begun once more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from selectors import EVENT_READ, DefaultSelector
from typing import IO, Final

import psutil

PYTEST: Final = ("-m", "pytest", "--dist", "loadscope", "--no-loadscope-reorder", "--slowest-modules", "15")
COMPUTING: Final = ("-n", "3", "packages", "tests/contract")
WAITING: Final = (
    "-n",
    "3",
    "tests/architecture",
    "tests/faults",
    "tests/servers",
    "tests/suite",
    "tests/soak",
    "tests/e2e",
    "docs",
    "README.md",
)


SILENCE: Final = 600.0
"""Seconds after which a run hangs that says nothing; a test may take 360 at most, see ``faulthandler_timeout``."""

SHOW_STACKS: Final = signal.SIGUSR1
"""What a process of pytest shows the stacks of its threads at, see ``conftest.py``."""

_WRITTEN_WITHIN: Final = 5.0


def side_by_side(commands: Mapping[str, Sequence[str]], output: IO[str], *, silence: float = SILENCE) -> dict[str, int]:
    """Run all commands at once, and return their exit codes by name.

    Args:
        commands: what is run, by name.
        output: what all lines are written to.
        silence: seconds after which a run hangs that says nothing; it is run once more then.
    """
    began = time.monotonic()
    with ThreadPoolExecutor(len(commands)) as threads:
        runs = {name: threads.submit(_run, name, command, output, silence) for name, command in commands.items()}
        codes = {name: run.result() for name, run in runs.items()}
    for name, code in codes.items():
        _say(output, f"{name}: {'passed' if code == 0 else f'FAILED, exit code {code}'}")
    _say(output, f"both took {time.monotonic() - began:.0f} s")
    return codes


def _run(name: str, command: Sequence[str], output: IO[str], silence: float) -> int:
    for is_last in (False, True):
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert run.stdout is not None
        with run.stdout as said:
            if (
                _copy(name, said, output, silence) or run.poll() is not None
            ):  # what it has left may hold its output open
                return run.wait()
            _show_stacks(run.pid)
            _copy(name, said, output, _WRITTEN_WITHIN)
            run.kill()  # the processes that it has started are found by tests.suite.leftovers
            run.wait()
        _say(
            output, f"{name}: HUNG, nothing was said for {silence:.0f} s; killed{'' if is_last else ' and begun again'}"
        )
    return run.returncode


def _copy(name: str, said: IO[bytes], output: IO[str], silence: float) -> bool:
    """Copy what a run says until it ends, or return False if nothing was said for so many seconds."""
    rest, is_over = b"", False
    with DefaultSelector() as selector:
        selector.register(said, EVENT_READ)
        while not is_over and selector.select(silence):
            chunk = os.read(said.fileno(), 1 << 16)
            *lines, rest = (rest + chunk).split(b"\n")
            _say_all(name, lines, output)
            is_over = not chunk
    _say_all(name, [rest] if rest else [], output)
    return is_over


def _show_stacks(pid: int) -> None:
    """Have the processes of pytest show where they are: the one that was started, and those of xdist, its children."""
    started = psutil.Process(pid)
    for process in (started, *started.children()):
        if any("python" in word for word in process.cmdline()[:1]):
            process.send_signal(SHOW_STACKS)


def _say_all(name: str, lines: Sequence[bytes], output: IO[str]) -> None:
    for line in lines:
        _say(output, f"{name:9} | {line.decode(errors='replace').rstrip()}")


def _say(output: IO[str], line: str) -> None:
    output.write(f"{line}\n")  # one write, so that lines of two threads do not mix
    output.flush()


def main() -> int:
    """Run the tests; further words are options of both runs of pytest."""
    words = sys.argv[1:]
    commands = {
        "computing": [sys.executable, "-m", "coverage", "run", *PYTEST, *COMPUTING, *words],
        "waiting": [sys.executable, *PYTEST, *WAITING, *words],
    }
    return max(side_by_side(commands, sys.stdout).values(), key=abs)


if __name__ == "__main__":
    sys.exit(main())
