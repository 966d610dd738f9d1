"""Temporary files of the tests are where they should be, and nothing of them stays in memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from tests import scratch


def test_everything_temporary_is_in_one_folder(tmp_path: Path) -> None:
    """Of this process, of pytest and of what they start."""
    place = os.environ.get("TMPDIR")
    if place is None:
        pytest.skip("a soak, or a system without a place in memory")
    told = subprocess.run(
        [sys.executable, "-c", "import tempfile; print(tempfile.gettempdir())"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == tempfile.gettempdir() == place
    assert tmp_path.is_relative_to(place) or "--basetemp" in sys.argv


def test_what_a_killed_run_has_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, used, other = (
        tmp_path / name for name in (f"omega-tests-{ended.pid}-x", f"omega-tests-{os.getpid()}-x", "others")
    )
    for folder in (left, used, other):
        folder.mkdir()
    scratch.remove_left(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([used, other])


def test_a_folder_without_room_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not scratch.has_room(tmp_path / "missing")
    monkeypatch.setattr(scratch, "NEEDED", 0)
    assert scratch.has_room(tmp_path)
    monkeypatch.setattr(scratch, "NEEDED", 2**70)
    assert not scratch.has_room(tmp_path)
