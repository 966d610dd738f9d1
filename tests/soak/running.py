"""Runs commands to their end, to a limit of time or to an interrupt, and leaves no process behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

#: prctl: processes whose parents have died become children of this one.
PR_SET_CHILD_SUBREAPER: Final = 36
LOOK_AGAIN: Final = 0.1
#: Seconds that pytest has to end its fixtures and to write what it knows.
STOPS_WITHIN: Final = 60.0


class TimeLimitError(Exception):
    """A command was stopped because its time was over."""


def adopt_orphans() -> None:
    """Become the parent of whatever the commands leave behind, so that it can be ended."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def run(
    command: Sequence[str], *, output: Path, environment: Mapping[str, str], folder: Path, is_over: Callable[[], bool]
) -> int:
    """Run a command and return its exit code; what it prints is shown and appended to a file.

    Args:
        command: program and arguments.
        output: the file.
        environment: all variables that it sees.
        folder: where it works.
        is_over: tells whether its time is.

    Raises:
        TimeLimitError: its time was over. It was asked to stop as by Ctrl-C.
        KeyboardInterrupt: this process was. So was the command.
    """
    own = set(_children())
    with output.open("ab") as file:
        # in a session of its own: an interrupt from the terminal reaches this process alone, which passes it on once
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
    show = _tail(output)
    try:
        while (code := process.poll()) is None:
            if is_over():
                raise TimeLimitError
            show()
            with suppress(subprocess.TimeoutExpired):
                process.wait(LOOK_AGAIN)
        return code
    finally:
        _stop(process)
        show()
        _end_orphans(own)


def _tail(path: Path) -> Callable[[], None]:
    """Return what shows on the terminal how a file has grown since the last time."""
    position = path.stat().st_size

    def show() -> None:
        nonlocal position
        with path.open("rb") as file:
            file.seek(position)
            grown = file.read()
        position += len(grown)
        sys.stdout.write(grown.decode(errors="replace"))
        sys.stdout.flush()

    return show


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOPS_WITHIN)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _end_orphans(own: set[int]) -> None:
    """End what has become a child of this process, beside its own, and what becomes one thereby."""
    while children := set(_children()) - own:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
            with suppress(ChildProcessError):
                os.waitpid(child, 0)


def _children() -> list[int]:
    path = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(number) for number in path.read_text().split()] if path.exists() else []
