"""Two runs of pytest at once: tests that compute, under coverage, and tests that wait; they share the cores.

Faults, servers, stories and examples wait most of their time, for other processes and for times to pass. So they need
few cores, and coverage would only slow down the programs that they start. Each line that a run prints begins with its
name.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from threading import Thread
from typing import IO, Final

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


def side_by_side(commands: Mapping[str, Sequence[str]], output: IO[str]) -> dict[str, int]:
    """Run all commands at once, and return their exit codes by name."""
    began = time.monotonic()
    runs = {name: _started(command) for name, command in commands.items()}
    readers = [Thread(target=_copy, args=(name, run, output)) for name, run in runs.items()]
    for reader in readers:
        reader.start()
    try:
        for reader in readers:
            reader.join()
    except KeyboardInterrupt:  # the runs are told to end by whoever told this process
        for reader in readers:
            reader.join()
    codes = {name: run.wait() for name, run in runs.items()}
    for name, code in codes.items():
        _say(output, f"{name}: {'passed' if code == 0 else f'FAILED, exit code {code}'}")
    _say(output, f"both took {time.monotonic() - began:.0f} s")
    return codes


def _started(command: Sequence[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )


def _copy(name: str, run: subprocess.Popen[str], output: IO[str]) -> None:
    assert run.stdout is not None
    with run.stdout:
        for line in run.stdout:
            _say(output, f"{name:9} | {line.rstrip()}")


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
