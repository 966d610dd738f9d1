"""A run of tests leaves no process behind, however it ends: interrupted, terminated, or by kill -9.

Servers and workers have a guard each (``tests.servers.guarded``), which acts when the process of their test ends. What
else tests start, such as commands, forks and the helpers of multiprocessing, is found by a variable of its environment
when the run itself ends. That needs Linux; elsewhere only the guards act.
"""

from __future__ import annotations

import os
import uuid
from typing import Final

import pytest
from tests.servers.guarded import RUN

SHELL: Final = "/bin/sh"

#: Waits for the end of the run, gives processes a moment to end by themselves, as those of multiprocessing do, then
#: kills those that are left, until there are none. Processes that end meanwhile are errors to grep, so its
#: exit code says nothing.
SWEEP: Final = f"""
read -r _
sleep 2
while
  found=$(grep -lszxF -- "{RUN}=$0" /proc/[0-9]*/environ)
  [ -n "$found" ]
do
  for file in $found; do
    id=${{file#/proc/}}
    kill -s KILL "${{id%/environ}}"
  done
  sleep 0.1
done
"""


def pytest_configure(config: pytest.Config) -> None:
    """Name the run, and have its end watched; the processes of xdist belong to it."""
    if hasattr(config, "workerinput"):
        return
    outside = {name: value for name, value in os.environ.items() if name != RUN}
    os.environ[RUN] = uuid.uuid4().hex
    ours, theirs = os.pipe()
    output = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    actions = [(os.POSIX_SPAWN_DUP2, ours, 0), output, (os.POSIX_SPAWN_DUP2, 1, 2)]
    # Popen would complain that it is still running when this process ends, which is its purpose
    os.posix_spawn(SHELL, [SHELL, "-c", SWEEP, os.environ[RUN]], outside, file_actions=actions, setsid=True)
    os.close(ours)
    os.register_at_fork(after_in_child=lambda: os.close(theirs))  # a fork that hangs does not hide the end of the run
