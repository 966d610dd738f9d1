"""What the brokers of tests share: processes of their own on free ports, which end with the tests, however these do."""

from __future__ import annotations

import random
import re
import signal
import socket
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import ClassVar, Self

from tests.servers.guarded import LOOK_AGAIN, GuardedProcess

HOST = "127.0.0.1"
STARTS_WITHIN = 60.0
ATTEMPTS = 5

# Below the ports that Linux gives to clients: a client that tries again and again to reach a dead broker would some
# time be given the broker's own port, reach itself, and keep the broker from coming back.
PORTS = range(20_000, 32_000)
TAKEN = re.compile(rb"in use|eaddrinuse", re.IGNORECASE)


class BrokerServer(ABC):
    """A broker on free ports of this machine; its data and what it prints are in a folder.

    Args:
        folder: made if it is missing; a server that starts again finds its data there.
    """

    needs_ports: ClassVar[int]
    ready: ClassVar[bytes]
    """What it prints when it can be used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports: tuple[int, ...] = ()
        self._processes: list[GuardedProcess] = []

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it is, as kombu and Celery write it."""

    @property
    def port(self) -> int:
        """Where it listens to clients; the same for all its life."""
        return self.ports[0]

    @property
    def pid(self) -> int:
        """The process of the broker itself."""
        return self._processes[-1].pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return bool(self._processes) and all(process.running for process in self._processes)

    @property
    def output(self) -> Path:
        """The file with all that it has printed."""
        return self.folder / "broker.log"

    def start(self) -> Self:
        """Start it and wait until it can be used; the first start chooses the ports, later ones keep them.

        Raises:
            RuntimeError: it runs already, or could not start.
        """
        if self.running:
            raise RuntimeError(f"{self.url} runs already; stop or kill it first")
        self.kill()  # what has remained if somebody else has killed it
        self.folder.mkdir(parents=True, exist_ok=True)
        attempts = 1 if self.ports else ATTEMPTS
        for _ in range(attempts - 1):
            with suppress(PortTakenError):
                return self._start(free_ports(self.needs_ports))
        return self._start(self.ports or free_ports(self.needs_ports))

    def stop(self) -> None:
        """End it in good order, and wait for its end; nothing happens if it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, by kill -9, and wait for its end; nothing happens if it does not run."""
        self._end(signal.SIGKILL)

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same ports with its data."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @abstractmethod
    def _commands(self, ports: tuple[int, ...]) -> list[list[str]]:
        """Write what the server reads, and return the commands that start it; the last one is the broker."""

    @abstractmethod
    def _environment(self, ports: tuple[int, ...]) -> dict[str, str]:
        """Return the variables that the server sees."""

    def _start(self, ports: tuple[int, ...]) -> Self:
        since = self.output.stat().st_size if self.output.exists() else 0
        try:
            for command in self._commands(ports):
                environment = self._environment(ports)
                self._processes.append(
                    GuardedProcess(command, output=self.output, environment=environment, folder=self.folder)
                )
            self._wait(since)
        except BaseException:
            self.kill()
            raise
        self.ports = ports
        return self

    def _wait(self, since: int) -> None:
        """Wait for the word of this server itself; whoever answers at the port might be another one."""
        deadline = time.monotonic() + STARTS_WITHIN
        while self.ready not in self._printed(since):
            if any(process.ends_within(LOOK_AGAIN) for process in self._processes):
                output = self._printed(since)
                failure = PortTakenError if TAKEN.search(output) else RuntimeError
                raise failure(f"{type(self).__name__} ended by itself:\n{output[-5000:].decode(errors='replace')}")
            if time.monotonic() > deadline:
                shown = self._printed(since)[-5000:].decode(errors="replace")
                raise RuntimeError(f"{type(self).__name__} is not ready after {STARTS_WITHIN:.0f} s:\n{shown}")

    def _printed(self, since: int) -> bytes:
        return self.output.read_bytes()[since:]

    def _end(self, sign: signal.Signals) -> None:
        while self._processes:
            self._processes.pop().end(sign)


class PortTakenError(RuntimeError):
    """Somebody else took a port after it was seen to be free."""


def free_ports(count: int) -> tuple[int, ...]:
    """Return ports that nobody listens on just now, and that no client of anybody is given."""
    found: set[int] = set()
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as listener, suppress(OSError):
            listener.bind((HOST, port))
            found.add(port)
    return tuple(found)
