"""Processes that end with the process that has started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

STOPS_WITHIN: Final = 30.0
LOOK_AGAIN: Final = 0.01

RUN: Final = "OMEGA_TEST_RUN"
"""Holds the name of the run of tests in all processes that are started by it, see ``tests.suite.leftovers``."""

#: Waits until nobody holds the other end of its input, then kills the process group that it is given.
WATCH: Final = 'read -r _; kill -s KILL -- "-$0"'


class Guard:
    """Kills a process group when this process ends, be it by kill -9.

    Args:
        group: its number, which is that of a process that was started in a session of its own.
    """

    def __init__(self, group: int) -> None:
        # whoever ends all processes of a run must not end this one before it has done its work
        outside = {name: value for name, value in os.environ.items() if name != RUN}
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", WATCH, str(group)], stdin=subprocess.PIPE, start_new_session=True, env=outside
        )

    def dismiss(self) -> None:
        """Let the group go, which has ended; its number may become somebody else's."""
        self._process.kill()
        self._process.communicate()  # closes the pipe too


class GuardedProcess:
    """A process in a group of its own, which is killed when this process ends, be it by kill -9.

    Args:
        command: program and arguments.
        output: file that what it prints is appended to.
        environment: all variables that it sees.
        folder: where it works.
    """

    def __init__(self, command: Sequence[str], *, output: Path, environment: Mapping[str, str], folder: Path) -> None:
        with output.open("ab") as file:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                env=environment,
                cwd=folder,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self._guard = Guard(self.pid)

    @property
    def running(self) -> bool:
        """Whether it has not ended yet; its number is kept until ``end``, so that no stranger is killed for it."""
        return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end, and return whether it came."""
        deadline = time.monotonic() + seconds
        while (running := self.running) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)
        return not running

    def end(self, sign: signal.Signals) -> None:
        """Send a signal and wait for the end.

        Raises:
            RuntimeError: it did not end in time; it was killed instead.
        """
        os.kill(self.pid, sign)
        in_time = self.ends_within(STOPS_WITHIN)
        os.killpg(self.pid, signal.SIGKILL)  # what it started itself, and itself if it hangs
        self._process.wait()
        self._guard.dismiss()
        if not in_time:
            late = f"process {self.pid} did not end within {STOPS_WITHIN:.0f} s of {sign.name}"
            raise RuntimeError(f"{late}; it was killed")
