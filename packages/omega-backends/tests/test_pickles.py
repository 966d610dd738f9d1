"""The format ``pickle`` of models: objects come back as they were; damage is an error, never another object."""

from __future__ import annotations

import io
import pickle
from struct import pack, unpack_from
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omega_backends.models.pickles import MAGIC, read_packed, write_packed

RANDOM = np.random.default_rng(0)
OBJECTS = {
    "no array": {"a": [1, "ü", None]},
    "small array": np.arange(3),
    "shrinks": np.zeros((300, 400)),
    "does not shrink": RANDOM.random(10_000),
    "in Fortran's order": np.asfortranarray(RANDOM.random((70, 90))),
    "not contiguous": RANDOM.random((200, 200))[::3, ::7],
    "empty": np.empty((0, 5)),
    "records": np.zeros(5_000, dtype=[("a", "<i8"), ("b", "<f4")]),
    "many": [np.full(1_000, i) for i in range(40)],
    "mixed": {"x": RANDOM.random(5_000), "y": np.zeros(5_000), "z": [np.arange(9), "text" * 5_000]},
}


def written(obj: object) -> bytearray:
    file = io.BytesIO()
    write_packed(obj, file)  # type: ignore[arg-type]  # all that it needs of a writer is write()
    return bytearray(file.getvalue())


def read(content: bytearray) -> Any:
    packed = read_packed(memoryview(content))
    return pickle.loads(packed.pickle, buffers=packed.arrays)  # noqa: S301 -- written here


@pytest.mark.parametrize("obj", OBJECTS.values(), ids=OBJECTS.keys())
def test_an_object_comes_back(obj: object) -> None:
    again = read(written(obj))
    assert pickle.dumps(again) == pickle.dumps(read(written(again)))
    np.testing.assert_equal(again, obj)
    if isinstance(obj, np.ndarray):
        assert (again.dtype, again.flags.f_contiguous) == (obj.dtype, obj.flags.f_contiguous)


@pytest.mark.parametrize("name", ["shrinks", "does not shrink", "small array"])
def test_an_array_that_came_back_can_be_changed_and_a_frozen_one_can_not(name: str) -> None:
    array = read(written(OBJECTS[name]))
    array[0] = 7
    assert np.all(array[0] == 7)
    frozen = np.array(OBJECTS[name])
    frozen.setflags(write=False)
    assert not read(written(frozen)).flags.writeable


def test_arrays_are_compressed_where_that_is_worth_it() -> None:
    assert len(written(np.zeros(100_000))) < 10_000
    assert len(written(RANDOM.integers(0, 255, 100_000, dtype="uint8"))) < 100_300


WRITTEN = written(OBJECTS["mixed"])


def test_an_error_of_pickling_goes_on_and_the_threads_end() -> None:
    with pytest.raises((pickle.PicklingError, AttributeError)):
        written(lambda: None)


def file(lines: list[tuple[int, int, int]], lengths: list[int], body: bytes = b"") -> bytes:
    numbers = [number for line in lines for number in line] + lengths
    return MAGIC + body + pack(f"<{len(numbers) + 1}Q", *numbers, 8 * len(numbers)) + MAGIC


def test_the_layout_is_the_one_that_is_described() -> None:
    body = b"array".ljust(64, b"\0") + b"pickle"
    packed = read_packed(memoryview(file([(64, 64, 1), (6, 6, 0)], [5], body)))
    assert bytes(packed.pickle) == b"pickle"
    assert [bytes(view) for view in packed.arrays] == [b"array"]


HUGE = 1 << 62
BROKEN = {
    "nothing": b"",
    "one mark": MAGIC,
    "two marks": MAGIC + MAGIC,
    "no marks": b"x" * 100,
    "no table": MAGIC + b"x" * 100,
    "no units": file([], []),
    "a unit that is longer than the file": file([(5, 5, 0)], [], b"1234"),
    "bytes of no unit": file([(3, 3, 0)], [], b"1234"),
    "a huge unit": file([(HUGE, 1, 0)], [], b"1234"),
    "a table that is longer than the file": MAGIC + pack("<Q", HUGE) + MAGIC,
    "a table of half a number": MAGIC + b"1234" + pack("<Q", 4) + MAGIC,
    "a unit that would become huge": file([(4, HUGE, 0)], [], b"1234"),
    "a unit that is no frame": file([(4, 9, 0)], [], b"1234"),
    "a pickle that is an array": file([(4, 4, 1)], [4], b"1234"),
    "an array without a length": file([(2, 2, 1), (2, 2, 0)], [], b"1234"),
    "an array too many": file([(2, 2, 1), (2, 2, 0)], [2, 2], b"1234"),
    "an array that is longer than its unit": file([(2, 2, 1), (2, 2, 0)], [3], b"1234"),
    "a huge number of arrays": file([(2, 2, HUGE), (2, 2, 0)], [2], b"1234"),
    "half a line": file([(2, 2, 0)], [2], b"1234"),
    "an empty unit": file([(0, 0, 0)], [], b""),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_such_file_is_an_error(content: bytes) -> None:
    with pytest.raises((ValueError, OSError)):
        read_packed(memoryview(content))


@pytest.mark.parametrize("size", [79_000, 64])
def test_a_unit_that_is_larger_than_its_table_says_is_an_error(size: int) -> None:
    content = written(np.zeros(10_000))
    table = len(content) - 16 - 8 * 7
    assert unpack_from("<7Q", content, table)[1:3] == (80_000, 1)
    content[table + 8 : table + 16] = pack("<Q", size)
    with pytest.raises((ValueError, OSError)):
        read_packed(memoryview(content))


@given(data=st.data())
@settings(max_examples=60)
def test_whatever_is_changed_nothing_but_an_error_comes_of_it(data: st.DataObject) -> None:
    content = bytearray(WRITTEN)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        packed = read_packed(memoryview(content[: data.draw(st.integers(0, len(content)))]))
    except (ValueError, OSError):
        return
    assert sum(view.nbytes for view in packed.arrays) < 1_000_000
