"""Fixtures of servers: one a process of pytest-xdist, with databases to share or fresh ones; and brokers to break."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit, urlunsplit

import pytest
from tests.effort import few_or_all

if TYPE_CHECKING:
    from pymongo import MongoClient
    from tests.servers.brokers import BrokerServer
    from tests.servers.databases import Databases
    from tests.servers.rabbitmq import RabbitServer
    from tests.servers.valkey import ValkeyServer

    from omega_mongo import Connection

pytest_plugins = ["tests.scratch"]

VARIABLE = "OMEGA_TEST_MONGO_URL"
"""Names a server to test against in place of the one that the tests start."""

BROKERS = ["valkey", "rabbitmq"]

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


@pytest.fixture(scope="session", params=few_or_all(["replica set"], ["replica set", "standalone"]))
def topology(request: pytest.FixtureRequest) -> MongoServer:
    """A replica set; in a soak a server of each topology, one after the other."""
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


@pytest.fixture(scope="module")
def databases(mongo_server: MongoServer) -> Iterator[Databases]:
    """Databases that the tests of a module share, one after the other."""
    yield from _shared(mongo_server)


@pytest.fixture(scope="module")
def standalone_databases(standalone_server: MongoServer) -> Iterator[Databases]:
    """The same on a server without a replica set."""
    yield from _shared(standalone_server)


@pytest.fixture
def connect(databases: Databases) -> Iterator[Callable[[], Connection]]:
    """Return a connection to another empty database at each call; the tests of a module share them."""
    with databases.lending() as lend:
        yield lend


@pytest.fixture
def connection_to_standalone(standalone_databases: Databases) -> Iterator[Connection]:
    """A connection to an empty database of a server without a replica set."""
    with standalone_databases.lending() as lend:
        yield lend()


def _shared(server: MongoServer) -> Iterator[Databases]:
    from tests.servers.databases import Databases  # noqa: PLC0415 -- coverage begins before

    made = Databases(server.url_of)
    yield made
    made.drop()


def _fresh(server: MongoServer) -> Iterator[Callable[[], str]]:
    databases: list[str] = []

    def make() -> str:
        databases.append(new_database())
        return server.url_of(databases[-1])

    yield make
    server.drop(*databases)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey for all tests of this process; tests that break it ask for ``new_valkey``."""
    from tests.servers.valkey import ValkeyServer  # noqa: PLC0415 -- only where a server is needed

    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitServer]:
    """A RabbitMQ for all tests of this process; tests that break it ask for ``new_rabbitmq``."""
    with _rabbit_type()(tmp_path_factory.mktemp("rabbitmq")) as server:
        yield server


@pytest.fixture(scope="session", params=BROKERS)
def broker_url(request: pytest.FixtureRequest) -> str:
    """The URL of each broker, one after the other."""
    server: BrokerServer = request.getfixturevalue(request.param)
    return server.url


@pytest.fixture
def new_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ValkeyServer]]:
    """Start a fresh Valkey at each call, with the options of ``ValkeyServer``; all are stopped afterwards."""
    from tests.servers.valkey import ValkeyServer  # noqa: PLC0415 -- only where a server is needed

    with ExitStack() as started:
        yield lambda **options: started.enter_context(ValkeyServer(tmp_path_factory.mktemp("valkey"), **options))


@pytest.fixture
def new_rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], RabbitServer]]:
    """Start a fresh RabbitMQ at each call, in about five seconds; all are stopped afterwards."""
    made = _rabbit_type()
    with ExitStack() as started:
        yield lambda: started.enter_context(made(tmp_path_factory.mktemp("rabbitmq")))


@pytest.fixture(params=BROKERS)
def new_broker(request: pytest.FixtureRequest) -> Callable[[], BrokerServer]:
    """Start a fresh broker of each kind at each call; all are stopped afterwards."""
    make: Callable[[], BrokerServer] = request.getfixturevalue(f"new_{request.param}")
    return make


def _rabbit_type() -> type[RabbitServer]:
    """Return what starts a RabbitMQ, or end the test where none is installed."""
    from tests.servers.rabbitmq import RabbitServer  # noqa: PLC0415 -- only where a server is needed
    from tests.suite.needs import require  # noqa: PLC0415 -- the same

    require("rabbitmq")
    return RabbitServer
