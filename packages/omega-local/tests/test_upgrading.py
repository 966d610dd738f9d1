"""Homes of older formats are brought up to date when they are opened."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from omega_domain.errors import StoreFormatError
from omega_domain.testing.samples import make_head, make_version
from omega_local import LocalMetadataStore
from omega_local.opening import DATABASE
from omega_local.schema import FORMAT, UPGRADES


def make_format_1(home: Path) -> None:
    """Write a home as format 1 had it: without signatures."""
    version = make_version()
    store = LocalMetadataStore(home)
    store.commit(make_head(version), expected=None, version=version)
    store.close()
    database = sqlite3.connect(home / DATABASE, isolation_level=None)
    database.execute("ALTER TABLE versions DROP COLUMN signature")
    [(body,)] = database.execute("SELECT body FROM heads").fetchall()
    database.execute("UPDATE heads SET body = ?", (json.dumps(json.loads(body)[:11]),))
    database.execute("PRAGMA user_version = 1")
    database.close()


def test_a_home_of_format_1_is_read_and_written(tmp_path: Path) -> None:
    make_format_1(tmp_path)
    store = LocalMetadataStore(tmp_path)
    [record] = store.records()
    [head] = [store.head(make_head(make_version()).key)]
    assert head is not None
    assert (head.signature, getattr(record, "signature", None)) == ("", "")
    version = replace(make_version(), uid=head.uid, signature="key:abc")
    after = replace(head, revision=2, current=version.ref, tip=version.ref, signature="key:def")
    assert store.commit(after, expected=1, version=version)
    found = LocalMetadataStore(tmp_path).version(version.id)
    assert found is not None
    assert found.signature == "key:abc"
    database = sqlite3.connect(tmp_path / DATABASE)
    assert database.execute("PRAGMA user_version").fetchone() == (FORMAT,)
    database.close()


def test_every_older_format_has_a_way_to_the_present_one() -> None:
    assert list(UPGRADES) == list(range(1, FORMAT))


def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    make_format_1(tmp_path)
    database = sqlite3.connect(tmp_path / DATABASE)
    database.execute(f"PRAGMA user_version = {FORMAT + 1}")
    database.close()
    with pytest.raises(StoreFormatError, match="upgrade omega-ml"):
        list(LocalMetadataStore(tmp_path).records())
