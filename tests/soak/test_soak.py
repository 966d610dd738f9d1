"""The runner of the soak: real pytest on small parts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.soak.__main__ import ROOT
from tests.soak.environments import (
    BrokenEnvironmentError,
    Environments,
    UnavailableError,
    lowest,
    projects,
    supported,
)
from tests.soak.parts import LOWEST, NEWEST, PARTS
from tests.soak.results import read

WITHIN = 120.0

#: The runner with small parts, in this interpreter.
RUN = """
import os, sys, time
from pathlib import Path
from tests.soak.__main__ import main
from tests.soak.environments import BrokenEnvironmentError, UnavailableError
from tests.soak.parts import Part
folder = Path(sys.argv[1])
def python(name):
    if name == "missing":
        raise UnavailableError("no such Python starts here")
    if name == "broken":
        raise BrokenEnvironmentError("tox could not make it")
    return sys.executable
def part(name, **options):
    return Part(about=name, tests=(str(folder / f"test_{name}.py"),), **options)
parts = {
    "random": part("random"),
    "failing": part("failing"),
    "slow": part("slow"),
    "last": part("last", environments=("missing", "soak"), deep=False),
    "skipped": part("last", environments=("missing",)),
    "broken": part("last", environments=("broken", "soak"), deep=False),
}
def clock():
    is_over = "OVER" in os.environ and Path(os.environ["DRAWN"]).exists()
    return time.monotonic() + 3600 * is_over
chosen = {name: parts[name] for name in sys.argv[2].split(",")}
workers = int(os.environ["WORKERS"])
sys.exit(main(sys.argv[3:], folder=folder / ".soak", parts=chosen, python=python, clock=clock, workers=workers))
"""

TESTS = {
    "conftest.py": "from tests.profiles import register_profiles\nregister_profiles()",
    "test_random.py": """
import os
from pathlib import Path
from hypothesis import given, settings, strategies as st
from tests.seeds import seed
drawn = []
@given(st.integers())
def test_a(n):
    drawn.append(n)
def test_b():
    Path(os.environ["DRAWN"]).write_text(f"{seed(7)} {drawn} {os.environ['OMEGA_TEST_SOAK']}")
    print("killed 12 processes")
""",
    "test_failing.py": """
def test_good(): pass
def test_bad(): assert not "this"
""",
    "test_slow.py": """
import os, subprocess, sys, time
from pathlib import Path
def test_first(): pass
def test_slow():
    left = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"], start_new_session=True)
    Path(os.environ["DRAWN"]).write_text(str(left.pid))
    time.sleep(float(os.environ.get("SLEEP", "100")))
def test_third(): pass
""",
    "test_last.py": """
import os
def test_last(): assert "OMEGA_TEST_SOAK" not in os.environ
""",
}


class Place:
    """A folder with the small parts, and the runner on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.drawn = folder / "drawn"
        for name, text in TESTS.items():
            (folder / name).write_text(text)

    def start(self, parts: str, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("OMEGA_TEST_")}
        return subprocess.Popen(
            [sys.executable, "-c", RUN, str(self.folder), parts, *arguments],
            cwd=ROOT,
            env=kept | {"DRAWN": str(self.drawn), "WORKERS": "0"} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, parts: str, *arguments: str, **variables: str) -> tuple[int, str]:
        process = self.start(parts, *arguments, **variables)
        printed, _ = process.communicate(timeout=WITHIN)
        return process.returncode, printed

    @property
    def log(self) -> str:
        return (self.folder / ".soak" / "log").read_text()

    @property
    def done(self) -> dict[str, str]:
        found: dict[str, str] = json.loads((self.folder / ".soak" / "state.json").read_text())["done"]
        return found

    def assert_nothing_is_left(self) -> None:
        """What the test had started has ended, even in a session of its own."""
        with pytest.raises(ProcessLookupError):
            os.kill(int(self.drawn.read_text()), 0)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_a_seed_is_printed_and_repeats_the_run(place: Place) -> None:
    code, printed = place.run("random")
    assert code == 0, printed
    seed = re.findall(r"SEED=(\d+)", printed)[0]
    first = place.drawn.read_text()
    assert first.endswith("] 1")
    place.run("random", "random", "--seed", seed)
    assert place.drawn.read_text() == first
    place.run("random", "random", "--seed", "1")
    assert place.drawn.read_text() != first
    assert f"seed {seed}\n" in place.log
    assert "12 processes killed" in place.log
    assert re.search(r"  2 passed in [0-9.]+s", place.log)


def test_a_part_that_fails_does_not_hold_up_the_others(place: Place) -> None:
    code, printed = place.run("failing,last,skipped", "--seed", "5")
    assert code == 1, printed
    assert place.done == {"failing": "failed", "last": "passed", "skipped": "skipped"}
    failed = re.findall(r"failed: make soak PART=failing SEED=5 ONLY=(\S+)", place.log)
    assert [test.rpartition("::")[2] for test in failed] == ["test_bad"]
    assert "missing: skipped, no such Python starts here" in place.log


def test_one_test_of_a_part_is_repeated(place: Place) -> None:
    code, printed = place.run("failing", "failing", "--only", f"{place.folder}/test_failing.py::test_good")
    assert code == 0, printed
    assert "1 passed" in printed


def test_a_part_ends_at_its_limit_and_the_next_begins(place: Place) -> None:
    code, printed = place.run("slow,last", OVER="when the slow test has begun", WORKERS="2")
    assert code == 1, printed
    assert place.done == {"slow": "out of time", "last": "passed"}
    left = re.findall(r"had not run: (\S+)", place.log)
    assert [test.rpartition("::")[2] for test in left] == ["test_slow", "test_third"]
    place.assert_nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_soak_goes_on_after_an_interrupt(place: Place, number: int) -> None:
    process = place.start("random,slow,last", WORKERS="2")
    deadline = time.monotonic() + WITHIN
    while not (place.drawn.exists() and place.drawn.read_text().isdigit()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    printed, _ = process.communicate(timeout=WITHIN)
    assert process.returncode == 130, printed
    assert "make soak goes on from here" in printed
    assert "slow: interrupted" in place.log
    place.assert_nothing_is_left()
    seed = re.findall(r"SEED=(\d+)", printed)[0]
    code, printed = place.run("random,slow,last", SLEEP="0")
    assert code == 0, printed
    assert "=== soak random" not in printed
    assert set(re.findall(r"=== SEED=(\d+)", printed)) == {seed}
    code, printed = place.run("random,slow,last", "--seed", "3", SLEEP="0")
    assert set(re.findall(r"=== soak (\w+)", printed)) == {"random", "slow", "last"}


def test_a_soak_begins_anew_when_it_is_asked_to(place: Place) -> None:
    place.run("failing,last", "--seed", "5")
    state = place.folder / ".soak" / "state.json"
    state.write_text(json.dumps(json.loads(state.read_text()) | {"done": {"failing": "failed"}}))
    code, printed = place.run("failing,last")
    assert code == 1, "what had failed before the interrupt counts"
    assert re.findall(r"=== soak (\w+)", printed) == ["last"]
    state.write_text(json.dumps(json.loads(state.read_text()) | {"done": {"failing": "failed"}}))
    code, printed = place.run("failing,last", "--restart")
    assert re.findall(r"=== soak (\w+)", printed) == ["failing", "last"]


@pytest.mark.parametrize(
    ("arguments", "said"), [(["nope"], "no part 'nope'"), (["--only", "x"], "ONLY needs one PART")]
)
def test_what_there_is_not_is_refused(place: Place, arguments: list[str], said: str) -> None:
    code, printed = place.run("random", *arguments)
    assert code == 2
    assert said in printed


def test_results_that_were_cut_off_are_read_as_far_as_they_go(tmp_path: Path) -> None:
    (tmp_path / "r").write_text('{"collected": ["a", "b"]}\n{"ended": ["a"], "kills": 3}\n{"ended": [')
    results = read(tmp_path / "r")
    assert (results.left, results.kills) == (["b"], 3)
    assert read(tmp_path / "none").collected == set()


def test_every_part_names_tests_that_exist() -> None:
    missing = [test for part in PARTS.values() for test in part.tests if not (ROOT / test).exists()]
    assert missing == []


def test_every_test_of_faults_belongs_to_a_part() -> None:
    known = {test for part in PARTS.values() for test in part.tests}
    files = {str(path.relative_to(ROOT)) for path in ROOT.glob("tests/faults/**/test_*.py")}
    assert files - known == set()


def test_the_lowest_versions_are_those_that_are_declared() -> None:
    declared: list[dict[str, Any]] = [
        {"dependencies": ["omega-domain==0.1.0", "celery[redis]>=5.5", "numpy>=2,<3", "b", "six>=1; x < '3'"]},
        {
            "dependencies": ["numpy>=2.10"],
            "optional-dependencies": {"x": ["numpy>=2.9", "a==3"], "y": ["omega-x[y]>=1"]},
        },
    ]
    assert lowest(declared) == ["a==3", "celery==5.5", "numpy==2.10", "six==1"]


def test_a_part_whose_environment_can_not_be_made_fails(place: Place) -> None:
    code, _ = place.run("broken", "--seed", "5")
    assert (code, place.done) == (1, {"broken": "failed"})
    assert "broken: failed, tox could not make it" in place.log


def test_every_dependency_declares_a_lowest_version() -> None:
    found = projects(ROOT)
    names = {line.partition("==")[0] for line in lowest(found)}
    declared = {
        re.split(r"[\[<>=!~ ;]", requirement)[0]
        for project in found
        for requirement in [
            *project["dependencies"],
            *(each for extra in project.get("optional-dependencies", {}).values() for each in extra),
        ]
    }
    assert {name for name in declared if not name.startswith("omega-")} - names == set()


def test_the_newest_python_that_starts_is_taken() -> None:
    *_, middle, newest = supported(projects(ROOT))
    calls: list[list[str]] = []
    there = {newest: ["/nowhere/python"], middle: [sys.executable]}

    def call(command: object) -> int:
        calls.append(list(map(str, command if isinstance(command, list) else [])))
        return 0

    environments = Environments(ROOT, call=call, pythons=lambda minor: iter(there.get(minor, [])))
    assert environments.python(NEWEST).endswith(f"{NEWEST}/bin/python")
    assert f"-x=testenv:{NEWEST}.base_python={sys.executable}" in calls[0]


@pytest.mark.parametrize(("name", "said"), [(NEWEST, "no Python newer than 3.11"), (LOWEST, "no Python 3.11 starts")])
def test_a_python_that_is_missing_is_said(name: str, said: str) -> None:
    environments = Environments(ROOT, call=lambda _: 0, pythons=lambda _: iter([]))
    with pytest.raises(UnavailableError, match=re.escape(said)):
        environments.python(name)


def test_an_environment_that_can_not_be_made_is_said() -> None:
    environments = Environments(ROOT, call=lambda _: 1)
    with pytest.raises(BrokenEnvironmentError, match="could not make the environment soak"):
        environments.python("soak")
