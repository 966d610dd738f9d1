"""Labels of frames: index of the columns and categories as plain JSON; and finding a column by its label."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.dtypes import dtype_from_plain, dtype_to_plain, family
from omega_domain.errors import UnsupportedObjectError


def labels_to_plain(labels: pd.Index[Any]) -> dict[str, Any]:
    """Return an index in plain JSON types, all of it: labels, names, dtype, frequency.

    Raises:
        UnsupportedObjectError: a label or the dtype can not be kept.
    """
    if isinstance(labels, pd.MultiIndex):
        plain = {
            "levels": [labels_to_plain(level) for level in labels.levels],
            "codes": [codes.tolist() for codes in labels.codes],
            "names": [cell_to_plain(name) for name in labels.names],
        }
    elif type(labels) is pd.RangeIndex:
        plain = {"range": [labels.start, labels.stop, labels.step], "name": cell_to_plain(labels.name)}
    else:
        plain = _flat_to_plain(labels)
    return _verified(plain, labels)


def labels_from_plain(plain: dict[str, Any]) -> pd.Index[Any]:
    """Rebuild an index from :func:`labels_to_plain`."""
    if "levels" in plain:
        return pd.MultiIndex(
            levels=[labels_from_plain(level) for level in plain["levels"]],  # type: ignore[misc]
            codes=plain["codes"],
            names=[cell_from_plain(name) for name in plain["names"]],
        )
    name = cell_from_plain(plain["name"])
    if "range" in plain:
        start, stop, step = plain["range"]
        return pd.RangeIndex(start, stop, step, name=name)
    return _flat_from_plain(plain, name)


def cells_to_plain(labels: pd.Index[Any]) -> list[Any]:
    """Return the labels alone in plain JSON types, without dtype and name."""
    if isinstance(labels.dtype, pd.StringDtype) and not labels.hasnans:
        return list(labels)
    return [cell_to_plain(label) for label in labels.astype(object)]


def cells_from_plain(
    cells: Sequence[Any], spec: Any, *, name: Hashable = None, freq: str | None = None
) -> pd.Index[Any]:
    """Rebuild an index of this dtype from :func:`cells_to_plain`."""
    values = np.empty(len(cells), dtype=object)
    values[:] = cell_from_plain(list(cells))
    labels = pd.Index(values, dtype=dtype_from_plain(spec), name=name, tupleize_cols=False)
    if freq is not None:
        labels.freq = freq  # type: ignore[attr-defined]
    return labels


def find(label: Hashable, labels: pd.Index[Any]) -> list[int]:
    """Return the places of the columns that a user means by a label.

    An equal label comes first, then one that reads the same (``"0"`` for ``0``), then the columns under it in the
    first level of a MultiIndex. Empty if there is none.
    """
    every = list(labels)
    for fits in (_is_equal, _reads_equal, _is_above):
        places = [place for place, one in enumerate(every) if fits(label, one)]
        if places:
            return places
    return []


def _is_equal(label: Any, one: Any) -> bool:
    try:
        return type(label) is type(one) and bool(label == one)
    except (TypeError, ValueError):
        return False


def _reads_equal(label: Any, one: Any) -> bool:
    return str(one) == str(label)


def _is_above(label: Any, one: Any) -> bool:
    return isinstance(one, tuple) and bool(one) and _reads_equal(label, one[0])


def _flat_to_plain(labels: pd.Index[Any]) -> dict[str, Any]:
    spec = dtype_to_plain(labels.dtype)
    plain = {"dtype": spec, "name": cell_to_plain(labels.name)}
    if isinstance(labels, pd.CategoricalIndex):
        return plain | {"categories": labels_to_plain(labels.categories), "codes": labels.codes.tolist()}
    freq = getattr(labels, "freq", None) if family(spec) != "period" else None
    return plain | {"labels": cells_to_plain(labels)} | ({"freq": freq.freqstr} if freq is not None else {})


def _flat_from_plain(plain: dict[str, Any], name: Hashable) -> pd.Index[Any]:
    if "categories" in plain:
        dtype = pd.CategoricalDtype(labels_from_plain(plain["categories"]), plain["dtype"]["category"]["ordered"])
        return pd.CategoricalIndex(pd.Categorical.from_codes(plain["codes"], dtype=dtype), name=name)
    return cells_from_plain(plain["labels"], plain["dtype"], name=name, freq=plain.get("freq"))


def _verified(plain: dict[str, Any], labels: pd.Index[Any]) -> dict[str, Any]:
    """Rebuild once and compare, because pandas infers more than it is told."""
    try:
        rebuilt = labels_from_plain(plain)
        pd.testing.assert_index_equal(rebuilt, labels, exact=True)
        same = getattr(rebuilt, "freq", None) == getattr(labels, "freq", None)
    except (AssertionError, ValueError, TypeError):
        same = False
    if not same:
        raise UnsupportedObjectError(f"these labels can not be kept exactly: {labels!r}")
    return plain
