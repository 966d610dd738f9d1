"""Start-up: importing the library and asking the command for help, beyond what Python itself takes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measuring import Row, median_pair

TIMES = 10


def run(_: Path) -> Iterator[Row]:
    """Measure whole processes."""
    nothing = [sys.executable, "-c", "pass"]
    om = shutil.which("om", path=str(Path(sys.executable).parent))
    if om is None:
        raise FileNotFoundError("the command om is not installed beside this Python")
    for what, command, bar in (
        ("import omega_ml, beyond python -c pass", [sys.executable, "-c", "import omega_ml"], 0.15),
        ("om --help, beyond python -c pass", [om, "--help"], 0.30),
    ):
        measured, floor = median_pair(lambda c=command: _run(c), lambda: _run(nothing), times=TIMES)  # type: ignore[misc]
        yield Row(what=what, measured=measured - floor, floor=None, bar=bar, unit="s")


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
