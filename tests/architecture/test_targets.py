"""What the targets of the Makefile run, and with which Python."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.servers.rabbitmq import DEBIAN

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


# Stands in for make: prints what pytest would, and ends as the test wishes.
MAKE = """\
#!/bin/sh
echo "$1 in $PWD with $OMEGA_TEST_REQUIRE"
echo "=== 7 passed in 1.50s ==="
test "$1" != "$FAILS"
"""


@pytest.mark.parametrize(
    ("fails", "lines", "code"),
    [
        ("", ["make test: 0 s, exit code 0", "make extras: 0 s, exit code 0"], 0),
        ("test", ["make test: 0 s, exit code 1"], 1),
        ("extras", ["make test: 0 s, exit code 0", "make extras: 0 s, exit code 1"], 1),
    ],
)
def test_ci_runs_the_targets_on_a_clean_clone_until_one_fails(
    repository: Path, fails: str, lines: list[str], code: int
) -> None:
    done = run_ci(repository, FAILS=fails)
    assert done.returncode == code
    assert f"test in {repository}" not in done.stdout
    assert "with rabbitmq" in done.stdout
    _, closing, times = (part.splitlines() for part in re.split("--- pytest's.*\n|--- what each.*\n", done.stdout))
    assert closing == ["=== 7 passed in 1.50s ==="] * len(lines)
    assert [re.sub(r"\d+ s,", "0 s,", line) for line in times] == lines


def test_ci_says_what_it_can_not_install(repository: Path) -> None:
    (repository / "tests/servers/debian.txt").write_text("# why\nnothing-there /nowhere/nothing-there\nsh /bin/sh\n")
    tools = [tool for name in ("bash", "git", "sed", "dirname", "basename") if (tool := shutil.which(name))]
    alone = repository / "alone"  # a machine without apt-get
    alone.mkdir()
    for tool in tools:
        (alone / Path(tool).name).symlink_to(tool)
    done = run_ci(repository, PATH=str(alone))
    assert done.returncode == 1
    assert "nothing-there missing and there is no apt-get here" in done.stderr


def test_packages_of_the_system_are_named_with_their_programs() -> None:
    lines = [line.split() for line in (ROOT / "tests/servers/debian.txt").read_text().splitlines() if line[0] != "#"]
    assert ["rabbitmq-server", str(DEBIAN)] in lines
    assert {len(line) for line in lines} == {2}


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """What CI has: a repository with its script, and a make that does nothing."""
    for name in (".ci/run", "tests/servers/debian.txt", "bin/make"):
        (tmp_path / name).parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci/run", tmp_path / ".ci/run")
    (tmp_path / "tests/servers/debian.txt").write_text("sh /bin/sh\n")
    (tmp_path / "bin/make").write_text(MAKE)
    (tmp_path / "bin/make").chmod(0o755)
    settings = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    for words in (["init", "-q"], ["add", "-A"], [*settings, "commit", "-q", "-m", "All"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)  # noqa: S607 -- git is found by the PATH
    return tmp_path


def run_ci(repository: Path, **env: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{repository / 'bin'}{os.pathsep}{os.environ['PATH']}", **env}
    return subprocess.run(
        [repository / ".ci/run"], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


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
