"""`om runtime result`, `status` and `cancel`: what became of tasks, in this process and behind a broker."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import omega_ml
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import TaskTimeoutError
from omega_domain.omega import Omega
from omega_domain.tasks.records import TaskRecords
from omega_domain.tasks.results import AsyncResult
from omega_ml import virtualobj

Run = Callable[..., Any]
OM = Path(sys.executable).parent / "om"
WAIT = 30.0


@virtualobj
def double(data: Any = None, method: str | None = None, **kwargs: Any) -> Any:
    return 2 * data


@pytest.fixture
def clustered(omega: Omega, home: Path, monkeypatch: pytest.MonkeyPatch) -> Omega:
    """The same store with a broker, a model, and nobody who works."""
    omega.models.put(double, "double")
    monkeypatch.setenv("OMEGA_BROKER_URL", f"filesystem://{home}/broker")
    return omega_ml.setup(home=home)


def waiting(clustered: Omega, data: Any = 1) -> AsyncResult:
    """A task that waits for a worker."""
    return clustered.runtime.require(wait=True).model("double").run(data)


class Work:
    """What a worker does to the record of a task."""

    def __init__(self, omega: Omega, result: AsyncResult) -> None:
        self.log = TaskRecords(omega.context)
        self.task = Task.from_json(result.record.envelope)
        lease = self.log.start(self.task, worker="worker@far", holder="holder")
        assert lease
        self.lease = lease

    def report(self, done: float, total: float | None = None, note: str = "") -> None:
        self.log.report(self.task.id, {"done": done, "total": total, "note": note})

    def succeed(self, value: int) -> None:
        self.log.succeed(self.task, Argument("value", str(value)), lease=self.lease)

    def fail(self, error: Exception) -> None:
        self.log.fail(self.task, error, lease=self.lease)


# -- result -----------------------------------------------------------------------------------------------------------


def test_an_unknown_task_is_an_error(om: Run) -> None:
    for command in ("result", "status", "cancel"):
        done = om("runtime", command, "nothing")
        assert (done.code, done.out) == (1, "")
        assert "no task 'nothing'" in done.err
        assert done.err.count("\n") == 1


def test_a_result_is_printed_once_it_is_there(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    work = Work(clustered, result)
    Thread(target=lambda: work.succeed(7)).start()
    assert om("runtime", "result", result.id, "--timeout", WAIT, "--json").json == {
        "id": result.id,
        "status": "SUCCESS",
        "value": 7,
    }


def test_the_results_of_several_tasks_are_a_list(om: Run, omega: Omega) -> None:
    omega.models.put(double, "double")
    with omega.runtime.parallel() as crt:
        for number in range(3):
            crt.model("double").run(number)
    group = crt.run()
    assert om("runtime", "result", group.id, "--json").json["value"] == [0, 2, 4]


def test_who_does_not_wait_long_enough_is_told_how_to_ask_again(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    done = om("runtime", "result", result.id, "--timeout", "0.05")
    assert (done.code, done.out) == (1, "")
    assert f"task {result.id} is PENDING after 0.05 s; the task goes on" in done.err
    assert f"om runtime result {result.id}" in done.err
    assert f"om runtime cancel {result.id}" in done.err
    assert done.err.count("\n") == 1


def test_a_timeout_that_a_task_raised_is_its_own(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    Work(clustered, result).fail(TaskTimeoutError("another task was too slow"))
    assert om("runtime", "result", result.id).err == "om: another task was too slow\n"


def test_what_a_task_raised_can_not_steer_the_terminal(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    Work(clustered, result).fail(ValueError("red \x1b[31malert\nand more"))
    assert (
        om("runtime", "result", result.id).err == "om: ValueError: red \\x1b[31malert and more (--debug shows where)\n"
    )


def test_the_traceback_of_the_worker_is_shown_when_asked(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    Work(clustered, result).fail(KeyError("x"))
    assert "Traceback of the worker" in om("runtime", "result", result.id, "--debug").err


def test_an_interrupt_leaves_the_task_alone_and_says_how_to_ask(clustered: Omega, home: Path) -> None:
    result = waiting(clustered)
    with on_terminal("--home", str(home), "runtime", "result", result.id) as shown:
        shown.until("waiting for a worker")
        shown.process.send_signal(signal.SIGINT)
        shown.until(
            f"om: the task goes on; ask for it by: om --home {home} runtime result {result.id}, "
            f"or end it by: om --home {home} runtime cancel {result.id}\n"
        )
        assert shown.process.wait(WAIT) == 130
    assert result.status == "PENDING"


def test_how_far_a_task_is_is_shown_on_a_terminal(clustered: Omega) -> None:
    result = waiting(clustered)
    with on_terminal("runtime", "result", result.id) as shown:
        shown.until("model double run: waiting for a worker with the label default")
        work = Work(clustered, result)
        shown.until("model double run: running on worker@far")
        work.report(25, 100, "load \x1b[31m[bold]")
        shown.until("running on worker@far, 25 of 100 (25 %): load \\x1b[31m[bold]")
        work.succeed(7)
        shown.until("\n7")


def test_waiting_ends_in_time_on_a_terminal(clustered: Omega) -> None:
    result = waiting(clustered)
    with on_terminal("runtime", "result", result.id, "--timeout", "0.3") as shown:
        shown.until("PENDING after 0.3 s")


def test_several_tasks_are_waited_for_on_a_terminal(clustered: Omega) -> None:
    with clustered.runtime.parallel() as crt:
        crt.require(wait=True).model("double").run(1)
    group = crt.run()
    with on_terminal("runtime", "result", group.id) as shown:
        shown.until(f"{group.id}: PENDING")
        Work(clustered, group.results[0]).succeed(2)
        shown.until("2")


# -- status -----------------------------------------------------------------------------------------------------------


def test_the_state_of_the_runtime_is_shown(om: Run, omega: Omega) -> None:
    omega.models.put(double, "double")
    tasks = [omega.runtime.model("double").run(number) for number in range(3)]
    found = om("runtime", "status", "--json").json
    assert sorted(found) == ["queues", "recent", "tasks", "workers"]
    assert found["tasks"] == {"PENDING": 0, "STARTED": 0, "SUCCESS": 3, "FAILURE": 0}
    assert [task["id"] for task in found["recent"]] == [task.id for task in reversed(tasks)]
    shown = om("runtime", "status").out.splitlines()
    assert [line for line in shown if not line.startswith(" ")] == [
        "workers:",
        "queues:",
        "tasks: 3 SUCCESS",
        "last tasks:",
    ]
    assert re.match(rf"  {tasks[-1].id}  model double run  SUCCESS  \d+ s  +\d+ ms  local@", shown[-3])


def test_as_many_of_the_last_tasks_are_shown_as_wanted(om: Run, omega: Omega) -> None:
    omega.models.put(double, "double")
    for number in range(12):
        omega.runtime.model("double").run(number)
    assert len(om("runtime", "status", "--json").json["recent"]) == 10
    assert len(om("runtime", "status", "--limit", "2", "--json").json["recent"]) == 2
    assert len(om("runtime", "status", "--limit", "0", "--json").json["recent"]) == 12


def test_a_runtime_without_workers_and_tasks_says_so(om: Run, clustered: Omega) -> None:
    shown = om("runtime", "status").out
    assert shown.startswith("workers: no worker lives\nqueues:\n")
    assert shown.endswith("tasks: none\n")


def test_all_of_a_record_is_shown(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    facts = om("runtime", "status", result.id, "--json").json
    assert (facts["status"], facts["attempts"], facts["worker"], facts["took"]) == ("PENDING", 0, None, None)
    work = Work(clustered, result)
    work.report(3, 12, "step")
    facts = om("runtime", "status", result.id, "--json").json
    assert (facts["status"], facts["attempts"], facts["worker"]) == ("STARTED", 1, "worker@far")
    assert facts["progress"] == {"done": 3, "total": 12, "note": "step"}
    work.fail(ValueError("two\nlines"))
    facts = om("runtime", "status", result.id, "--json").json
    assert facts["status"] == "FAILURE"
    assert (facts["error"]["type"], facts["error"]["message"]) == ("builtins.ValueError", "two\nlines")
    assert "ValueError: two" in facts["error"]["traceback"]
    assert facts["waited"] >= 0
    assert facts["took"] >= 0
    described = om("runtime", "status", "--help").out.partition("with an ID {")[2].partition("}")[0]
    assert list(facts) == described.replace(",", " ").split()


def test_a_record_is_shown_as_people_read_it(om: Run, clustered: Omega) -> None:
    result = waiting(clustered)
    work = Work(clustered, result)
    work.report(3, 12, "step")
    work.fail(ValueError("two\nlines \x1b[31m"))
    facts = dict(line.split(maxsplit=1) for line in om("runtime", "status", result.id).out.splitlines())
    assert facts["task"] == "model double run"
    assert facts["progress"] == "3 of 12 (25 %): step"
    assert facts["error"] == "ValueError: two lines \\x1b[31m"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC, \d+ s ago", facts["submitted"])
    assert re.fullmatch(r"\d+ ms|\d\.\d s", facts["took"])


@pytest.mark.parametrize(
    ("said", "shown"),
    [((3,), "3"), ((1234.5, 5000), "1,234.50 of 5,000 (25 %)"), ((0, 0), "0"), ((5, None, "rows"), "5: rows")],
)
def test_progress_is_said_in_words(om: Run, clustered: Omega, said: tuple[Any, ...], shown: str) -> None:
    result = waiting(clustered)
    Work(clustered, result).report(*said)
    assert f"progress   {shown}\n" in om("runtime", "status", result.id).out


def test_several_tasks_are_counted_and_shown(om: Run, omega: Omega) -> None:
    omega.models.put(double, "double")
    with omega.runtime.sequence() as crt:
        for number in range(3):
            crt.model("double").run(number)
    group = crt.run()
    found = om("runtime", "status", group.id, "--json").json
    assert (found["id"], found["status"]) == (group.id, "SUCCESS")
    assert [task["id"] for task in found["tasks"]] == [result.id for result in group.results]
    shown = om("runtime", "status", group.id).out
    assert re.search(r"counts +3 SUCCESS", shown)
    assert [line.split()[0] for line in shown.splitlines()[-3:]] == [result.id for result in group.results]


def test_of_many_tasks_those_are_shown_that_failed_or_run(om: Run, clustered: Omega) -> None:
    with clustered.runtime.parallel() as crt:
        for number in range(30):
            crt.require(wait=True).model("double").run(number)
    group = crt.run()
    Work(clustered, group.results[29]).fail(ValueError())
    Work(clustered, group.results[28])
    done = om("runtime", "status", group.id)
    assert done.err == "there are 10 more: --json shows all\n"
    shown = [line.split()[0] for line in done.out.splitlines()[-20:]]
    assert shown == [result.id for result in [*group.results[:18], *group.results[28:]]]
    assert re.search(r"counts +28 PENDING, 1 STARTED, 1 FAILURE", done.out)


def test_the_worker_is_left_out_where_the_terminal_is_narrow(
    om: Run, omega: Omega, monkeypatch: pytest.MonkeyPatch
) -> None:
    omega.models.put(double, "double")
    omega.runtime.model("double").run(1)
    monkeypatch.setenv("TERM", "xterm")
    for columns, is_shown in (("80", False), ("120", True)):
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setenv("COLUMNS", columns)
        shown = re.sub(r"\x1b\[[0-9;]*m", "", om("runtime", "status").out)
        assert max(map(len, shown.splitlines())) <= int(columns)
        assert ("local@" in shown.partition("last tasks")[2]) == is_shown


# -- cancel -----------------------------------------------------------------------------------------------------------


def test_tasks_are_cancelled(om: Run, clustered: Omega) -> None:
    waits, ended = waiting(clustered), waiting(clustered)
    Work(clustered, ended).succeed(1)
    assert om("runtime", "cancel", waits.id, ended.id, "--json").json == [
        {"id": waits.id, "cancelled": True, "status": "FAILURE"},
        {"id": ended.id, "cancelled": False, "status": "SUCCESS"},
    ]
    done = om("runtime", "result", waits.id)
    assert (done.code, done.err) == (1, f"om: task {waits.id} (run of 'double') was cancelled\n")


def test_nothing_is_cancelled_if_a_task_is_unknown(om: Run, clustered: Omega) -> None:
    waits = waiting(clustered)
    assert om("runtime", "cancel", waits.id, "nothing").code == 1
    assert waits.status == "PENDING"


def test_cancelling_needs_an_id(om: Run) -> None:
    assert om("runtime", "cancel").code == 2


def test_ids_of_the_last_tasks_are_completed(omega: Omega, home: Path) -> None:
    omega.models.put(double, "double")
    result = omega.runtime.model("double").run(1)
    words = f"om runtime result {result.id[:4]}"
    environ = {**os.environ, "_OM_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    done = subprocess.run([OM], env=environ, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == result.id


# -- inside -----------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """What a command on a terminal has shown so far."""

    terminal: int
    process: subprocess.Popen[bytes]
    raw: bytes = b""

    @property
    def text(self) -> str:
        """What was shown, without what moves the cursor; that may come in pieces, so it is taken out of the whole."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.raw.decode(errors="replace")).replace("\r", "")

    def until(self, wanted: str) -> None:
        """Wait until this text is shown."""
        give_up = time.monotonic() + WAIT
        while wanted not in self.text:
            assert time.monotonic() < give_up, f"{wanted!r} is not shown:\n{self.text}"
            try:
                self.raw += os.read(self.terminal, 4096)
            except OSError:  # the other end is closed
                pytest.fail(f"{wanted!r} was not shown:\n{self.text}")


def _hear_interrupts() -> None:
    """Where tests run in the background of a shell, they and what they start would ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def on_terminal(*args: str) -> Iterator[Shown]:
    """Run the command on a terminal of its own."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 500, 0, 0))
    environ = {**os.environ, "TERM": "xterm"}
    process = subprocess.Popen(
        [OM, *args],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ,
        preexec_fn=_hear_interrupts,  # noqa: PLW1509 -- it only sets a signal, and no thread of ours holds a lock then
    )
    os.close(theirs)
    try:
        yield Shown(ours, process)
        process.wait(WAIT)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
