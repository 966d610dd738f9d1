"""Two runs at once: what they print is told apart, and one that fails is a failure of both."""

from __future__ import annotations

import io
import os
import signal
import sys
from pathlib import Path

import pytest
from tests.suite import side_by_side

ROOT = Path(__file__).parents[2]
MEET = """
import sys, time
from pathlib import Path
mine, other = map(Path, sys.argv[1:])
mine.touch()
give_up = time.monotonic() + 60
while not other.exists():
    assert time.monotonic() < give_up
    time.sleep(0.01)
print("met ä", flush=True)
print("error", file=sys.stderr)
"""


def test_runs_go_on_at_the_same_time_and_say_who_they_are(tmp_path: Path) -> None:
    first, second, output = str(tmp_path / "first"), str(tmp_path / "second"), io.StringIO()
    program = [sys.executable, "-X", "utf8", "-c", MEET]
    commands = {"first": [*program, first, second], "second": [*program, second, first]}
    assert side_by_side.side_by_side(commands, output) == {"first": 0, "second": 0}
    lines = output.getvalue().splitlines()
    for line in ("first     | met ä", "second    | met ä", "first     | error", "first: passed", "second: passed"):
        assert line in lines


@pytest.mark.parametrize(("codes", "expected"), [((0, 0), 0), ((0, 1), 1), ((2, 0), 2), ((0, -9), -9)])
def test_one_that_fails_is_a_failure(monkeypatch: pytest.MonkeyPatch, codes: tuple[int, int], expected: int) -> None:
    monkeypatch.setattr(sys, "argv", ["side_by_side"])
    monkeypatch.setattr(side_by_side, "side_by_side", lambda *_: dict(zip("ab", codes, strict=True)))
    assert side_by_side.main() == expected


def test_a_run_that_fails_is_named() -> None:
    output = io.StringIO()
    code = "import sys; sys.exit(3)"
    assert side_by_side.side_by_side({"a": [sys.executable, "-c", code]}, output) == {"a": 3}
    assert "a: FAILED, exit code 3" in output.getvalue()


HANGS_AT_ITS_END = """
import threading
from pathlib import Path

def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput") and not Path("there").exists():
        Path("there").touch()
        wait_for_ever()

def wait_for_ever():
    threading.Event().wait()
"""


def test_a_run_that_hangs_shows_its_stacks_and_is_begun_again(tmp_path: Path) -> None:
    settings = (ROOT / "conftest.py").read_text()
    shows = settings[settings.index("def pytest_configure") : settings.index("\n\n\n@pytest.hookimpl")]
    (tmp_path / "conftest.py").write_text(f"import faulthandler, os, signal, sys\n{HANGS_AT_ITS_END}\n{shows}\n")
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    output = io.StringIO()
    command = [sys.executable, "-m", "pytest", "-n", "1", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert side_by_side.side_by_side({"it": [*command, str(tmp_path)]}, output, silence=15) == {"it": 0}
    printed = output.getvalue()
    assert "in wait_for_ever\n" in printed
    assert "it: HUNG, nothing was said for 15 s; killed and begun again\n" in printed
    assert "1 passed" in printed


def test_a_run_that_hangs_each_time_is_a_failure() -> None:
    output = io.StringIO()
    command = [sys.executable, "-c", "import signal, time; signal.signal(signal.SIGUSR1, print); time.sleep(300)"]
    codes = side_by_side.side_by_side({"it": command}, output, silence=2)
    assert codes == {"it": -9}
    assert output.getvalue().count("it: HUNG") == 2


def test_a_run_is_over_though_another_process_holds_its_output(tmp_path: Path) -> None:
    code = f"import subprocess; open({str(tmp_path / 'pid')!r}, 'w').write(str(subprocess.Popen(['sleep', '300']).pid))"
    assert side_by_side.side_by_side({"it": [sys.executable, "-c", code]}, io.StringIO(), silence=2) == {"it": 0}
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)


def test_each_folder_of_tests_is_in_one_of_the_runs() -> None:
    there = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    paths = [*side_by_side.COMPUTING[2:], *side_by_side.WAITING[2:]]
    assert there <= set(paths)
    assert {"packages", "docs", "README.md"} <= set(paths)
    assert len(set(paths)) == len(paths)
