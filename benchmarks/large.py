"""A frame larger than memory on MongoDB: put in chunks by append, read in chunks; the memory of the client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.servers.fixtures import new_database

import omega_ml
from benchmarks.measuring import Row, highest_memory
from benchmarks.samples import frame
from benchmarks.shared import server

GIGABYTE = 10**9
ROWS = 400_000
LIMIT = 600


def run(folder: Path) -> Iterator[Row]:
    """Put and read 5 GB, in a process of its own."""
    with server(folder) as running:
        database = new_database()
        try:
            found = in_fresh_process(running.url_of(database), 5 * GIGABYTE)
        finally:
            running.drop(database)
    what = f"mongo: {found['size'] / GIGABYTE:.1f} GB by {found['appends']} appends"
    yield Row(what=f"{what}, in chunks: memory", measured=found["memory"] / 1e6, floor=None, bar=LIMIT, unit="MB")
    yield Row(what=f"{what}: time", measured=found["put"], floor=None, bar=1800, unit="s")
    yield Row(what="mongo: reading it in chunks: time", measured=found["get"], floor=None, bar=1800, unit="s")


def in_fresh_process(url: str, size: int, *, rows: int = ROWS) -> dict[str, float]:
    """Return what :func:`put_and_read` found in a process of its own."""
    code = f"import json; from benchmarks import large; print(json.dumps(large.put_and_read({url!r}, {size}, {rows})))"
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, env=here)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def put_and_read(url: str, size: int, rows: int) -> dict[str, float]:
    """Append frames until they have so many bytes, read all in chunks; return times and the peak of memory."""
    om = omega_ml.setup(store=url)
    written = appends = 0
    expected = 0
    start = time.perf_counter()
    while written < size:
        chunk = frame(rows, seed=appends)
        written += int(chunk.memory_usage(deep=True).sum())
        expected += int(chunk["key"].sum()) & 0xFFFF
        om.datasets.put(chunk, "large", append=True)
        del chunk
        appends += 1
    put = time.perf_counter() - start
    start = time.perf_counter()
    found = chunks = 0
    for chunk in om.datasets.get("large", chunksize=rows):
        found += int(chunk["key"].sum()) & 0xFFFF
        chunks += 1
        del chunk
    if (found, chunks) != (expected, appends):
        raise AssertionError(f"{chunks} chunks came back with the sum {found}, not {appends} with {expected}")
    return {
        "size": written,
        "appends": appends,
        "put": put,
        "get": time.perf_counter() - start,
        "memory": highest_memory(),
    }
