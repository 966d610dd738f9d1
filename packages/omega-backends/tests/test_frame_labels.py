"""Labels in JSON, and finding columns by them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_backends.frames.labels import find, labels_from_plain, labels_to_plain
from omega_backends.testing.frames import column_labels
from omega_domain.errors import UnsupportedObjectError


def through_json(labels: Any) -> Any:
    return labels_from_plain(json.loads(json.dumps(labels_to_plain(labels), allow_nan=False)))


@given(st.integers(0, 5).flatmap(column_labels))
def test_any_labels_of_columns_survive_json(labels: Any) -> None:
    pd.testing.assert_index_equal(through_json(labels), labels, exact=True)


@pytest.mark.parametrize(
    "labels",
    [
        pd.Index([1, "a", None, (1, 2), 2.5, pd.Timestamp("2020")], dtype=object),
        pd.Index([None, np.nan], dtype=object),
        pd.Index([(1, 2), (3, 4)], tupleize_cols=False),
        pd.Index([1.5, np.nan]),
        pd.Index([np.float32(0.1)], dtype="float32"),
        pd.Index([1, 2], dtype="Int64"),
        pd.Index(["a", None], dtype="str", name=("x", 1)),
        pd.RangeIndex(1, 9, 2, name="n"),
        pd.date_range("2020", periods=3, tz="Europe/Zurich", freq="MS"),
        pd.timedelta_range("1s", periods=3),
        pd.period_range("2020", periods=3, freq="M"),
        pd.interval_range(0, 3),
        pd.CategoricalIndex(["a", "b", "a"], categories=["b", "a", "z"], ordered=True),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None])[:3],
        pd.MultiIndex.from_tuples([("a", 1), (None, 2)]),
        pd.MultiIndex.from_arrays([pd.CategoricalIndex(["a", "b"]), pd.date_range("2020", periods=2)]),
    ],
    ids=lambda labels: f"{type(labels).__name__}-{labels.dtype}",
)
def test_labels_survive_json(labels: Any) -> None:
    pd.testing.assert_index_equal(through_json(labels), labels, exact=True)
    assert getattr(through_json(labels), "freq", None) == getattr(labels, "freq", None)


def test_a_label_of_another_type_is_refused() -> None:
    with pytest.raises(UnsupportedObjectError, match="object"):
        labels_to_plain(pd.Index([object()]))


def test_labels_that_pandas_would_change_are_refused() -> None:
    labels = pd.date_range("2020", periods=3, freq=pd.offsets.CustomBusinessDay(holidays=["2020-01-02"]))
    with pytest.raises(UnsupportedObjectError, match="exactly"):
        labels_to_plain(labels)


def test_an_equal_label_is_found_first() -> None:
    assert find("0", pd.Index([0, "0"], dtype=object)) == [1]
    assert find(0, pd.Index([0, "0"], dtype=object)) == [0]


def test_a_label_is_found_by_how_it_reads() -> None:
    assert find("7", pd.Index([5, 7])) == [1]
    assert find("('a', 1)", pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])) == [0]


def test_all_columns_of_a_duplicate_label_are_found() -> None:
    assert find("a", pd.Index(["a", "b", "a"])) == [0, 2]


def test_all_columns_below_a_label_are_found() -> None:
    assert find("a", pd.MultiIndex.from_tuples([("a", 1), ("b", 1), ("a", 2)])) == [0, 2]


def test_nothing_is_found_for_an_unknown_label() -> None:
    assert find("q", pd.Index(["a", None, (), np.nan, pd.NA], dtype=object, tupleize_cols=False)) == []
    assert find(pd.NA, pd.Index(["a"])) == []


def test_a_null_is_found_by_how_it_reads() -> None:
    assert find(pd.NA, pd.Index(["a", pd.NA], dtype=object)) == [1]
