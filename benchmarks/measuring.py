"""Measuring time, memory and bytes read, as ratios against a floor taken in the same run."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was measured.
        measured: the figure.
        floor: what it is compared with; None for an absolute bar.
        bar: the most that is allowed, of ``measured / floor`` or of ``measured``.
        unit: of measured and floor.
    """

    what: str
    measured: float
    floor: float | None
    bar: float
    unit: str

    @property
    def figure(self) -> float:
        """What is compared with the bar."""
        return self.measured / self.floor if self.floor is not None else self.measured

    @property
    def holds(self) -> bool:
        """Whether the bar is met."""
        return self.figure <= self.bar


def seconds(do: Callable[[], object], *, tidy: bool = True) -> float:
    """Return how long one call takes; ``tidy`` collects garbage before, which leaves the processor's caches cold."""
    if tidy:
        gc.collect()
    start = time.perf_counter()
    do()
    return time.perf_counter() - start


def median_pair(
    measured: Callable[[], object], floor: Callable[[], object], *, times: int = 7, tidy: bool = True
) -> tuple[float, float]:
    """Return the median seconds of two calls, taken in turn after one warm-up of each."""
    measured()
    floor()
    pairs = [(seconds(measured, tidy=tidy), seconds(floor, tidy=tidy)) for _ in range(times)]
    return statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)


def median(do: Callable[[], object], *, times: int = 15) -> float:
    """Return the median seconds of a call, after one warm-up."""
    do()
    return statistics.median(seconds(do) for _ in range(times))


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Give a list that holds, on leaving, the bytes by which memory rose above its level at the start."""
    gc.collect()
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    found: list[int] = []
    yield found
    found.append(max(_status("VmHWM") - before, 0))


def highest_memory() -> int:
    """Return the most bytes of memory that this process had so far."""
    return _status("VmHWM")


@contextmanager
def bytes_read() -> Iterator[list[int]]:
    """Give a list that holds, on leaving, the bytes that this process has read from files meanwhile."""
    before = _read_so_far()
    found: list[int] = []
    yield found
    found.append(_read_so_far() - before)


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def _read_so_far() -> int:
    for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines():
        if line.startswith("rchar:"):
            return int(line.split()[1])
    raise LookupError("rchar")
