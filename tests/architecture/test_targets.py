"""What the targets of the Makefile run, and with which Python."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("python3.11", "python3", "python3.12", "python3.13", "python3.14")


@pytest.mark.parametrize(
    ("usable", "taken"),
    [
        (NAMES, "python3.11"),
        (("python3", "python3.12", "python3.13"), "python3"),
        (("python3.13", "python3.12"), "python3.12"),
        (("python3.14",), "python3.14"),
    ],
)
def test_the_oldest_python_is_taken(tmp_path: Path, usable: tuple[str, ...], taken: str) -> None:
    assert make_with(tmp_path, usable, "--dry-run", "constraints").splitlines()[1].startswith(f"{taken} -m venv ")


def test_a_python_that_is_named_is_taken(tmp_path: Path) -> None:
    done = make_with(tmp_path, NAMES, "--dry-run", "constraints", "PYTHON=python3.13")
    assert done.splitlines()[1].startswith("python3.13 -m venv ")


def make_with(folder: Path, usable: tuple[str, ...], *words: str) -> str:
    """Run make where these of all Pythons can be used."""
    for name in NAMES:
        program = folder / name
        program.write_text(f"#!/bin/sh\nexit {int(name not in usable)}\n")
        program.chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "PYTHON"}}
    environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
    make = shutil.which("make")
    assert make is not None
    return subprocess.run(
        [make, *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    ).stdout
