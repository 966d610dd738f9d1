"""An interrupted run of tests leaves no process behind, whatever has interrupted it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.servers.rabbitmq import RabbitServer

ROOT = Path(__file__).parents[2]
MARK = "OMEGA_TEST_MARK"
STARTS_WITHIN = 120.0
ENDS_WITHIN = 60.0
PLUGINS = ("tests.servers.fixtures", "tests.suite.leftovers", "tests.suite.needs")

# Where tests run in the background of a shell, they and what they start would ignore interrupts.
RUN = """
import signal, sys, pytest
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(pytest.main(sys.argv[1:]))
"""

TESTS = """
import multiprocessing, os, signal, subprocess, sys
from pathlib import Path
import pytest
from tests.servers.workers import WorkerProcess

FOLDER = Path(__file__).parent

def hold():
    while True:
        signal.pause()

def test_servers(request, new_valkey, mongo_server):
    new_valkey()
    {rabbitmq}
    (FOLDER / "servers").touch()
    hold()

def test_others(tmp_path):
    child = multiprocessing.get_context("forkserver").Process(target=hold)
    child.start()
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
    command = subprocess.Popen([sys.executable, "-c", deaf], start_new_session=True)
    env = {{"OMEGA_HOME": str(tmp_path / "home"), "OMEGA_BROKER_URL": f"filesystem://{{tmp_path}}/broker"}}
    with WorkerProcess(env):
        (FOLDER / "others").touch()
        hold()
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_nothing_is_left_when_the_run_alone_is_told_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sign: signal.Signals
) -> None:
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    rabbitmq = 'request.getfixturevalue("new_rabbitmq")()' if RabbitServer.program() else ""
    test = tmp_path / "test_it.py"
    test.write_text(TESTS.format(rabbitmq=rabbitmq))
    plugins = [word for plugin in (*PLUGINS, "no:cacheprovider") for word in ("-p", plugin)]
    command = [
        sys.executable,
        "-c",
        RUN,
        *plugins,
        "-n",
        "2",
        "--dist",
        "load",
        f"--basetemp={tmp_path}/run",
        str(test),
    ]
    output = tmp_path / "output"
    with output.open("wb") as file, subprocess.Popen(command, stdout=file, stderr=file, cwd=ROOT) as run:
        ready = wait_for(lambda: all((tmp_path / name).exists() for name in ("servers", "others")), STARTS_WITHIN)
        started = left_of(mark, tmp_path)
        run.send_signal(sign)
    assert ready, output.read_text()
    assert any("valkey-server" in command for command in started.values()), started
    assert len(started) > 2 * len(PLUGINS), started  # the run, its two workers, servers, om worker, guards
    assert wait_for(lambda: not left_of(mark, tmp_path), ENDS_WITHIN), left_of(mark, tmp_path)


def left_of(mark: str, folder: Path) -> dict[int, str]:
    """Return the processes of a run, except for this one, with their commands.

    They have a variable in their environment, or, as Valkey writes its name over that, work below the folder.
    """
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            is_marked = f"{MARK}={mark}".encode() in (path / "environ").read_bytes().split(b"\0")
            if is_marked or str((path / "cwd").readlink()).startswith(f"{folder}/"):
                found[int(path.name)] = (path / "cmdline").read_text().replace("\0", " ")[:200]
        except OSError:  # it has ended meanwhile, or is somebody else's
            continue
    return found


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until the answer is yes, and return whether it came in time."""
    deadline = time.monotonic() + seconds
    while not (holds := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return holds
