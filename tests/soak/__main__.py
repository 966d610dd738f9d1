"""The command: ``python -m tests.soak [PART ...] [--seed N] [--only TEST] [--restart] [--minutes M]``."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from tests import seeds
from tests.soak import results
from tests.soak.environments import BrokenEnvironmentError, Environments, UnavailableError
from tests.soak.parts import OPTIONS, PARTS, Part
from tests.soak.running import TimeLimitError, adopt_orphans, run

ROOT: Final = Path(__file__).parents[2]
MINUTES: Final = 30.0
INTERRUPTED: Final = 130
#: Seconds after which a test of a soak is taken to hang: it repeats what it does hundreds of times.
HANGS: Final = 1200
#: What the tests of a deep part read, beside the seed.
DEEP: Final = {seeds.SOAK: "1", seeds.EVERY_FAULT: "1", "OMEGA_TEST_PATIENCE": "1"}
#: The environments have all extras: a test that needs one is never skipped.
REQUIRE: Final = "OMEGA_TEST_REQUIRE"
EXTRAS: Final = "skops,arrow"
#: Not handed on: pytest's own, when this is run by a test.
NOT_OURS: Final = ("PYTEST_", "COV_", "COVERAGE_")
PASSED, FAILED, STOPPED, SKIPPED = "passed", "failed", "out of time", "skipped"

Python = Callable[[str], str]
"""Returns the interpreter of an environment of tox."""


@dataclass(frozen=True, kw_only=True)
class Soak:
    """One run of the soak.

    Attributes:
        folder: where the log, the state and the output of the parts are.
        parts: all that there are, by name.
        seed: of all that is random in the tests.
        commit: what is tested.
        minutes: how long a part may take.
        only: tests to run in place of those of the parts.
        python: makes an environment and returns its interpreter; None for those of tox.
        clock: tells seconds.
        workers: how many processes of xdist run the tests; 0 for none.
    """

    folder: Path
    parts: Mapping[str, Part]
    seed: int
    commit: str
    minutes: float = MINUTES
    only: Sequence[str] = ()
    python: Python | None = None
    clock: Callable[[], float] = time.monotonic
    workers: int = 2

    def run(self, name: str) -> str:
        """Run a part, log it and return how it ended."""
        self._show(f"\n=== soak {name}: {self.parts[name].about}\n=== SEED={self.seed}, commit {self.commit}")
        self._file(name, "txt").write_text("")
        self._file(name, "jsonl").unlink(missing_ok=True)
        started, began = self.clock(), datetime.now(UTC)
        note = "interrupted"
        try:
            until = started + 60 * self.minutes
            ends = [self._run_in(environment, name, until) for environment in self.parts[name].environments]
            note = next((end for end in (FAILED, STOPPED, PASSED) if end in ends), SKIPPED)
        finally:
            self._log(name, note, began, self.clock() - started)
        return note

    def _run_in(self, environment: str, name: str, until: float) -> str:
        output, part = self._file(name, "txt"), self.parts[name]

        def call(command: Sequence[str]) -> int:
            variables = self._environment(part) | {results.FILE: str(self._file(name, "jsonl"))}
            with output.open("a") as file:
                file.write(f"--- {environment}: {shlex.join(command)}\n")
            return run(command, output=output, environment=variables, folder=ROOT, is_over=lambda: self.clock() > until)

        try:
            python = (self.python or Environments(ROOT, call=call).python)(environment)
            code = call([python, *self._pytest(part), *OPTIONS.get(environment, ())])
        except UnavailableError as error:
            _note(output, f"--- {environment}: skipped, {error}")
            return SKIPPED
        except BrokenEnvironmentError as error:
            _note(output, f"--- {environment}: failed, {error}")
            return FAILED
        except TimeLimitError:
            return STOPPED
        return FAILED if code else PASSED

    def _pytest(self, part: Part) -> list[str]:
        random = ["--hypothesis-profile=soak", f"--hypothesis-seed={self.seed}"] if part.deep else []
        plugin, spread = ["-p", "tests.soak.plugin"], ["-n", str(self.workers), "--dist", "loadscope"]
        patient = ["-o", f"timeout={HANGS}", "-o", f"faulthandler_timeout={HANGS + 60}"]
        return [
            "-m",
            "pytest",
            *plugin,
            "-q",
            *patient,
            *(spread if self.workers else []),
            *random,
            *(self.only or part.tests),
        ]

    def _environment(self, part: Part) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_OURS)}
        deep = DEEP | {seeds.SEED: str(self.seed)} if part.deep else {}
        required = {REQUIRE: ",".join(filter(None, [EXTRAS, kept.get(REQUIRE)]))}
        # threads of numpy, scikit-learn and xdist would fight for the cores, as in tox.ini
        fixed = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "", "PYTHONUNBUFFERED": "1"}
        return kept | fixed | required | deep

    def _log(self, name: str, note: str, began: datetime, seconds: float) -> None:
        found = results.read(self._file(name, "jsonl"))
        printed = self._file(name, "txt").read_text(errors="replace").splitlines()
        again = f"make soak PART={name} SEED={self.seed}"
        lines = [
            f"{name}: {note}",
            f"  commit {self.commit}, seed {self.seed}",
            f"  began {began:%Y-%m-%d %H:%M:%S} UTC, {seconds:.0f} s, {found.kills} processes killed",
            *(f"  {line}" for line in printed if _tells(line)),
            *(f"  failed: {again} ONLY={shlex.quote(test)}" for test in sorted(found.failed)),
        ]
        if note != PASSED:
            lines += [f"  to repeat: {again}", *(f"  had not run: {test}" for test in found.left)]
        with (self.folder / "log").open("a") as file:
            file.write("".join(f"{line}\n" for line in lines))
        self._show("\n".join(lines))

    def _file(self, name: str, ending: str) -> Path:
        return self.folder / f"{name}.{ending}"

    def _show(self, text: str) -> None:
        print(text, flush=True)  # noqa: T201 -- a command


def _note(output: Path, line: str) -> None:
    with output.open("a") as file:
        file.write(f"{line}\n")


def _tells(line: str) -> bool:
    """Whether a line says how a run of pytest ended, or why there was none."""
    is_closing = " in " in line and line.rstrip("= ").endswith(("s", ")")) and line.strip("= ")[:1].isdigit()
    return is_closing or (line.startswith("--- ") and (": skipped, " in line or ": failed, " in line))


def main(
    arguments: Sequence[str] | None = None,
    *,
    folder: Path = ROOT / ".soak",
    parts: Mapping[str, Part] = PARTS,
    python: Python | None = None,
    clock: Callable[[], float] = time.monotonic,
    workers: int = 2,
) -> int:
    """Run parts of the soak, or all of them, and return the exit code."""
    asked = _parse(arguments, parts)
    adopt_orphans()
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has it ignored by what it runs in its background
    folder.mkdir(exist_ok=True)
    commit = _commit()
    state = _State.of(folder / "state.json", commit=commit, names=list(parts), asked=asked)
    state.save()  # an interrupt of the first part goes on with the same seed, too
    soak = Soak(
        folder=folder,
        parts=parts,
        seed=state.seed,
        commit=commit,
        minutes=asked.minutes,
        only=asked.only,
        python=python,
        clock=clock,
        workers=workers,
    )
    try:
        for name in [name for name in state.names if name not in state.done]:
            state.note(name, soak.run(name))
    except KeyboardInterrupt:
        print(f"\ninterrupted; {state.goes_on}")  # noqa: T201 -- a command
        return INTERRUPTED
    print("".join(f"\n{name}: {end}" for name, end in state.done.items()))  # noqa: T201 -- the same
    return int(any(end not in {PASSED, SKIPPED} for end in state.done.values()))


@dataclass(kw_only=True)
class _State:
    """What is done of a soak of all parts; of one that was asked for by name nothing is remembered."""

    path: Path | None
    commit: str
    seed: int
    names: Sequence[str]
    done: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, *, commit: str, names: Sequence[str], asked: argparse.Namespace) -> _State:
        """Return the state of a soak that goes on, or of a new one."""
        seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
        if asked.parts:
            return cls(path=None, commit=commit, seed=seed, names=asked.parts)
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        is_same = known.get("commit") == commit and asked.seed in {None, known.get("seed")}
        if is_same and not asked.restart and set(names) - set(known["done"]):
            return cls(path=path, commit=commit, seed=known["seed"], names=names, done=known["done"])
        return cls(path=path, commit=commit, seed=seed, names=names)

    def save(self) -> None:
        if self.path is not None:
            self.path.write_text(json.dumps({"commit": self.commit, "seed": self.seed, "done": self.done}))

    def note(self, name: str, end: str) -> None:
        self.done[name] = end
        self.save()

    @property
    def goes_on(self) -> str:
        """How to go on after an interrupt."""
        if self.path is None:
            return f"again: make soak PART='{' '.join(self.names)}' SEED={self.seed}"
        return "make soak goes on from here"


def _parse(arguments: Sequence[str] | None, parts: Mapping[str, Part]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description="Tests with new seeds, in parts.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(parts)}; all if none is named")
    parser.add_argument("--seed", type=int, help="a whole number; a new one is drawn otherwise")
    parser.add_argument("--only", action="append", default=[], help="a test to run in place of the part's")
    parser.add_argument("--restart", action="store_true", help="do not go on after an interrupt")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="the most that a part may take")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.parts if name not in parts]:
        parser.error(f"no part {unknown[0]!r}; there are: {', '.join(parts)}")
    if asked.only and len(asked.parts) != 1:
        parser.error("ONLY needs one PART, whose environment the test runs in")
    return asked


def _commit() -> str:
    def git(*arguments: str) -> str:
        command = ["git", "-C", str(ROOT), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    return git("rev-parse", "--short=12", "HEAD") + ("+changes" if git("status", "--porcelain") else "")


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
