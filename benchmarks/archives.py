"""Export and import of 2 GB against tar and SHA-256 over the same bytes, backup by hash, and the memory of it."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.measuring import Row, highest_memory
from benchmarks.samples import open_context

GIGABYTE = 10**9
SIZE = 2 * GIGABYTE
BLOB = 100_000_000
BUFFER = 1 << 20
#: 70 % of the speed of tar and SHA-256.
BAR = 1 / 0.7
LIMIT = 150


def run(folder: Path) -> Iterator[Row]:
    """Measure in a process of its own, whose memory is that of exporting and importing alone."""
    found = in_fresh_process(folder, SIZE)
    what = f"archive: export + import of {SIZE / GIGABYTE:.0f} GB"
    yield Row(what=what, measured=found["measured"], floor=found["floor"], bar=BAR, unit="s")
    yield Row(what=f"{what}: memory", measured=found["memory"] / 1e6, floor=None, bar=LIMIT, unit="MB")
    yield Row(what="archive: the same import again", measured=found["again"], floor=None, bar=1, unit="s")
    yield Row(what="archive: a backup when nothing has changed", measured=found["backup"], floor=None, bar=1, unit="s")


def in_fresh_process(folder: Path, size: int) -> dict[str, float]:
    """Return what :func:`export_and_import` found in a process of its own."""
    call = f"export_and_import({str(folder)!r}, {size})"
    code = f"import json; from benchmarks import archives; print(json.dumps(archives.{call}))"
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True, env=here)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def export_and_import(folder: str, size: int) -> dict[str, float]:
    """Put files, export and import them three times, in turn with the floor; return the best times, and the memory."""
    home, payload = Path(folder) / "home", Path(folder) / "payload"
    payload.mkdir()
    om = open_context(str(home))
    names = []
    for number in range(max(1, size // BLOB)):
        path = payload / f"{number}"
        _fill(path, min(size, BLOB))
        om.datasets.put(path, f"file {number}")
        names.append(f"datasets/file {number}")
    pairs = [(_measured(Path(folder), names, number), _floor(Path(folder))) for number in range(3)]
    (Path(folder) / "x.omega").unlink()
    om.backup(Path(folder) / "backups")
    backup = _seconds(lambda: om.backup(Path(folder) / "backups"))
    return {
        "measured": min(pair[0][0] for pair in pairs),
        "floor": min(pair[1] for pair in pairs),
        "again": min(pair[0][1] for pair in pairs),
        "backup": backup,
        "memory": highest_memory(),
    }


def _measured(folder: Path, names: list[str], number: int) -> tuple[float, float]:
    target = folder / f"target {number}"
    path = folder / "x.omega"
    other = open_context(str(target))
    start = time.perf_counter()
    open_context(str(folder / "home")).export(names, path)
    other.import_archive(path)
    taken = time.perf_counter() - start
    again = _seconds(lambda: other.import_archive(path))
    shutil.rmtree(target)
    return taken, again


def _floor(folder: Path) -> float:
    """Pack, compare, unpack and compare, as durably as we do: what was written is on the disk in the end."""
    packed, unpacked = folder / "x.tar", folder / "unpacked"
    unpacked.mkdir()
    start = time.perf_counter()
    pack: list[str | Path] = ["tar", "-cf", packed, "-C", folder, "payload"]
    subprocess.run(pack, check=True)  # tar is found by the PATH
    _hash_and_sync(folder / "payload", packed)
    subprocess.run(["tar", "-xf", packed, "-C", unpacked], check=True)  # noqa: S607 -- tar is found by the PATH
    _hash_and_sync(unpacked / "payload", *(unpacked / "payload").iterdir())
    taken = time.perf_counter() - start
    packed.unlink()
    shutil.rmtree(unpacked)
    return taken


def _hash_and_sync(payload: Path, *written: Path) -> None:
    for path in payload.iterdir():
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
    for path in written:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _fill(path: Path, size: int) -> None:
    with path.open("wb") as file:
        for _ in range(0, size, BUFFER):
            file.write(os.urandom(BUFFER))


def _seconds(do: Callable[[], object]) -> float:
    start = time.perf_counter()
    do()
    return time.perf_counter() - start
