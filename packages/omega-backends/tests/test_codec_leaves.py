"""numpy and pandas in the codec: what a task is given and returns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.extra import numpy as hnp

from omega_backends.codecs import numpy as codec_numpy
from omega_backends.codecs import pandas as codec_pandas
from omega_backends.testing.frames import frames
from omega_domain.documents.codec import JsonCodec
from omega_domain.errors import CodecError


def _codec() -> JsonCodec:
    return JsonCodec({"numpy": codec_numpy.leaves, "pandas": codec_pandas.leaves})


def _through(value: Any) -> Any:
    codec = _codec()
    return codec.loads(codec.dumps(value))


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(min_dims=0, min_side=0)))
def test_arrays_come_back_equal_with_dtype_and_shape(array: np.ndarray[Any, Any]) -> None:
    found = _through(array)
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_arrays_of_objects_travel_if_the_objects_do() -> None:
    array = np.array([["a", None], [1, [2]]], dtype=object)
    found = _through(array)
    assert found.dtype == object
    assert found.tolist() == array.tolist()
    with pytest.raises(CodecError, match="type object"):
        _through(np.array([object()]))
    with pytest.raises(CodecError, match="fields"):
        _through(np.zeros(1, dtype=[("x", object)]))


@pytest.mark.parametrize(
    "scalar",
    [
        np.float32(1.5),
        np.int8(-1),
        np.bool_(True),
        np.str_("ä"),
        np.datetime64("2030-01-01T00:00:00.5"),
        np.complex64(1j),
    ],
    ids=repr,
)
def test_scalars_come_back_with_their_type(scalar: Any) -> None:
    found = _through(scalar)
    assert type(found) is type(scalar)
    assert found == scalar


@given(frames())
@settings(suppress_health_check=list(HealthCheck), deadline=None)
def test_frames_come_back_as_the_store_keeps_them(frame: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(_through(frame), frame)


def test_categories_series_and_indexes_travel() -> None:
    series = pd.Series(pd.Categorical(["u", None, "v"], categories=["v", "u", "w"], ordered=True), name=("a", 1))
    pd.testing.assert_series_equal(_through(series), series)
    for index in (
        pd.RangeIndex(3, name="r"),
        pd.date_range("2030", periods=3, freq="D", tz="Europe/Berlin"),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
        pd.Index(["a", "b"]),
    ):
        pd.testing.assert_index_equal(_through(index), index, exact=True)


@pytest.mark.parametrize(
    "scalar", [pd.Timestamp("2030-01-01", tz="UTC"), pd.Timedelta("1D"), pd.Period("2030-01", "M")], ids=repr
)
def test_scalars_of_pandas_come_back(scalar: Any) -> None:
    found = _through(scalar)
    assert type(found) is type(scalar)
    assert found == scalar


def test_missing_values_of_pandas_come_back_as_themselves() -> None:
    assert _through([pd.NaT, pd.NA])[0] is pd.NaT
    assert _through([pd.NaT, pd.NA])[1] is pd.NA


def test_a_frame_that_can_not_travel_is_refused_with_its_column() -> None:
    with pytest.raises(CodecError, match="'bad'"):
        _through(pd.DataFrame({"bad": [object()]}))
