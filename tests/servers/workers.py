"""Workers for tests: the real ``om worker`` in a process group of its own, which ends with the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from tests.servers.guarded import Guard

READY = 60.0
#: The patience of the clusters of tests, a factor or times: a fifth of the real times, unless a soak run asks for them.
PATIENCE = os.environ.get("OMEGA_TEST_PATIENCE", "0.2")


class WorkerProcess:
    """A worker, started at once; ends with the ``with`` block.

    Args:
        env: settings of omega-ml, such as OMEGA_HOME and OMEGA_BROKER_URL; OMEGA_PATIENCE is that of tests by default.
        labels: its labels.
        concurrency: how many tasks it runs at a time.
        options: further words of its command line.
        backends: whether it knows the backends of the contract of runtimes (``omega_domain.testing.models``).
        wait: whether to wait until it is ready.
    """

    def __init__(
        self,
        env: Mapping[str, str],
        *,
        labels: Sequence[str] = ("default",),
        concurrency: int = 2,
        options: Sequence[str] = (),
        backends: bool = False,
        wait: bool = True,
    ) -> None:
        self.log = Path(tempfile.mkstemp(prefix="omega-worker-", suffix=".log")[1])
        om = str(Path(sys.executable).parent / "om")
        program = [sys.executable, "-m", "tests.servers.workers"] if backends else [om]
        words = [word for label in labels for word in ("--label", label)]
        command = [*program, "worker", *words, "--concurrency", str(concurrency), "--log-format", "json", *options]
        started = time.monotonic()
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OMEGA_PATIENCE": PATIENCE, **env},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = Guard(self.process.pid)
        if wait:
            self.wait_for("worker ready")
        self.ready_after = time.monotonic() - started

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What it has logged so far; other output as ``{'event': text}``."""
        return [_line(text) for text in self.log.read_text(errors="replace").splitlines()]

    @property
    def name(self) -> str:
        """Its name in the registry."""
        return str(self.wait_for("worker ready")["worker"])

    def wait_for(self, event: str, *, timeout: float = READY) -> dict[str, Any]:
        """Return its first line of this event, once it is there."""
        give_up = time.monotonic() + timeout
        while True:
            found = next((line for line in self.lines if line.get("event") == event), None)
            if found is not None:
                return found
            if self.process.poll() is not None or time.monotonic() > give_up:
                raise AssertionError(f"the worker has not logged {event!r}:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.02)

    def children(self) -> list[int]:
        """Return the ids of the processes in which it runs tasks."""
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]

    def memory(self) -> dict[int, int]:
        """Return how many bytes of memory it and its children have, by the ids of the processes."""
        return {pid: _resident(pid) for pid in (self.process.pid, *self.children())}

    def kill(self) -> None:
        """Kill the worker itself, as the kernel does; its children have to see by themselves."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def kill_all(self) -> None:
        """Kill the worker and its children at once, as the end of a machine does."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self, *, timeout: float = 60) -> int:
        """Stop it as an operator does; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            try:
                self.stop(timeout=15)
            except subprocess.TimeoutExpired:
                self.kill_all()
        self._guard.dismiss()
        self.log.unlink(missing_ok=True)


def _line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {"event": text}
    return found if isinstance(found, dict) else {"event": text}


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Run ``om`` where the backends of the contract are known."""
    from omega_cli.main import run  # noqa: PLC0415 -- the program under test
    from omega_domain.testing.task_queue import register_backends  # noqa: PLC0415
    from omega_ml import composition  # noqa: PLC0415

    open_omega = composition.open_omega

    def open_with_backends(settings: Any) -> Any:
        omega = open_omega(settings)
        register_backends(omega.context)
        return omega

    composition.open_omega = open_with_backends
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
