"""SecantusDB, a server that speaks MongoDB's protocol, started for tests in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote, urlencode

import trustme
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from tests.servers.guarded import GuardedProcess

HOST = "127.0.0.1"
STARTS_WITHIN = 30.0
ATTEMPTS = 5

# The server remembers 10,000 retryable writes and goes through all of them at each write; in a long run of tests a
# write then takes ten times as long. A driver repeats only its last ones.
START = "import secantus.transactions as made; made._RETRYABLE_RECORD_MAX = 500; import secantus.cli as cli; cli.main()"


@dataclass(frozen=True, slots=True)
class Tls:
    """Files of a server that proves who it is: its certificate and key, and the authority that vouches for it."""

    authority: Path
    certificate: Path
    key: Path


def make_tls(folder: Path, host: str = HOST) -> Tls:
    """Return the files of a new authority and of a server at this host."""
    authority = trustme.CA()
    certificate = authority.issue_cert(host)
    tls = Tls(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(str(tls.authority))
    certificate.private_key_pem.write_to_path(str(tls.key))
    for number, part in enumerate(certificate.cert_chain_pems):
        part.write_to_path(str(tls.certificate), append=number > 0)
    return tls


class SecantusServer:
    """A server on a free port of this machine; its data are in a folder.

    Args:
        folder: of the data and of what the server prints.
        standalone: whether it is a server without a replica set; else it is a replica set of one.
        auth: whether it asks who one is.
        tls: files of the server; it speaks TLS if they are given.
        sync_on_commit: whether each write is on the disk before it is confirmed.
        test_commands: whether it knows fail points.
    """

    def __init__(
        self,
        folder: Path,
        *,
        standalone: bool = False,
        auth: bool = False,
        tls: Tls | None = None,
        sync_on_commit: bool = False,
        test_commands: bool = False,
    ) -> None:
        self.folder = folder
        self.standalone = standalone
        self.auth = auth
        self.tls = tls
        self.sync_on_commit = sync_on_commit
        self.test_commands = test_commands
        self.port = 0
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        """Where the server is, without a database."""
        return self.url_of("")

    def url_of(self, database: str, *, user: str = "", password: str = "", **options: Any) -> str:
        """Return the URL of a database, as a user of the authority's file and with these options."""
        login = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
        if self.tls is not None:
            options = {"tls": "true", "tlsCAFile": str(self.tls.authority), **options}
        query = (
            f"?{urlencode({name: value for name, value in options.items() if value is not None})}" if options else ""
        )
        return f"mongodb://{login}{HOST}:{self.port}/{database}{query}"

    def client(self, **options: Any) -> MongoClient[Any]:
        """Return a client of this server alone, for what a test does behind the back of the adapter."""
        return MongoClient(self.url, **{"serverSelectionTimeoutMS": 5_000, "directConnection": True, **options})

    def start(self) -> Self:
        """Start the server and wait until it answers; the first start chooses the port, later ones keep it."""
        attempts = 1 if self.port else ATTEMPTS
        for attempt in range(attempts):
            port = self.port or free_port()
            try:
                self._start(port)
            except RuntimeError:  # somebody else may have taken the port meanwhile
                if attempt == attempts - 1:
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """End the server in good order, and wait for its end."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the server at once, by kill -9, and wait for its end."""
        self._end(signal.SIGKILL)

    def restart(self, *, auth: bool | None = None) -> Self:
        """Stop the server if it runs, and start it on the same port and folder; perhaps it asks now who one is."""
        self.stop()
        self.auth = self.auth if auth is None else auth
        return self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def _output(self) -> Path:
        return self.folder / "server.log"

    def _start(self, port: int) -> None:
        data = self.folder / "data"
        data.mkdir(parents=True, exist_ok=True)
        command = self._command(port, data.resolve())
        self._process = GuardedProcess(command, output=self._output, environment=_environment(), folder=self.folder)
        self.port = port
        try:
            self._wait()
        except BaseException:
            self.kill()
            self.port = 0
            raise

    def _command(self, port: int, data: Path) -> list[str]:
        command = [sys.executable, "-c", START, "--host", HOST, "--port", str(port)]
        command += ["--storage-path", str(data), "--cache-size", "256M", "--log-level", "WARNING"]
        flags = {
            "--standalone": self.standalone,
            "--auth": self.auth,
            "--sync-on-commit": self.sync_on_commit,
            "--enable-test-commands": self.test_commands,
        }
        command += [flag for flag, is_set in flags.items() if is_set]
        if self.tls is not None:
            command += ["--tls-cert-file", str(self.tls.certificate), "--tls-key-file", str(self.tls.key)]
        return command

    def _wait(self) -> None:
        """Wait until the server answers; an answer that one must say who one is will do."""
        deadline = time.monotonic() + STARTS_WITHIN
        options = {"serverSelectionTimeoutMS": 200, "connectTimeoutMS": 1000}
        with self.client(**options) as client:
            while True:
                assert self._process is not None
                if not self._process.running:
                    raise RuntimeError(f"the server ended by itself:\n{self._output.read_text()[-5000:]}")
                with suppress(PyMongoError):
                    client.admin.command("hello")
                    return
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the server does not answer:\n{self._output.read_text()[-5000:]}")

    def _end(self, sign: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end(sign)


def free_port() -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        port: int = listener.getsockname()[1]
    return port


def _environment() -> dict[str, str]:
    """The server is not measured by coverage, which would slow it down."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
