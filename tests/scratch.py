"""Files of the tests stay in memory, as far as the system has a place for that; in a soak they are on the disk.

The embedded store waits for the disk at every commit, and servers do, too: on a disk that answers in 10 ms most tests
do nothing but wait. What a killed process has written is seen by others wherever it is, so no test needs the disk. A
folder that ``TMPDIR`` or ``--basetemp`` names is taken as it is.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import pytest
from tests.effort import SOAK

MEMORY: Final = Path("/dev/shm")  # noqa: S108 -- the folder that is made there is ours alone
NEEDED: Final = 4 * 2**30
"""Bytes that must be free there: all servers and stores of a run together."""

PREFIX: Final = "omega-tests-"

_made = pytest.StashKey[Path]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose where temporary files are, for this process and all that it starts."""
    if SOAK or "TMPDIR" in os.environ or config.option.basetemp or not has_room(MEMORY):
        return
    remove_left(MEMORY)
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY))
    config.stash[_made] = folder
    os.environ["TMPDIR"] = str(folder)
    tempfile.tempdir = None


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Free the memory."""
    if (folder := config.stash.get(_made, None)) is not None:
        del os.environ["TMPDIR"]
        tempfile.tempdir = None
        shutil.rmtree(folder, ignore_errors=True)


def has_room(folder: Path) -> bool:
    """Tell whether there is such a folder with enough room for the files of a run."""
    return folder.is_dir() and os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= NEEDED


def remove_left(folder: Path) -> None:
    """Remove what runs have left that were killed."""
    for left in folder.glob(f"{PREFIX}*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            shutil.rmtree(left, ignore_errors=True)
