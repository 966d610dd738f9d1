"""Homes and their locks: two homes never hold each other up, one home by two ways is one home."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from omega_domain.errors import StoreUnavailableError
from omega_domain.omega import Omega
from omega_local import LocalMetadataStore, LocalStore
from omega_ml.plugins import backends

PATIENCE = 0.2


def _open(home: Path) -> Omega:
    return Omega(
        metadata=LocalMetadataStore(home, timeout=PATIENCE),
        store=LocalStore(home, timeout=PATIENCE),
        registry=backends(),
    )


def test_a_lock_on_one_home_does_not_hold_up_another(tmp_path: Path) -> None:
    one, two = _open(tmp_path / "one"), _open(tmp_path / "two")
    one.datasets.put({"x": 1}, "a")
    two.datasets.put({"x": 2}, "a")
    other = sqlite3.connect(tmp_path / "one" / "omega.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailableError, match="one"):
        one.datasets.put({"x": 3}, "a")
    two.datasets.put({"x": 4}, "a")
    assert one.datasets.get("a") == {"x": 1}
    assert two.datasets.get("a") == {"x": 4}
    other.execute("ROLLBACK")
    other.close()
    one.datasets.put({"x": 3}, "a")
    assert one.datasets.get("a") == {"x": 3}


def test_a_home_reached_by_two_ways_is_one_home_with_one_lock(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    by_name, by_link = _open(tmp_path / "real"), _open(tmp_path / "link")
    for i in range(10):
        (by_name if i % 2 else by_link).datasets.put({"i": i}, "log", append=True)
    assert [item["i"] for item in by_name.datasets.get("log")] == list(range(10))
    assert by_link.context.store.url == by_name.context.store.url
    assert [meta.version for meta in by_link.datasets.versions("log")] == list(range(1, 11))
