"""The format ``pickle`` of models: a pickle of protocol 5 whose arrays stand beside it, compressed.

A file is: :data:`MAGIC`; units, one after another; a table; its length (64 bits); :data:`MAGIC` again. A unit holds
arrays, each at a multiple of 64 bytes, or last, the pickle; it is a frame of LZ4, unless that would be hardly smaller.
The table has a line for each unit: bytes as stored, bytes when unpacked (as many: it is no frame), number of arrays;
and then the bytes of each array. All numbers are unsigned, of 64 bits, little-endian.

LZ4, since it unpacks faster than SHA-256 reads: what makes a file smaller makes it faster to write, to compare and to
read, on this machine as over a network. Nothing is unpickled here, see :mod:`omega_backends.models.unpickle`.
"""

from __future__ import annotations

import pickle
import sys
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    import pyarrow as pa

    from omega_domain.ports.store import FileWriter

T = TypeVar("T")
R = TypeVar("R")

MAGIC = b"omega-p5"
#: Arrays of fewer bytes stay in the pickle.
SMALLEST = 1 << 12
#: Arrays share a unit until it has as many bytes.
UNIT = 1 << 20
#: A unit that shrinks by less than a tenth is stored as it is.
WORTH = 0.9
#: How many units are packed ahead of the one that is written.
AHEAD = 3
#: How many times as large LZ4 can become when it is unpacked.
MOST = 255
_ALIGNED = 64
_ITEM = 8


class Packed(NamedTuple):
    """A pickle and its arrays, in order."""

    pickle: memoryview
    arrays: Sequence[memoryview]


class _Unit(NamedTuple):
    """A unit of a file.

    Attributes:
        stored: the bytes in the file.
        size: bytes when unpacked.
        lengths: bytes of each of its arrays.
    """

    stored: memoryview
    size: int
    lengths: Sequence[int]


def write_packed(obj: object, file: FileWriter) -> None:
    """Write an object. Raises whatever pickling raises."""
    arrays: list[memoryview] = []

    def is_inside(buffer: pickle.PickleBuffer) -> bool:
        try:
            view = buffer.raw()
        except BufferError:  # not contiguous
            return True
        if view.nbytes >= SMALLEST:
            arrays.append(view)
        return view.nbytes < SMALLEST

    head = pickle.dumps(obj, protocol=5, buffer_callback=is_inside)
    lines, lengths = array("Q"), array("Q", (view.nbytes for view in arrays))
    file.write(MAGIC)
    for unit, packed in _ahead(_pack, [*_units(arrays), [memoryview(head)]]):
        file.write(packed)
        lines.extend((len(packed), _size(unit), len(unit)))
    lines[-1] = 0  # the pickle is no array
    table = _bytes(lines + lengths)
    file.write(table + _bytes(array("Q", [len(table)])) + MAGIC)


def read_packed(content: memoryview) -> Packed:
    """Return the pickle in the content of a file, and its arrays; some are views of the content.

    Raises:
        ValueError: that is no such file. OSError: something in it can not be unpacked.
    """
    *units, head = _parse(content)
    return Packed(_unpack(head), [view for unit in units for view in _views(unit, _unpack(unit))])


def _parse(content: memoryview) -> list[_Unit]:
    end = len(content) - len(MAGIC) - _ITEM
    if end < len(MAGIC) or content[: len(MAGIC)] != MAGIC or content[-len(MAGIC) :] != MAGIC:
        raise ValueError("this is no file of the format pickle")
    start = end - _numbers(content[end : end + _ITEM])[0]
    if start < len(MAGIC) or (end - start) % _ITEM:
        raise ValueError("its table does not fit into it")
    numbers, units, place, line = _numbers(content[start:end]), [], len(MAGIC), 0
    while place < start:
        stored, size, count = numbers[line : line + 3]
        units.append((content[place : place + stored], size, count))
        place, line = place + stored, line + 3
    lengths = iter(numbers[line:])
    if place != start or not units or units[-1][2] or sum(count for _, _, count in units) != len(numbers) - line:
        raise ValueError("its table does not fit its content")
    return [_Unit(stored, size, list(islice(lengths, count))) for stored, size, count in units]


def _units(arrays: Iterable[memoryview]) -> Iterator[list[memoryview]]:
    """Put arrays together."""
    unit: list[memoryview] = []
    for view in arrays:
        unit.append(view)
        if _size(unit) >= UNIT:
            yield unit
            unit = []
    if unit:
        yield unit


def _size(unit: Iterable[memoryview]) -> int:
    return sum(_padded(view.nbytes) for view in unit)


def _padded(length: int) -> int:
    return -(-length // _ALIGNED) * _ALIGNED


def _pack(unit: Sequence[memoryview]) -> bytes | memoryview:
    whole = b"".join(piece for view in unit for piece in (view, bytes(_padded(view.nbytes) - view.nbytes)))
    packed = _lz4().compress(whole, asbytes=True)
    return packed if len(packed) < WORTH * len(whole) else memoryview(whole)


def _unpack(unit: _Unit) -> memoryview:
    if len(unit.stored) == unit.size:
        return unit.stored
    if unit.size > MOST * len(unit.stored):
        raise ValueError("a unit can not become that large")
    return memoryview(_lz4().decompress(unit.stored, unit.size)).cast("B")


def _views(unit: _Unit, unpacked: memoryview) -> Iterator[memoryview]:
    place = 0
    for length in unit.lengths:
        if place + length > len(unpacked):
            raise ValueError("an array does not fit into its unit")
        yield unpacked[place : place + length]
        place += _padded(length)


def _ahead(do: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Iterate over items and results, in order; a few results are made ahead, by threads that leave the interpreter."""
    with ThreadPoolExecutor(2, thread_name_prefix="omega-pickle") as threads:
        rest, ahead = iter(items), deque[tuple[T, "Future[R]"]]()
        while True:
            ahead.extend((item, threads.submit(do, item)) for item in islice(rest, AHEAD - len(ahead)))
            if not ahead:
                return
            item, result = ahead.popleft()
            yield item, result.result()


def _numbers(content: memoryview) -> Sequence[int]:
    numbers = array("Q", bytes(content))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def _bytes(numbers: array[int]) -> bytes:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _lz4() -> pa.Codec:
    import pyarrow as pa  # noqa: PLC0415 -- loaded when needed

    return pa.Codec("lz4")
