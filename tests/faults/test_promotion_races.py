"""Eight promotions of different versions into one name at once: one order, and all are on record."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.fault_workers import model, open_at, processes, running
from tests.faults.promotion_workers import promote_version
from tests.seeds import times
from tests.servers.fixtures import MongoServer, new_database

from omega_domain.entities.names import ObjectKey
from omega_domain.repository.history import History

WRITERS = 8


@pytest.fixture(params=["local", "mongo"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "local":
        yield f"file://{tmp_path / 'prod'}"
        return
    server: MongoServer = request.getfixturevalue("mongo_server")
    database = new_database()
    yield server.url_of(database)
    server.drop(database)


@pytest.mark.parametrize("turn", range(times(1, soak=15)))
def test_eight_processes_promote_into_one_name(turn: int, url: str, tmp_path: Path) -> None:
    source = f"file://{tmp_path / 'dev'}"
    dev, prod = open_at(source), open_at(url)
    for k in range(1, WRITERS + 1):
        dev.models.put(model(k), "m")
    start = processes()
    barrier = start.Barrier(WRITERS)
    workers = [start.Process(target=promote_version, args=(source, url, k, barrier)) for k in range(1, WRITERS + 1)]
    with running(workers):
        for worker in workers:
            worker.join(120)
            assert worker.exitcode == 0
    entries = prod.models.history("m")
    versions = prod.models.versions("m")
    assert [(entry.n, entry.digest) for entry in entries] == [(meta.version, meta.digest) for meta in versions]
    assert {(entry.source or {})["version"] for entry in entries} == set(range(1, WRITERS + 1))
    assert History(prod.context).problems(ObjectKey(prod.bucket, prod.models.prefix, "m")) == []
    live = (entries[-1].source or {})["version"]
    assert int(prod.models.get("m").predict([[0]])[0]) == live
