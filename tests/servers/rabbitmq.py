"""RabbitMQ, started for tests as a node of its own, beside whatever RabbitMQ runs on this machine."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import ClassVar

from tests.servers.brokers import HOST, BrokerServer

DEBIAN = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself; the one on Debian's path insists on being root or the service's user."""

NOT_INSTALLED = "RabbitMQ is not installed; on Debian: apt-get install rabbitmq-server"

SETTINGS = """\
# a small disk is no reason to refuse messages of tests
disk_free_limit.absolute = 1MB
"""
# no shell, deaf to Ctrl-C, without a name server of its own making, and for nobody else
RUNNING = "-noinput +B i -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"


class RabbitServer(BrokerServer):
    """A private node of the distribution's RabbitMQ, with a name server (epmd), a cookie and a home of its own.

    Args:
        folder: of the data and of what it prints.
    """

    needs_ports: ClassVar[int] = 3
    ready: ClassVar[bytes] = b"Server startup complete"

    @classmethod
    def program(cls) -> str | None:
        """Return the program that starts a node, or None if RabbitMQ is not installed."""
        return str(DEBIAN) if DEBIAN.exists() else shutil.which("rabbitmq-server")

    @property
    def url(self) -> str:
        """Where it is: its guest's virtual host ``/``."""
        return f"amqp://guest:guest@{HOST}:{self.port}//"

    def _commands(self, ports: tuple[int, ...]) -> list[list[str]]:
        program = self.program()
        if program is None:
            raise RuntimeError(NOT_INSTALLED)
        (self.folder / "home").mkdir(exist_ok=True)
        (self.folder / "rabbitmq.conf").write_text(SETTINGS)
        (self.folder / "environment.conf").write_text("")
        (self.folder / "plugins").write_text("[].\n")
        return [["epmd", "-port", str(ports[2])], [program]]

    def _environment(self, ports: tuple[int, ...]) -> dict[str, str]:
        others = {name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))}
        return {
            **others,
            "HOME": str(self.folder / "home"),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(ports[2]),
            "RABBITMQ_NODENAME": "omega@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(ports[0]),
            "RABBITMQ_DIST_PORT": str(ports[1]),
            "RABBITMQ_CONF_ENV_FILE": str(self.folder / "environment.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self.folder / "advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_ALLOW_INPUT": "1",  # so that the broker takes the place of the shell that starts it, and its pid
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": RUNNING,
        }
