"""numpy arrays by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from omega_backends.ndarray_bin import NdarrayBackend
from omega_domain.adapters.inprocess.clock import SystemClock
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.errors import CorruptPayloadError, UnsupportedObjectError
from omega_domain.omega import Omega
from omega_domain.ports.backend import DataBackend
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backend import DataBackendContract
from omega_local import LocalMetadataStore, LocalStore

Array = np.ndarray[Any, Any]

ARRAYS = [
    np.arange(6).reshape(2, 3),
    np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    np.arange(10)[::3],
    np.array(5),
    np.array([]),
    np.empty((0, 3), dtype="f4"),
    np.array(["2026-01-01", "NaT"], dtype="M8[ns]"),
    np.array([1, 2], dtype=">i2"),
    np.array([("a", 1, [1.0, 2.0])], dtype=[("x", "U3"), ("y", "i8"), ("z", "f8", (2,))]),
    np.array([(1,)], dtype=[("größe µ 漢", "i4")]),
    np.array(["a", "ä"]),
    np.array([b"a", b""]),
    np.array([1 + 2j, np.nan]),
]


def same(found: Array, expected: Array) -> bool:
    np.testing.assert_array_equal(found, expected, strict=True)
    return True


class TestNdarrayBackend(DataBackendContract):
    @pytest.fixture
    def backend(self) -> type[DataBackend]:
        return NdarrayBackend

    @pytest.fixture
    def objects(self) -> list[Any]:
        return ARRAYS

    def same(self, found: Any, expected: Any) -> bool:
        return same(found, expected)


def memory() -> OmegaStore:
    context = Context(metadata=MemoryMetadataStore(), store=MemoryStore(), clock=SystemClock())
    return OmegaStore(context).register_backend(NdarrayBackend.KIND, NdarrayBackend)


@pytest.fixture
def local(tmp_path: Path) -> OmegaStore:
    om = Omega(metadata=LocalMetadataStore(tmp_path), store=LocalStore(tmp_path))
    return om.datasets.register_backend(NdarrayBackend.KIND, NdarrayBackend)


dtypes = st.one_of(
    hnp.scalar_dtypes(), hnp.array_dtypes(max_size=3), hnp.byte_string_dtypes(), hnp.unicode_string_dtypes()
)


@settings(deadline=None)
@given(hnp.arrays(dtypes, hnp.array_shapes(min_dims=0, min_side=0, max_side=3)))
def test_every_array_comes_back_equal(array: Array) -> None:
    store = memory()
    store.put(array, "a")
    found = store.get("a")
    assert (found.dtype, found.shape, found.tobytes()) == (array.dtype, array.shape, array.tobytes())


@pytest.mark.parametrize("array", ARRAYS, ids=str)
def test_an_array_can_be_mapped_into_memory(local: OmegaStore, array: Array) -> None:
    local.put(array, "a")
    found = local.get("a", mmap=True)
    np.testing.assert_array_equal(found, array)
    assert found.dtype == array.dtype
    assert isinstance(found, np.memmap)
    assert not found.flags.writeable


def test_a_mapped_array_can_be_put_again(local: OmegaStore) -> None:
    local.put(np.arange(5), "a")
    local.put(local.get("a", mmap=True), "b")
    assert local.get("b").tolist() == [0, 1, 2, 3, 4]


def test_where_there_are_no_files_it_is_read() -> None:
    store = memory()
    store.put(np.arange(3), "a")
    assert store.get("a", mmap=True).tolist() == [0, 1, 2]


def test_a_file_that_was_cut_is_not_mapped(local: OmegaStore, tmp_path: Path) -> None:
    local.put(np.arange(3), "a")
    (blob,) = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    blob.chmod(0o600)
    blob.write_bytes(blob.read_bytes()[:-1])
    with pytest.raises(CorruptPayloadError):
        local.get("a", mmap=True)


def with_metadata() -> Array:
    return np.zeros(1, dtype=np.dtype("i4", metadata={"unit": "m"}))


@pytest.mark.parametrize(
    "array",
    [np.array([object()]), np.array([("a",)], dtype=[("x", "O")]), np.array(["a"], dtype="T"), with_metadata()],
    ids=["object", "structured", "string", "metadata"],
)
def test_what_npy_would_not_keep_is_refused(array: Array) -> None:
    store = memory()
    with pytest.raises(UnsupportedObjectError, match="'a' can not be put: an array of dtype"):
        store.put(array, "a")
    assert not store.exists("a")


@pytest.mark.parametrize("obj", [np.ma.masked_array([1]), np.float64(1), [1], np.recarray(1, dtype=[("a", "i4")])])
def test_what_would_come_back_as_something_else_is_not_supported(obj: object) -> None:
    assert not NdarrayBackend.supports(obj, "a")


def test_the_order_in_memory_is_kept() -> None:
    store = memory()
    store.put(np.asfortranarray(np.ones((2, 3))), "a")
    assert store.get("a").flags.f_contiguous


def test_its_summary_tells_dtype_and_shape() -> None:
    store = memory()
    store.put(np.zeros((2, 3)), "a")
    summary = store.summary("a")
    assert (summary["dtype"], summary["shape"]) == ("float64", [2, 3])
