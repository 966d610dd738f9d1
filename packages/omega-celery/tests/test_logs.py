"""Logs of a worker: each line whole, for people or for programs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

LOG = """
import logging, sys, warnings
import structlog
from omega_celery.logs import configure_logs
configure_logs(*sys.argv[1:])
structlog.get_logger("omega.worker").info("ran", task="t1", seconds=0.5)
logging.getLogger("celery.worker").warning("connection %s", "lost")
logging.getLogger("celery.app.trace").info("repeats what ours say")
logging.getLogger("celery.app.trace").error("says more")
logging.getLogger("anybody").debug("details")
try:
    1 / 0
except ZeroDivisionError:
    structlog.get_logger("omega.heart").exception("no beat")
"""


def logged(form: str, level: str = "INFO") -> list[str]:
    done = subprocess.run([sys.executable, "-c", LOG, form, level], capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_lines_for_programs_are_json() -> None:
    lines = [json.loads(line) for line in logged("json")]
    assert [line["event"] for line in lines] == ["ran", "connection lost", "says more", "no beat"]
    assert lines[0]["task"] == "t1"
    assert lines[0]["logger"] == "omega.worker"
    assert [line["level"] for line in lines] == ["info", "warning", "error", "error"]
    assert all(line["timestamp"].endswith("Z") for line in lines)
    assert "ZeroDivisionError" in lines[3]["exception"]


def test_lines_for_people_are_text_without_colours_in_a_file() -> None:
    lines = logged("console")
    assert "ran" in lines[0]
    assert "task=t1" in lines[0]
    assert "\x1b" not in "".join(lines)
    assert any("ZeroDivisionError" in line for line in lines)


@pytest.mark.parametrize(("level", "count"), [("DEBUG", 5), ("INFO", 4), ("WARNING", 3), ("ERROR", 2)])
def test_lines_below_the_level_are_left_out(level: str, count: int) -> None:
    assert len(logged("json", level)) == count


EVIL = """
import logging, sys
from unittest import mock
import structlog
from omega_celery.logs import configure_logs
with mock.patch.object(sys.stderr, "isatty", lambda: sys.argv[2] == "terminal", create=True):
    configure_logs(sys.argv[1], "INFO")
evil = "\\x1b]0;title\\a \\x9b31m \\u202eback"
password = "hunter2"
structlog.get_logger("omega.worker").info(f"ran {evil}", task=evil, more=[evil])
logging.getLogger("anybody").warning("%s", evil)
try:
    raise ValueError(evil)
except ValueError:
    structlog.get_logger("omega.heart").exception("failed")
"""


@pytest.mark.parametrize("form", ["console", "json"])
@pytest.mark.parametrize("where", ["terminal", "file"])
def test_what_tasks_and_stores_say_steers_no_terminal_and_tells_no_variables(form: str, where: str) -> None:
    done = subprocess.run([sys.executable, "-c", EVIL, form, where], capture_output=True, text=True, check=True)
    shown = re.sub(r"\x1b\[[0-9;]*m", "", done.stderr)  # colours of structlog's own
    assert "title" in shown
    assert not set(shown) & set("\x1b\a\x9b\u202e")
    assert "hunter2" not in shown.replace('password = "hunter2"', "")
