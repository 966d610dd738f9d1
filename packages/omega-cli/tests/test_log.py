"""`om runtime log`: what tasks and clients have logged."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from omega_cli.log import log
from omega_cli.session import Session
from omega_domain.entities.task import Argument, Task
from omega_domain.errors import InvalidFilterError, ObjectNotFoundError
from omega_domain.logbook.task_output import captured
from omega_domain.omega import Omega
from omega_domain.tasks.records import TaskRecords

WAIT = 30
Log = Callable[..., str]

app = typer.Typer()
app.command()(log)


@pytest.fixture
def show(home: Path) -> Log:
    """The command; returns what it prints, and raises what it raises."""

    def call(*args: str, bucket: str | None = None, as_json: bool = False) -> str:
        session = Session(home=str(home), bucket=bucket, as_json=as_json)
        return CliRunner().invoke(app, args, obj=session, catch_exceptions=False).output

    return call


@pytest.fixture
def task(omega: Omega) -> Task:
    """A task that has said something and has ended."""
    task = make_task(omega, "0123456789abcdef")
    tasks = TaskRecords(omega.context)
    lease = tasks.start(task, worker="w")
    assert lease
    with captured(omega.context, task, worker="w"):
        print("half way")  # noqa: T201 -- what a task does
        omega.logger.warning("nearly\nthere")
    tasks.succeed(task, Argument("value", "1"), lease=lease)
    return task


def test_what_a_process_says_last_is_kept(show: Log, home: Path) -> None:
    code = "import omega_ml as om; logger = om.logger.getChild('x'); logger.info('last words'); del logger; exit(3)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 3
    assert "omega.x: last words" in show()


def make_task(omega: Omega, id_: str) -> Task:
    return Task(
        id=id_,
        action="fit",
        kind="model",
        name="forecast",
        bucket=omega.bucket,
        context=omega.context.name,
        submitted=datetime.now(UTC),
    )


def test_a_line_says_when_how_grave_and_who(show: Log, task: Task) -> None:
    first, second, third = show("--task", task.id).splitlines()
    assert first.endswith("INFO     [01234567] forecast stdout: half way")
    assert datetime.fromisoformat(first[:23]).year >= 2025
    assert second.endswith("WARNING  [01234567] forecast omega: nearly")
    assert third == "    there"


def test_lines_of_clients_say_whose_they_are(show: Log, omega: Omega) -> None:
    omega.logger.info("hello")
    omega.logger.dataset.get()
    assert f"[{omega.context.author}] omega: hello" in show()


def test_a_traceback_is_printed_below_its_line(show: Log, omega: Omega) -> None:
    try:
        int("seven")
    except ValueError:
        omega.logger.exception("failed")
    omega.logger.dataset.get()
    first, second, *_, last = show().splitlines()
    assert first.endswith("omega: failed")
    assert second == "    Traceback (most recent call last):"
    assert last.startswith("    ValueError: ")


def test_what_a_terminal_would_act_on_is_shown_instead(show: Log, omega: Omega) -> None:
    omega.logger.info("\x1b[31mred\x07")
    omega.logger.dataset.get()
    assert r"omega: \x1b[31mred\x07" in show()


def test_json_is_an_array_of_all_fields(show: Log, task: Task) -> None:
    first, _ = json.loads(show("--task", task.id, as_json=True))
    assert first.pop("time").startswith("20")
    assert first.pop("author")
    assert first == {
        "level": "INFO",
        "logger": "stdout",
        "message": "half way",
        "task": task.id,
        "worker": "w",
        "bucket": "omega",
        "kind": "model",
        "name": "forecast",
        "traceback": None,
    }


def test_levels_and_limits_choose_lines(show: Log, task: Task) -> None:
    assert "half way" not in show("--level", "warning")
    assert show("--limit", "1").splitlines()[0].endswith("nearly")
    assert "half way" in show("--limit", "0")
    with pytest.raises(InvalidFilterError, match="'LOUD' is no level"):
        show("--level", "LOUD")


def test_a_bucket_is_chosen_if_one_is_named(show: Log, omega: Omega) -> None:
    omega["dev"].logger.info("from dev")
    omega["dev"].logger.dataset.get()
    assert "from dev" in show()
    assert "from dev" in show(bucket="dev")
    assert "from dev" not in show(bucket="omega")


def test_the_id_of_a_group_stands_for_its_tasks(show: Log, omega: Omega, task: Task) -> None:
    group = TaskRecords(omega.context).save_group("parallel", [task.id])
    assert "half way" in show("--task", group.id)


def test_where_nothing_was_logged_the_reason_is_told(show: Log, omega: Omega) -> None:
    assert show() == "nothing was logged\n"
    quiet = make_task(omega, "quiet")
    TaskRecords(omega.context).announce([quiet])
    assert "mode(logging=True)" in show("--task", "quiet")
    with pytest.raises(ObjectNotFoundError, match="nobody"):
        show("--task", "nobody")


def test_the_log_of_a_forgotten_task_is_still_there(show: Log, omega: Omega, task: Task) -> None:
    TaskRecords(omega.context).forget(before=datetime(2100, 1, 1, tzinfo=UTC))
    assert "half way" in show("--task", task.id)


def test_following_a_task_that_has_ended_prints_its_log(show: Log, task: Task) -> None:
    assert show("--follow", "--task", task.id) == show("--task", task.id)


def test_following_as_json_prints_an_object_a_line(show: Log, task: Task) -> None:
    lines = show("-f", "--task", task.id, as_json=True).splitlines()
    assert [json.loads(line)["message"] for line in lines] == ["half way", "nearly\nthere"]


def test_following_prints_what_comes_until_the_task_ends(show: Log, omega: Omega) -> None:
    task, tasks = make_task(omega, "slow"), TaskRecords(omega.context)
    tasks.announce([task])
    printed: list[str] = []
    reader = threading.Thread(target=lambda: printed.append(show("-f", "--task", task.id)))
    reader.start()
    lease = tasks.start(task, worker="w")
    assert lease
    with captured(omega.context, task, worker="w"):
        for number in range(3):
            omega.logger.info("step %d", number)
            omega.logger.dataset.get()
    assert reader.is_alive()
    tasks.succeed(task, Argument("value", "1"), lease=lease)
    deadline = time.monotonic() + WAIT
    while reader.is_alive() and time.monotonic() < deadline:
        reader.join(0.05)
    assert [line.rpartition(" ")[2] for line in printed[0].splitlines()] == ["0", "1", "2"]
