"""A context on MongoDB for benchmarks: a server of its own, and an account of what is sent to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo.monitoring import CommandListener, CommandStartedEvent, CommandSucceededEvent
from tests.servers.fixtures import MongoServer, new_database
from tests.servers.secantus import SecantusServer

import omega_mongo
from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.omega import Omega
from omega_ml import plugins

VARIABLE = "OMEGA_TEST_MONGO_URL"


class Account(CommandListener):
    """Counts the commands that are sent, and the bytes of chunks that come back.

    Attributes:
        commands: their names.
        received: bytes of the contents of GridFS.
    """

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.received = 0

    def clear(self) -> None:
        """Start anew."""
        self.commands.clear()
        self.received = 0

    def started(self, event: CommandStartedEvent) -> None:
        """Count a command."""
        self.commands.append(event.command_name)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """Count what came back."""
        cursor: Any = event.reply.get("cursor", {})
        for document in [*cursor.get("firstBatch", ()), *cursor.get("nextBatch", ())]:
            self.received += len(document.get("data", b"")) if isinstance(document.get("data"), bytes) else 0

    def failed(self, event: Any) -> None:
        """Do nothing: what fails is raised."""


@contextmanager
def server(folder: Path) -> Iterator[MongoServer]:
    """Give a server: the one that the environment names, or one of our own."""
    if os.environ.get(VARIABLE):
        yield MongoServer(os.environ[VARIABLE])
        return
    with SecantusServer(folder / "server") as own:
        yield MongoServer(own.url)


@contextmanager
def shared_context(server: MongoServer, account: Account | None = None) -> Iterator[Omega]:
    """Give an Omega on a fresh database of this server, which is dropped in the end."""
    database = new_database()
    options: dict[str, Any] = {"event_listeners": [account]} if account else {}
    metadata, store = omega_mongo.open_store(server.url_of(database), **options)
    yield Omega(metadata=metadata, store=store, clock=SystemClock(), registry=plugins.backends(), codec=plugins.codec())
    store.close()
    server.drop(database)
