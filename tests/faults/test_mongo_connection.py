"""The way to MongoDB is cut, blocked or bad: success or a clear error within a bounded time, and nothing half done."""

from __future__ import annotations

import itertools
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from pymongo import MongoClient, monitoring
from tests.faults.fault_workers import ROWS, frame, open_at
from tests.servers.cuttable_proxy import CuttableProxy
from tests.servers.fixtures import new_database
from tests.servers.secantus import SecantusServer

from omega_domain.errors import StoreUnavailableError
from omega_domain.omega import Omega
from omega_ml.plugins import backends
from omega_mongo import open_store

AWAY = 10.0
BOUND = AWAY + 15.0
SOON = 8.0
IMPATIENT = "&serverSelectionTimeoutMS=500&connectTimeoutMS=500&socketTimeoutMS=500"
VICTIM = "victim"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecantusServer]:
    """A server that can be made to fail."""
    with SecantusServer(tmp_path_factory.mktemp("failing"), test_commands=True) as server:
        yield server


@pytest.fixture
def proxy(server: SecantusServer) -> Iterator[CuttableProxy]:
    with CuttableProxy(server.port) as proxy:
        yield proxy


@pytest.fixture
def database(server: SecantusServer) -> Iterator[str]:
    """The name of a fresh database."""
    name = new_database()
    yield name
    with server.client() as client:
        client.drop_database(name)


@dataclass
class Attempts:
    """What became of the puts that were tried: of ``frame`` and of ``log``, in turn."""

    tried: list[int] = field(default_factory=list)
    put: list[int] = field(default_factory=list)
    appended: list[int] = field(default_factory=list)
    errors: list[StoreUnavailableError] = field(default_factory=list)
    longest: float = 0.0

    def make(self, om: Omega, k: int) -> None:
        """Put and append a frame that says ``k``; only a store that is away is an excuse."""
        self.tried.append(k)
        self._try(lambda: om.datasets.put(frame(k), "frame"), self.put, k)
        self._try(lambda: om.datasets.put(frame(k), "log", append=True), self.appended, k)

    def _try(self, do: Callable[[], object], done: list[int], k: int) -> None:
        begun = time.monotonic()
        try:
            do()
            done.append(k)
        except StoreUnavailableError as error:
            self.errors.append(error)
        self.longest = max(self.longest, time.monotonic() - begun)

    def check(self, om: Omega) -> None:
        """Assert that what was done is there, and the rest is as before or as tried."""
        data, log = om.datasets.get("frame", default=None), om.datasets.get("log", default=None)
        values = [] if data is None else list(data["k"])
        last = self.put[-1] if self.put else None
        assert len(values) == (0 if data is None else ROWS)
        assert set(values) <= {k for k in self.tried if last is None or k >= last}
        assert values or last is None
        sizes = {} if log is None else log.groupby("k").size().to_dict()
        assert set(sizes.values()) <= {ROWS}
        assert set(self.appended) <= set(sizes) <= set(self.tried)
        om.collect()
        assert om.check() == []


def _names_server_and_remedy(error: StoreUnavailableError, port: int, database: str) -> bool:
    said = str(error)
    return f"127.0.0.1:{port}/{database}" in said and ("om doctor" in said or "om config show" in said)


@pytest.mark.parametrize("how", ["cut", "blackhole"])
def test_a_connection_that_is_away_for_a_while(how: str, proxy: CuttableProxy, database: str) -> None:
    om, attempts, mended = open_at(proxy.url_of(database), grace=0, lease=0), Attempts(), threading.Event()

    def work() -> None:
        k = 0
        while not mended.is_set():
            attempts.make(om, k)
            k += 1
        attempts.make(om, k)

    worker = threading.Thread(target=work)
    worker.start()
    _wait_until(lambda: len(attempts.appended) > 2)
    getattr(proxy, how)()
    mended.wait(AWAY)
    proxy.mend()
    mended.set()
    worker.join(2 * BOUND)
    assert not worker.is_alive()
    assert attempts.longest < BOUND
    assert all(_names_server_and_remedy(error, proxy.port, database) for error in attempts.errors)
    assert (attempts.put[-1], attempts.appended[-1]) == (attempts.tried[-1], attempts.tried[-1])
    attempts.check(om)
    om.context.store.close()  # type: ignore[attr-defined]  # it is MongoDB's


@pytest.mark.parametrize("how", ["cut", "blackhole"])
def test_a_server_that_stays_away_is_told_in_time(how: str, proxy: CuttableProxy, database: str) -> None:
    om, attempts = open_at(proxy.url_of(database, IMPATIENT), grace=0, lease=0), Attempts()
    attempts.make(om, 0)
    getattr(proxy, how)()
    attempts.make(om, 1)
    assert len(attempts.errors) == 2
    assert attempts.longest < SOON
    assert all(_names_server_and_remedy(error, proxy.port, database) for error in attempts.errors)
    for do in (lambda: om.datasets.get("frame"), om.datasets.list, lambda: om.datasets.exists("frame")):
        with pytest.raises(StoreUnavailableError, match=str(proxy.port)):
            do()
    proxy.mend()
    deadline = time.monotonic() + BOUND
    for k in itertools.count(2):
        attempts.make(om, k)
        if attempts.put[-1] == attempts.appended[-1] == k:
            break
        assert time.monotonic() < deadline, "the way is open, but the store does not come back"
    attempts.check(om)
    om.context.store.close()  # type: ignore[attr-defined]  # it is MongoDB's


@contextmanager
def _failing(client: MongoClient[Any], commands: Sequence[str], mode: Any, **data: Any) -> Iterator[None]:
    """Make commands of the victim fail."""
    data = {"failCommands": list(commands), "appName": VICTIM, **data}
    client.admin.command("configureFailPoint", "failCommand", mode=mode, data=data)
    try:
        yield
    finally:
        client.admin.command("configureFailPoint", "failCommand", mode="off")


@pytest.fixture
def victim(server: SecantusServer, database: str) -> Iterator[Omega]:
    """An Omega whose commands can be made to fail, with what is there before."""
    # SecantusDB does not tell on its own that it is the primary again: the driver must ask soon
    options: dict[str, Any] = {"appname": VICTIM, "heartbeatFrequencyMS": 500, "serverSelectionTimeoutMS": 2_000}
    om = open_at(server.url_of(database, **options), grace=0, lease=0)
    yield om
    om.context.store.close()  # type: ignore[attr-defined]  # it is MongoDB's


@pytest.fixture
def witness(server: SecantusServer, database: str) -> Omega:
    """Another one on the same database, whose commands never fail."""
    return open_at(server.url_of(database), grace=0, lease=0)


STEPS = [(command, skip) for command in ("find", "insert", "update") for skip in range(3)]
"""Which command of a put fails, and how many of the same name pass before."""

PASSING: dict[str, dict[str, Any]] = {
    "the connection is closed": {"closeConnection": True},
    "not the primary": {"errorCode": 10107},
    "the primary steps down": {"errorCode": 189},
    "the server shuts down": {"errorCode": 91},
    "a while": {"blockConnection": True, "blockTimeMS": 200},
}
LASTING: dict[str, dict[str, Any]] = {
    "the connection is closed": {"closeConnection": True},
    "not the primary": {"errorCode": 10107},
    "an error within": {"errorCode": 8},
    "no majority": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}},
}


@pytest.mark.parametrize("name", PASSING)
def test_what_passes_is_not_noticed(name: str, server: SecantusServer, victim: Omega, witness: Omega) -> None:
    attempts = Attempts()
    attempts.make(victim, 0)
    with server.client() as client:
        for k, (command, skip) in enumerate(STEPS, start=1):
            with _failing(client, [command], {"skip": skip, "times": 1}, **PASSING[name]):
                attempts.make(victim, k)
    assert attempts.errors == [], "".join(traceback.format_exception(attempts.errors[0]))
    attempts.check(witness)


@pytest.mark.parametrize("name", LASTING)
def test_what_lasts_is_told_and_leaves_old_or_new(
    name: str, server: SecantusServer, victim: Omega, witness: Omega, database: str
) -> None:
    attempts = Attempts()
    attempts.make(victim, 0)
    with server.client() as client:
        for k, (command, skip) in enumerate(STEPS[::2], start=1):
            with _failing(client, [command], {"skip": skip, "times": 100}, **LASTING[name]):
                attempts.make(victim, k)
            attempts.check(witness)
    assert attempts.errors
    assert all(_names_server_and_remedy(error, server.port, database) for error in attempts.errors)
    attempts.make(victim, 100)
    assert attempts.put[-1] == attempts.appended[-1] == 100
    attempts.check(witness)


class Muting(monitoring.CommandListener):
    """Lets the answer to a command be lost, and mends the way a moment later."""

    def __init__(self, proxy: CuttableProxy, command: str, collection: str) -> None:
        self._proxy = proxy
        self._what = (command, collection)
        self.is_armed = False
        self.has_struck = False

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if self.is_armed and (event.command_name, event.command.get(event.command_name)) == self._what:
            self.is_armed, self.has_struck = False, True
            self._proxy.mute()
            threading.Timer(0.2, self._proxy.mend).start()

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass


@pytest.mark.parametrize(
    ("command", "collection", "options"),
    [
        ("insert", "omega.fs.chunks", ""),
        ("update", "omega.fs.files", ""),
        ("insert", "omega.versions", ""),
        ("update", "omega.heads", ""),
        ("insert", "omega.heads", ""),
        ("insert", "omega.payloads", ""),
        ("find", "omega.heads", ""),
        ("update", "omega.heads", "&retryWrites=false"),
        ("insert", "omega.heads", "&retryWrites=false"),
    ],
)
def test_what_was_done_though_its_answer_is_lost_is_done_once(  # noqa: PLR0917 -- pytest passes by name
    command: str, collection: str, options: str, proxy: CuttableProxy, database: str, witness: Omega
) -> None:
    muting = Muting(proxy, command, collection)
    metadata, store = open_store(proxy.url_of(database, options), event_listeners=[muting])
    om = Omega(metadata=metadata, store=store, registry=backends())
    om.datasets.put(frame(0), "log")
    om.datasets.put({"k": 0}, "data")
    is_first = (command, collection) == ("insert", "omega.heads")
    muting.is_armed = True
    om.datasets.put({"k": 1}, "new" if is_first else "data")
    om.datasets.put(frame(1), "log", append=True)
    assert muting.has_struck
    assert [meta.version for meta in witness.datasets.versions("log")] == [1, 2]
    assert witness.datasets.get("new" if is_first else "data") == {"k": 1}
    assert list(witness.datasets.get("log")["k"]) == [0] * ROWS + [1] * ROWS
    witness.collect()
    assert witness.check() == []
    store.close()


def _wait_until(is_so: Callable[[], bool], within: float = 30.0) -> None:
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        threading.Event().wait(0.01)
