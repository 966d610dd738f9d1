"""Many processes at once on one store: writers of one name, readers, collect."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from pathlib import Path

from tests.faults.fault_workers import (
    ROWS,
    append_frames,
    collect_until,
    open_at,
    processes,
    put_models,
    read_until,
    running,
)
from tests.seeds import times

WRITERS = 8
TIMES = times(20, soak=100)
TIMES_OVER_THE_WIRE = times(8, soak=40)
PATIENCE = 300


def test_no_put_and_no_append_is_lost_among_writers_readers_and_collect(tmp_path: Path) -> None:
    _write_read_and_collect(f"file://{tmp_path}", TIMES)


def test_no_put_and_no_append_is_lost_over_the_wire(mongo_url: str) -> None:
    _write_read_and_collect(mongo_url, TIMES_OVER_THE_WIRE)


def _write_read_and_collect(url: str, times: int) -> None:
    start = processes()
    done, found = start.Event(), start.Queue()
    writers = [
        start.Process(target=target, args=(url, n, times))
        for n in range(WRITERS)
        for target in (put_models, append_frames)
    ]
    others = [
        start.Process(target=target, args=(url, done, found)) for target in (read_until, read_until, collect_until)
    ]
    with running([*writers, *others]):
        for writer in writers:
            writer.join(PATIENCE)
        done.set()
        reports = [found.get(timeout=PATIENCE) for _ in others]
        assert [writer.exitcode for writer in writers] == [0] * len(writers)
    assert all(isinstance(report, int) and report > 0 for report in reports), reports
    _assert_all_models_in_one_order(url, times)
    _assert_all_rows_once(url, times)
    om = open_at(url, grace=0, ahead=timedelta(hours=2))
    om.collect()
    assert om.check() == []


def _assert_all_models_in_one_order(url: str, times: int) -> None:
    om = open_at(url)
    versions = om.models.versions("shared")
    assert [meta.version for meta in versions] == list(range(1, WRITERS * times + 1))
    said = [int(om.models.get(f"shared@{meta.version}").predict([[0]])[0]) for meta in versions[::20]]
    assert len(set(said)) == len(said)
    writes = [sorted(meta.attributes) for meta in versions]
    assert all(len(after) >= len(before) for before, after in pairwise(writes))
    assert versions[-1].attributes == {f"writer{n}": times - 1 for n in range(WRITERS)}


def _assert_all_rows_once(url: str, times: int) -> None:
    data = open_at(url).datasets.get("shared")
    expected = {writer * 1000 + i for writer in range(WRITERS) for i in range(times)}
    assert data.groupby("k").size().to_dict() == dict.fromkeys(expected, ROWS)
