"""A frame that is larger than what the client may hold is put and read over the wire, chunk by chunk."""

from __future__ import annotations

from benchmarks.large import in_fresh_process

MEGABYTE = 10**6
BARE = 260
"""Megabytes of a process that has all libraries loaded and holds the chunk that is made, put and read."""


def test_the_memory_of_the_client_does_not_grow_with_the_frame(mongo_url: str) -> None:
    found = in_fresh_process(mongo_url, 400 * MEGABYTE, rows=100_000)
    assert found["size"] >= 400 * MEGABYTE
    assert found["appends"] > 50
    assert found["memory"] < (BARE + 100) * MEGABYTE
