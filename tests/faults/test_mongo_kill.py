"""kill -9 of clients of MongoDB at random points, and of the server: what was done is there, the rest old or new."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from tests.faults.fault_workers import ROWS, frame, open_at
from tests.faults.killing import Journal, Victims, kill_again_and_again
from tests.seeds import kills, seed
from tests.servers.fixtures import MongoServer
from tests.servers.secantus import SecantusServer

from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.errors import StoreUnavailableError
from omega_domain.omega import Omega
from omega_mongo import Connection
from omega_mongo.files import MongoFiles
from omega_mongo.names import FILES

PARTS = 2
LONGEST = 0.3
SEED = 20261122
PATIENCE = 10.0
#: One of so many puts is hit by the death of the server.
PUTS_A_DEATH = 12


@pytest.mark.parametrize("part", range(PARTS))
def test_a_killed_client_leaves_old_or_new_and_no_litter(
    part: int, tmp_path: Path, mongo_server: MongoServer, mongo_url: str
) -> None:
    with mongo_server.client() as client:

        def watch() -> Callable[[], None]:
            before = _connections(client)

            def wait_until_the_server_has_noticed() -> None:
                """What the dead had sent is done, or never will be, when its connections are closed."""
                deadline = time.monotonic() + PATIENCE
                while _connections(client) > before and time.monotonic() < deadline:
                    client.admin.command("ping")

            return wait_until_the_server_has_noticed

        killed = kills(20, soak=150)
        victims = Victims(url=mongo_url, kills=killed, longest=LONGEST, seed=SEED + part, deep_every=5, watch=watch)
        om = kill_again_and_again(victims, Journal(tmp_path / "journal"))
        _assert_no_litter(om, mongo_url)


def _connections(client: MongoClient[Any]) -> int:
    count: int = client.admin.command("serverStatus")["connections"]["current"]
    return count


def _assert_no_litter(om: Omega, url: str) -> None:
    """A sweep without patience leaves the blobs and their chunks, and nothing else."""
    with closing(Connection(url)) as connection:
        MongoFiles(connection, SystemClock(), patience=timedelta(0)).sweep(older_than=SystemClock().now())
        files = list(connection.database[f"{FILES}.files"].find())
        assert {file["filename"] for file in files} == {info.id for info in om.context.store.files.find()}
        assert set(connection.database[f"{FILES}.chunks"].distinct("files_id")) <= {file["_id"] for file in files}


@pytest.fixture
def mortal_server(tmp_path: Path) -> Iterator[SecantusServer]:
    """A server whose confirmed writes are on the disk."""
    with SecantusServer(tmp_path / "server", sync_on_commit=True) as server:
        yield server


def test_a_server_that_is_killed_loses_nothing_that_was_done(mortal_server: SecantusServer) -> None:
    deaths, chance = kills(2, soak=10), random.Random(seed(SEED + PARTS))  # noqa: S311 -- no secret
    puts = deaths * PUTS_A_DEATH
    # MongoDB knows after a restart which writes it has done, and answers a driver that repeats one; SecantusDB does not
    url = mortal_server.url_of("omega", serverSelectionTimeoutMS=2_000, retryWrites="false")
    om = open_at(url, grace=0, lease=0)
    om.datasets.put(frame(-1), "frame")
    om.datasets.put(frame(-1), "log", append=True)
    done, tried = {"frame": [-1], "log": [-1]}, {"frame": [-1], "log": [-1]}
    fatal = set(chance.sample(range(puts), deaths))
    for k in range(puts):
        assassin = _kill_and_restart(mortal_server, chance.uniform(0, 0.05)) if k in fatal else None
        for name in ("frame", "log"):
            tried[name].append(k)
            try:
                om.datasets.put(frame(k), name, append=name == "log")
                done[name].append(k)
            except StoreUnavailableError as error:
                assert f"127.0.0.1:{mortal_server.port}" in str(error)  # noqa: PT017 -- it may or may not be raised
        if assassin is not None:
            assassin.join()
            _check(open_at(url), done, tried)
    _check(om, done, tried)
    om.collect()
    assert om.check() == []
    _assert_no_litter(om, url)


def _kill_and_restart(server: SecantusServer, after: float) -> threading.Thread:
    def work() -> None:
        threading.Event().wait(after)
        server.kill()
        server.start()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def _check(om: Omega, done: dict[str, list[int]], tried: dict[str, list[int]]) -> None:
    """The last put that was done is there, or one that was tried after it; so is every append that was done, once."""
    values = set(om.datasets.get("frame")["k"])
    later = {k for k in tried["frame"] if k >= done["frame"][-1]}
    assert len(values) == 1
    assert values <= later
    sizes = om.datasets.get("log").groupby("k").size().to_dict()
    assert set(sizes.values()) == {ROWS}
    assert set(done["log"]) <= set(sizes) <= set(tried["log"])
    order = list(om.datasets.get("log")["k"])
    assert order == sorted(order)
