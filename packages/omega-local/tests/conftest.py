"""Scripts in processes of their own, for tests of what processes do to each other."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PRELUDE = """
import os, sys, threading, time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from omega_domain.entities.head import HeadQuery
from omega_domain.entities.names import ObjectKey
from omega_domain.errors import *
from omega_domain.testing.files import *
from omega_domain.testing.samples import *
from omega_local import LocalMetadataStore, LocalStore
home = Path(sys.argv[1])
metadata, store = LocalMetadataStore(home, timeout=20), LocalStore(home, timeout=20)
"""

# Only root can become somebody else, and only root needs to: others are held back by permissions. The end is abrupt,
# since there is no permission to write what is written at the exit of a process, such as coverage.
UNPRIVILEGED = """
if os.geteuid() == 0:
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
"""

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a script in a process, with ``home``, ``metadata`` and ``store`` at hand; it ends with the test."""
    processes: list[subprocess.Popen[str]] = []

    def start_one(script: str, home: Path, *arguments: object) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", PRELUDE + script, str(home), *map(str, arguments)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield start_one
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def run(start: Start) -> Callable[..., str]:
    """Run a script to its end and return what it printed."""

    def run_one(script: str, home: Path, *arguments: object, privileged: bool = True) -> str:
        whole = script if privileged else UNPRIVILEGED + script + "\nsys.stdout.flush()\nos._exit(0)"
        output, errors = start(whole, home, *arguments).communicate(timeout=60)
        assert not errors, errors
        return output

    return run_one


@pytest.fixture
def shared_home() -> Iterator[Path]:
    """A home that a process without privileges can reach."""
    with tempfile.TemporaryDirectory(dir=_reachable()) as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        home.mkdir(mode=0o755)
        yield home
        home.chmod(0o755)


def _reachable() -> Path:
    """A folder for temporary files that everybody may pass through; that of this process may be for its user only."""
    candidates = [Path(folder).resolve() for folder in (tempfile.gettempdir(), "/tmp", "/var/tmp")]  # noqa: S108 -- tempfile makes folders of its own in them
    return next(path for path in candidates if all(part.stat().st_mode & 0o001 for part in (path, *path.parents)))
