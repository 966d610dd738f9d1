"""Fixtures of servers: one a process of pytest-xdist, and a fresh database a test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import pytest

if TYPE_CHECKING:
    from pymongo import MongoClient

VARIABLE = "OMEGA_TEST_MONGO_URL"
"""Names a server to test against in place of the one that the tests start."""

Topology = Literal["replica set", "standalone"]


@dataclass(frozen=True, slots=True)
class MongoServer:
    """A running server, ours or anybody's: ``url`` is that of the server, without a database of its own."""

    url: str

    def url_of(self, database: str) -> str:
        """Return the URL of a database of this server; who may log in is known by the database of the given URL."""
        parts = urlsplit(self.url)
        login_at = parts.path.strip("/")
        query = parts.query
        if "@" in parts.netloc and "authsource" not in query.lower():
            query = f"{query}&authSource={login_at or 'admin'}".lstrip("&")
        return urlunsplit(parts._replace(path=f"/{database}", query=query))

    def client(self, **options: Any) -> MongoClient[Any]:
        """Return a client, for what a test does behind the back of the adapter."""
        from pymongo import MongoClient  # noqa: PLC0415 -- coverage begins before

        return MongoClient(self.url, serverSelectionTimeoutMS=5_000, **options)

    def drop(self, *databases: str) -> None:
        """Remove databases for good."""
        with self.client() as client:
            for database in databases:
                client.drop_database(database)


def new_database() -> str:
    """Return the name of a database of a test's own."""
    return f"omega_test_{uuid.uuid4().hex[:12]}"


def _started(request: pytest.FixtureRequest, topology: Topology) -> Iterator[MongoServer]:
    from tests.servers.secantus import SecantusServer  # noqa: PLC0415 -- only where a server is needed

    folder = request.getfixturevalue("tmp_path_factory").mktemp("mongo")
    with SecantusServer(folder, standalone=topology == "standalone") as server:
        yield MongoServer(server.url)


@pytest.fixture(scope="session")
def mongo_server(request: pytest.FixtureRequest) -> Iterator[MongoServer]:
    """The server: a replica set of one, or what ``OMEGA_TEST_MONGO_URL`` names."""
    url = os.environ.get(VARIABLE)
    if url:
        yield MongoServer(url)
    else:
        yield from _started(request, "replica set")


@pytest.fixture(scope="session")
def standalone_server(request: pytest.FixtureRequest) -> Iterator[MongoServer]:
    """A server without a replica set; a server that was named by the environment is tested as it is."""
    if os.environ.get(VARIABLE):
        pytest.skip(f"{VARIABLE} names a server; its topology is what it is")
    yield from _started(request, "standalone")


@pytest.fixture(scope="session", params=["replica set", "standalone"])
def topology(request: pytest.FixtureRequest) -> MongoServer:
    """A server of each topology, one after the other."""
    name = "mongo_server" if request.param == "replica set" else "standalone_server"
    server: MongoServer = request.getfixturevalue(name)
    return server


@pytest.fixture
def new_mongo_url(mongo_server: MongoServer) -> Iterator[Callable[[], str]]:
    """Return the URL of a fresh database at each call; all are dropped afterwards."""
    yield from _fresh(mongo_server)


@pytest.fixture
def mongo_url(new_mongo_url: Callable[[], str]) -> str:
    """The URL of a fresh database, which is dropped afterwards."""
    return new_mongo_url()


@pytest.fixture
def topology_url(topology: MongoServer) -> Iterator[Callable[[], str]]:
    """The same as ``new_mongo_url`` on a server of each topology."""
    yield from _fresh(topology)


def _fresh(server: MongoServer) -> Iterator[Callable[[], str]]:
    databases: list[str] = []

    def make() -> str:
        databases.append(new_database())
        return server.url_of(databases[-1])

    yield make
    server.drop(*databases)
