"""Two runs at once: what they print is told apart, and one that fails is a failure of both."""

from __future__ import annotations

import io
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


def test_each_folder_of_tests_is_in_one_of_the_runs() -> None:
    there = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    paths = [*side_by_side.COMPUTING[2:], *side_by_side.WAITING[2:]]
    assert there <= set(paths)
    assert {"packages", "docs", "README.md"} <= set(paths)
    assert len(set(paths)) == len(paths)
