"""Commands on objects and files, by the registry."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import omega_ml
from omega_domain.commands.plain import to_plain
from omega_domain.omega import Omega
from omega_ml.commands.objects import GetObject, PutFile, SaveObject
from omega_ml.commands.registry import commands

CSV = b"carrier,delay\nUA,5\nAA,7\nUA,9\n"


@pytest.fixture
def om(tmp_path: Path) -> Omega:
    return omega_ml.setup(home=tmp_path / "home")


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(commands()[name](om, request))


def put(om: Omega, **more: Any) -> Any:
    request = PutFile(store="datasets", name="flights", file="flights.csv", content=io.BytesIO(CSV), **more)
    return run(om, "objects.put", request)


def test_a_file_becomes_an_object(om: Omega) -> None:
    facts = put(om, tag="raw", attributes={"year": 2013})
    meta = om.datasets.metadata("flights")
    assert meta is not None
    assert facts == meta.to_plain()
    assert (facts["kind"], facts["tags"], facts["attributes"]) == ("pandas.parquet", ["raw"], {"year": 2013})


def test_a_kind_of_files_takes_the_bytes_as_they_are(om: Omega) -> None:
    assert put(om, kind="python.file")["kind"] == "python.file"
    with om.datasets.get("flights") as file:
        assert file.read() == CSV


def test_rows_are_got_by_conditions_and_to_a_limit(om: Omega) -> None:
    put(om)
    request = GetObject(store="datasets", name="flights[delay]", where=("carrier=UA",), limit=1)
    found = commands()["objects.get"](om, request)
    assert found.is_cut
    assert to_plain(found) == {"name": "flights", "kind": "pandas.parquet", "version": 1, "value": [{"delay": 5}]}


def test_an_object_is_written_to_a_file(om: Omega, tmp_path: Path) -> None:
    put(om)
    path = tmp_path / "late.csv"
    facts = run(om, "objects.save", SaveObject(store="datasets", name="flights", where=("delay__gt=6",), file=path))
    assert pd.read_csv(path)["delay"].tolist() == [7, 9]
    assert (facts["file"], facts["size"]) == (str(path), path.stat().st_size)
    with pytest.raises(FileExistsError, match="exists already"):
        run(om, "objects.save", SaveObject(store="datasets", name="flights", file=path))
