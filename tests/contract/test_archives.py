"""Archives from each kind of store to itself and to another, of the objects that people keep; in a soak all pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.dummy import DummyRegressor
from tests.effort import few_or_all

from omega_domain.omega import Omega
from omega_domain.repository.context import Context
from omega_domain.testing.archives import ArchiveContract, ArchiveFaultsContract, assert_clean
from omega_ml import plugins

KINDS = ("memory", "local", "mongo")
PAIRS = few_or_all(
    [*zip(KINDS, KINDS, strict=True), ("local", "mongo"), ("mongo", "local")], list(product(KINDS, KINDS))
)
Make = Callable[[str], Context]


@pytest.mark.parametrize("kinds", PAIRS, ids=" to ".join)
class TestArchivesBetweenKinds(ArchiveContract):
    """The contract of archives, from one kind to another."""


class TestArchiveFaultsOnLocal(ArchiveFaultsContract):
    """Imports and restores, interrupted at every step."""

    @pytest.fixture
    def new_context(self, make_context: Make) -> Make:
        return lambda _: make_context("local")


@pytest.mark.parametrize("kinds", PAIRS, ids=" to ".join)
@pytest.mark.parametrize("way", ["archive", "backup"])
def test_what_people_keep_travels(way: str, kinds: tuple[str, str], make_context: Make, tmp_path: Path) -> None:
    om, other = (
        Omega(replace(make_context(kind), registry=plugins.backends(), codec=plugins.codec())) for kind in kinds
    )
    frame = pd.DataFrame(
        {"x": [1.5, np.nan, 3], "s": ["a", None, "ü"], "t": pd.date_range("2030", periods=3, tz="UTC")}
    )
    om.datasets.put(frame, "frame")
    om.datasets.put(frame, "rows", layout="documents")
    om.datasets.put(frame, "rows", layout="documents", append=True)
    om.datasets.put({"a": [1, (2, 3), b"x"], "$b": None}, "data")
    om.datasets.put(np.arange(7), "array")
    om.models.put(DummyRegressor(strategy="constant", constant=1).fit([[0]], [0]), "m", tag="old")
    om.models.put(DummyRegressor(strategy="constant", constant=2).fit([[0]], [0]), "m")
    if way == "archive":
        om.export([f"datasets/{name}" for name in om.datasets.list()] + ["models/m"], tmp_path / "x.omega")
        other.import_archive(tmp_path / "x.omega")
    else:
        om.backup(tmp_path / "backups")
        other.restore(tmp_path / "backups")
    assert_frame_equal(other.datasets.get("frame"), frame)
    assert_frame_equal(other.datasets.get("rows"), om.datasets.get("rows"))
    assert len(other.datasets.get("rows", x__gte=1.5)) == 4
    other.datasets.put(frame, "rows", append=True, layout="documents")
    assert len(other.datasets.get("rows")) == 9
    assert other.datasets.get("data") == {"a": [1, (2, 3), b"x"], "$b": None}
    assert (other.datasets.get("array") == np.arange(7)).all()
    assert [other.models.get(name).predict([[0]])[0] for name in ("m", "m@old")] == [2, 1]
    assert_clean(other.context)
    assert_frame_equal(other.datasets.get("frame"), frame)
    assert len(other.datasets.get("rows")) == 9
