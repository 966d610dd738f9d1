"""Frames: put and get against pyarrow on the same Parquet bytes, bytes read, peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring import Row, bytes_read, median_pair, peak_memory
from benchmarks.samples import ROWS, frame, open_context

CHUNK = 100_000
TOLERANCE = 0.02
HIT = range(ROWS // 2, ROWS // 2 + ROWS // 100)


def run(folder: Path) -> Iterator[Row]:
    """Measure frames of 1,000,000 rows and 10 columns."""
    yield from _speed(folder / "speed")
    yield from _bytes(folder / "bytes")
    for name, what, bar in (("put", "frame put: peak memory / frame", 2.5), ("get", "chunked get: peak / chunk", 3.0)):
        measured, floor = _in_fresh_process(name, folder / name)
        yield Row(what=what, measured=measured / 1e6, floor=floor / 1e6, bar=bar, unit="MB")


def memory_of_put(home: Path) -> tuple[int, int]:
    """Return the peak of memory while a frame is put, the frame included, and the size of the frame."""
    om = open_context(str(home))
    om.datasets.put(frame(1000), "warm up")
    data = frame()
    size = int(data.memory_usage(deep=True).sum())
    with peak_memory() as peak:
        om.datasets.put(data, "frame")
    return peak[0] + size, size


def memory_of_get(home: Path) -> tuple[int, int]:
    """Return by how much memory rises while a frame is read in chunks, and the size of a chunk."""
    om = open_context(str(home))
    om.datasets.put(frame(), "frame")
    size = max(int(chunk.memory_usage(deep=True).sum()) for chunk in om.datasets.get("frame", chunksize=CHUNK))
    with peak_memory() as peak:
        rows = sum(len(chunk) for chunk in om.datasets.get("frame", chunksize=CHUNK))
    if rows != ROWS:
        raise AssertionError(f"{rows} rows came back")
    return peak[0], size


def _speed(home: Path) -> Iterator[Row]:
    om, data = open_context(str(home)), frame()
    om.datasets.put(data, "frame")
    path = home / "floor.parquet"
    write = _floor_writer(data, path, _blob(home))
    measured, floor = median_pair(lambda: om.datasets.put(_changed(data), "frame"), lambda: write(_changed(data)))
    yield Row(what="frame put, 1,000,000 x 10", measured=measured, floor=floor, bar=1.5, unit="s")
    measured, floor = median_pair(lambda: om.datasets.get("frame"), lambda: pq.read_table(path).to_pandas())
    yield Row(what="frame get, 1,000,000 x 10", measured=measured, floor=floor, bar=1.5, unit="s")


def _bytes(home: Path) -> Iterator[Row]:
    om = open_context(str(home))
    om.datasets.put(frame(), "frame")
    om.datasets.get("frame#rows:end=1")
    size = float(om.datasets.metadata("frame", required=True).size)
    with bytes_read() as read:
        om.datasets.get("frame[count,ok]")
    yield Row(what="frame[two columns]: bytes read", measured=read[0] / 1e6, floor=size / 1e6, bar=0.30, unit="MB")
    with bytes_read() as read:
        hit = om.datasets.get("frame", id__gte=HIT.start, id__lt=HIT.stop)
    if len(hit) != len(HIT):
        raise AssertionError(f"{len(hit)} rows came back")
    yield Row(what="filter of 1 % on a sorted column", measured=read[0] / 1e6, floor=size / 1e6, bar=0.10, unit="MB")


def _blob(home: Path) -> Path:
    return max((path for path in (home / "blobs").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


def _floor_writer(data: pd.DataFrame, path: Path, like: Path) -> Callable[[pd.DataFrame], None]:
    """Return what writes a frame as pyarrow alone would write the same bytes, and syncs them."""
    settings = _settings_of(like)

    def write(data: pd.DataFrame) -> None:
        table = pa.Table.from_pandas(data, preserve_index=False)
        with path.open("wb") as file:
            pq.write_table(table, file, **settings)
            file.flush()
            os.fsync(file.fileno())

    write(data)
    ratio = path.stat().st_size / like.stat().st_size
    if abs(ratio - 1) > TOLERANCE:
        raise AssertionError(f"the floor writes {ratio:.3f} of the bytes")
    return write


def _settings_of(path: Path) -> dict[str, Any]:
    metadata = pq.read_metadata(path)
    group = metadata.row_group(0)
    columns = [group.column(i) for i in range(group.num_columns)]
    return {
        "compression": columns[0].compression.lower(),
        "compression_level": 1,
        "row_group_size": group.num_rows,
        "use_dictionary": [c.path_in_schema for c in columns if c.has_dictionary_page],
        "write_page_checksum": True,
    }


_changes = iter(range(1_000_000))


def _changed(data: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with another cell, so that no blob is there already."""
    data.loc[0, "price"] = float(next(_changes))
    return data


def _in_fresh_process(name: str, home: Path) -> tuple[float, float]:
    call = f"frames.memory_of_{name}(pathlib.Path({str(home)!r}))"
    code = f"import json, pathlib; from benchmarks import frames; print(json.dumps({call}))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    measured, floor = json.loads(done.stdout)
    return measured, floor
