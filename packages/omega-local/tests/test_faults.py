"""Injected faults pass the abilities of the embedded store on."""

from __future__ import annotations

from pathlib import Path

import pytest

from omega_domain.ports.store import SupportsLocalPath
from omega_domain.testing.faults import FaultPlan, FaultyStore, InjectedFault
from omega_domain.testing.files import put_blob
from omega_local import LocalStore


def test_files_with_paths_keep_them(tmp_path: Path) -> None:
    plan = FaultPlan(2)
    files = FaultyStore(LocalStore(tmp_path), plan).files
    file_id = put_blob(files, b"abc")
    assert isinstance(files, SupportsLocalPath)
    assert files.local_path(file_id).read_bytes() == b"abc"
    with pytest.raises(InjectedFault):
        put_blob(files, b"abcd")
    with pytest.raises(InjectedFault):
        files.local_path(file_id)


def test_a_writer_that_crashes_leaves_no_blob(tmp_path: Path) -> None:
    with pytest.raises(InjectedFault):
        put_blob(FaultyStore(LocalStore(tmp_path), FaultPlan(1, when="middle")).files, b"abc")
    assert list(LocalStore(tmp_path).files.find()) == []
