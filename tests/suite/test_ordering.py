"""Long tests begin first, from times that were measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.suite.ordering import noted

ROOT = Path(__file__).parents[2]
QUICK = "def test_one():\n    pass\n\ndef test_two():\n    pass\n"
SLOW = "import time\n\nclass TestLong:\n    def test_three(self):\n        time.sleep(0.3)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "test_a.py").write_text(QUICK)
    (tmp_path / "test_b.py").write_text(SLOW)
    (tmp_path / "test_c.py").write_text(QUICK)
    return tmp_path


def test_scopes_are_sorted_and_their_tests_are_not(folder: Path) -> None:
    (folder / "durations.json").write_text(json.dumps({"test_a.py": 1, "test_b.py::TestLong": 7}))
    ran = [line.partition(" ")[0] for line in run(folder, "-v").splitlines() if " PASSED" in line]
    unknown, long, quick = (
        ["test_c.py::test_one", "test_c.py::test_two"],
        ["test_b.py::TestLong::test_three"],
        ["test_a.py::test_one", "test_a.py::test_two"],
    )
    assert ran == [*unknown, *long, *quick]


def test_processes_of_xdist_are_given_long_scopes_first(folder: Path) -> None:
    (folder / "durations.json").write_text(json.dumps({"test_a.py": 1, "test_b.py::TestLong": 7, "test_c.py": 0.1}))
    printed = run(folder, "-v", "-n", "1", "--dist", "loadscope", "--no-loadscope-reorder")
    ran = [line.split()[-1] for line in printed.splitlines() if " PASSED" in line]
    assert ran[0] == "test_b.py::TestLong::test_three"
    assert ran[-1] == "test_c.py::test_two"


@pytest.mark.parametrize("options", [[], ["-n", "2"]], ids=["alone", "xdist"])
def test_times_are_written_and_shown(folder: Path, options: list[str]) -> None:
    (folder / "durations.json").write_text(json.dumps({"test_gone.py": 3, "test_a.py": 99}))
    printed = run(folder, *options, "--write-durations", "--slowest-modules", "1")
    written = json.loads((folder / "durations.json").read_text())
    assert list(written) == ["test_a.py", "test_b.py::TestLong", "test_c.py"]
    assert written["test_b.py::TestLong"] >= 0.3
    assert written["test_a.py"] < 99
    assert "slowest modules" in printed
    assert "s  test_b.py::TestLong" in printed
    assert "s  test_c.py" not in printed


def test_what_another_run_has_written_is_kept(folder: Path) -> None:
    path = folder / "durations.json"
    noted(path, {"test_a.py": 1.26}, folder)
    noted(path, {"test_c.py": 2}, folder)
    assert json.loads(path.read_text()) == {"test_a.py": 1.3, "test_c.py": 2}


def run(folder: Path, *words: str) -> str:
    plugins = ["-p", "tests.suite.ordering", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *plugins, f"--durations-file={folder}/durations.json", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout
