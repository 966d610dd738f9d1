"""Exchange: objects from files and to files."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn.linear_model import LinearRegression

from omega_domain.entities.query import Q
from omega_domain.errors import UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.testing.backends import RowsBackend
from omega_ml.file_formats import excerpt, format_of, read_object, write_object

FRAME = pd.DataFrame({"x": [1, 2, 3], "y": ["a", "b", None], "z": [0.5, None, 2.5]})
CSV = b"x,y,z\n1,a,0.5\n2,b,\n3,,2.5\n"


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.csv", "csv"),
        ("a.CSV", "csv"),
        ("a.csv.zip", "csv"),
        ("a.b.parquet", "parquet"),
        ("a.json", "json"),
        ("a.pdf", "file"),
        ("a", "file"),
        ("csv", "file"),
    ],
)
def test_the_ending_of_a_name_tells_the_format(name: str, form: str) -> None:
    assert format_of(name) == form


def test_a_csv_is_read_as_a_frame() -> None:
    assert_frame_equal(read_object(io.BytesIO(CSV), "a.csv"), FRAME)


def test_a_packed_csv_is_unpacked() -> None:
    assert_frame_equal(read_object(io.BytesIO(gzip.compress(CSV)), "a.csv.gz"), FRAME)


def test_tabs_separate_a_tsv() -> None:
    assert_frame_equal(read_object(io.BytesIO(CSV.replace(b",", b"\t")), "a.tsv"), FRAME)


def test_columns_of_a_csv_are_read_as_dates_when_asked() -> None:
    frame = read_object(io.BytesIO(b"t\n2013-01-01\n"), "a.csv", dates=["t"])
    assert frame["t"][0] == pd.Timestamp("2013-01-01")


def test_json_lines_are_read_as_a_frame() -> None:
    frame = read_object(io.BytesIO(b'{"x":1}\n{"x":2}\n'), "a.jsonl")
    assert_frame_equal(frame, pd.DataFrame({"x": [1, 2]}))


def test_parquet_is_read_as_a_frame() -> None:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer)
    assert_frame_equal(read_object(io.BytesIO(buffer.getvalue()), "a.parquet"), FRAME)


def test_json_is_read_as_data() -> None:
    assert read_object(io.BytesIO(b'{"a": [1, null]}'), "a.json") == {"a": [1, None]}


def test_npy_is_read_as_an_array() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(3))
    assert read_object(io.BytesIO(buffer.getvalue()), "a.npy").tolist() == [0, 1, 2]


def test_anything_else_is_the_file_itself() -> None:
    file = io.BytesIO(b"pdf")
    assert read_object(file, "a.pdf") is file


def test_a_folder_is_its_path(tmp_path: Path) -> None:
    assert read_object(tmp_path, tmp_path.name) == tmp_path


def test_the_format_may_be_told() -> None:
    assert read_object(io.BytesIO(b"[1]"), "-", form="json") == [1]


def test_an_unknown_format_names_those_there_are() -> None:
    with pytest.raises(UnsupportedOptionError, match="no format 'xls'; there are: csv, tsv"):
        read_object(io.BytesIO(), "a.xls", form="xls")


def test_dates_need_columns() -> None:
    with pytest.raises(UnsupportedOptionError, match="read as json"):
        read_object(io.BytesIO(b"{}"), "a.json", dates=["t"])


@pytest.mark.parametrize("name", ["m.pkl", "m.joblib"])
def test_a_pickle_is_never_read(name: str) -> None:
    with pytest.raises(UnsupportedObjectError, match="is a pickle, which is code"):
        read_object(io.BytesIO(b"cos\nsystem\n"), name)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", b"x,y\n1,2\n1,2,3\n"),
        ("a.csv", b""),
        ("a.csv", b"\xff\xfe\xfa"),
        ("a.csv.gz", b"no gzip"),
        ("a.csv.zip", b"no zip"),
        ("a.jsonl", b'{"x":'),
        ("a.json", b"{"),
        ("a.parquet", b"PAR1"),
        ("a.npy", b"nothing"),
    ],
)
def test_a_file_that_does_not_parse_is_named_and_may_be_put_as_it_is(name: str, content: bytes) -> None:
    with pytest.raises(UnsupportedObjectError, match=rf"{name} can not be read as .*--format file"):
        read_object(io.BytesIO(content), name)


def test_a_missing_column_of_dates_is_named() -> None:
    with pytest.raises(UnsupportedObjectError, match="when"):
        read_object(io.BytesIO(CSV), "a.csv", dates=["when"])


def test_an_array_of_objects_is_refused() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(UnsupportedObjectError, match="can not be read as npy"):
        read_object(io.BytesIO(buffer.getvalue()), "a.npy")


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.parquet", "a.jsonl"])
def test_a_frame_survives_a_file(om: Omega, tmp_path: Path, name: str) -> None:
    om.datasets.put(FRAME, "f")
    write_object(om.datasets, "f", tmp_path / name)
    with (tmp_path / name).open("rb") as file:
        assert_frame_equal(read_object(file, name), FRAME)


def test_a_frame_is_written_as_records(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(FRAME, "f")
    write_object(om.datasets, "f[x]", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == [{"x": 1}, {"x": 2}, {"x": 3}]


def test_an_index_of_labels_is_written(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(pd.Series([1, 2], index=pd.Index(["a", "b"], name="k"), name="v"), "s")
    write_object(om.datasets, "s", tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "k,v\na,1\nb,2\n"
    write_object(om.datasets, "s", tmp_path / "a.jsonl")
    assert (tmp_path / "a.jsonl").read_text() == '{"k":"a","v":1}\n{"k":"b","v":2}\n'


def test_a_filter_chooses_what_is_written(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(FRAME, "f")
    write_object(om.datasets, "f[x]", tmp_path / "a.csv", query=Q(x__gt=1))
    assert "1" not in (tmp_path / "a.csv").read_text()


def test_a_file_that_exists_is_not_overwritten_unasked(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(FRAME, "f")
    path = tmp_path / "a.csv"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite it by --force"):
        write_object(om.datasets, "f", path)
    assert path.read_text() == "mine"
    write_object(om.datasets, "f", path, overwrite=True)
    assert path.read_text().startswith("x,y,z\n")


@pytest.mark.parametrize(("value", "name"), [(FRAME, "a.npy"), ({"a": 1}, "a.csv"), ({"a": b"x"}, "a.json")])
def test_a_format_that_does_not_fit_leaves_no_file(om: Omega, tmp_path: Path, value: object, name: str) -> None:
    om.datasets.put(value, "d")
    with pytest.raises(UnsupportedOptionError, match=r"can not be written"):
        write_object(om.datasets, "d", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_data_are_written_as_json(om: Omega, tmp_path: Path) -> None:
    om.datasets.put({"a": ["é"]}, "d")
    write_object(om.datasets, "d", tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == {"a": ["é"]}


def test_a_file_is_written_byte_by_byte(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(io.BytesIO(b"\0bytes"), "f")
    write_object(om.datasets, "f", tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == b"\0bytes"


def test_a_folder_is_unpacked(om: Omega, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("a")
    om.datasets.put(tmp_path / "folder", "f")
    write_object(om.datasets, "f", tmp_path / "copy")
    assert (tmp_path / "copy" / "a.txt").read_text() == "a"


@pytest.mark.parametrize("form", ["pickle", "joblib"])
def test_a_model_is_written_to_a_file_that_joblib_reads(om: Omega, tmp_path: Path, form: str) -> None:
    om.models.put(LinearRegression(n_jobs=3), "m", format=form)
    with pytest.raises(UnsupportedOptionError, match=r"let it end in .joblib"):
        write_object(om.models, "m", tmp_path / "m.skops")
    write_object(om.models, "m", tmp_path / "m.joblib")
    assert joblib.load(tmp_path / "m.joblib").n_jobs == 3


def test_what_is_no_single_file_is_not_written(om: Omega, tmp_path: Path) -> None:
    om.datasets.register_backend("rows", RowsBackend)
    om.datasets.put([{"a": 1}], "r", kind="rows")
    with pytest.raises(UnsupportedOptionError, match="no single file: read it from Python"):
        write_object(om.datasets, "r", tmp_path / "a.bin")


def test_an_array_is_written_as_npy(om: Omega, tmp_path: Path) -> None:
    om.datasets.put(np.arange(3), "a")
    with pytest.raises(UnsupportedOptionError, match=r"'a' can not be written to a.csv: let it end in .npy"):
        write_object(om.datasets, "a", tmp_path / "a.csv")
    write_object(om.datasets, "a", tmp_path / "a.npy")
    assert np.load(tmp_path / "a.npy").tolist() == [0, 1, 2]


def test_an_excerpt_of_a_frame_holds_its_first_rows(om: Omega) -> None:
    om.datasets.put(FRAME, "f")
    assert_frame_equal(excerpt(om.datasets, "f", limit=2).value, FRAME.head(2))
    assert excerpt(om.datasets, "f", limit=2).is_cut


@pytest.mark.parametrize("limit", [0, 3, 4])
def test_an_excerpt_that_is_large_enough_is_the_whole_frame(om: Omega, limit: int) -> None:
    om.datasets.put(FRAME, "f")
    value, is_cut = excerpt(om.datasets, "f", limit=limit)
    assert_frame_equal(value, FRAME)
    assert not is_cut


def test_an_excerpt_of_what_a_filter_finds(om: Omega) -> None:
    om.datasets.put(FRAME, "f")
    value, is_cut = excerpt(om.datasets, "f[x]", query=Q(x__gte=2), limit=1)
    assert value["x"].tolist() == [2]
    assert is_cut


def test_an_excerpt_of_nothing_has_the_columns(om: Omega) -> None:
    om.datasets.put(FRAME, "f")
    value, _ = excerpt(om.datasets, "f", query=Q(x=99), limit=5)
    assert_frame_equal(value, FRAME.head(0))


def test_an_excerpt_of_chunks_is_made_of_them(om: Omega) -> None:
    om.datasets.put(FRAME, "f")
    assert_frame_equal(excerpt(om.datasets, "f#iterchunks:chunksize=1", limit=2).value, FRAME.head(2))
    assert_frame_equal(excerpt(om.datasets, "f#iterchunks:chunksize=2").value, FRAME)


def test_data_are_not_cut(om: Omega) -> None:
    om.datasets.put([1, 2, 3], "d")
    assert excerpt(om.datasets, "d", limit=1) == ([1, 2, 3], False)
