"""`om datasets|models|jobs|scripts`: objects by name."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from omega_domain.entities.head import HeadQuery
from omega_domain.entities.version import Payload
from omega_domain.omega import Omega

Run = Callable[..., Any]

CSV = "carrier,dest,delay\nUA,SFO,5\nAA,LAX,\nUA,LAX,-3\n"


@pytest.fixture
def flights(home: Path) -> Path:
    """A CSV file."""
    path = Path("flights.csv")
    path.write_text(CSV)
    return path


def test_a_csv_is_put_as_a_frame(om: Run, omega: Omega, flights: Path) -> None:
    done = om("datasets", "put", flights, "flights")
    assert (done.code, done.err) == (0, "")
    assert "pandas.parquet" in done.out
    assert omega.datasets.get("flights")["carrier"].tolist() == ["UA", "AA", "UA"]


def test_put_says_in_json_what_it_saved(om: Run, flights: Path) -> None:
    saved = om("datasets", "put", flights, "flights", "--tag", "raw", "-a", "year=2013", "-a", "by=me", "--json").json
    assert (saved["name"], saved["version"], saved["tags"]) == ("flights", 1, ["raw"])
    assert saved["attributes"] == {"year": 2013, "by": "me"}


def test_append_adds_rows(om: Run, omega: Omega, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    om("datasets", "put", flights, "flights", "--append")
    assert len(omega.datasets.get("flights")) == 6


def test_json_is_put_as_data(om: Run, omega: Omega) -> None:
    Path("a.json").write_text('{"a": [1, 2]}')
    om("datasets", "put", "a.json", "a")
    assert omega.datasets.get("a") == {"a": [1, 2]}


def test_stdin_is_put_in_a_format(om: Run, omega: Omega, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"x\n1\n")))
    om("datasets", "put", "-", "d", "--format", "csv")
    assert omega.datasets.get("d")["x"].tolist() == [1]


def test_a_kind_of_files_puts_a_csv_as_it_is(om: Run, omega: Omega, flights: Path) -> None:
    om("datasets", "put", flights, "raw", "--kind", "python.file")
    with omega.datasets.get("raw") as file:
        assert file.read() == CSV.encode()


def test_a_folder_is_put_and_comes_back(om: Run, home: Path) -> None:
    Path("folder").mkdir()
    Path("folder", "a.txt").write_text("a")
    assert om("datasets", "put", "folder", "folder").code == 0
    done = om("datasets", "get", "folder", "copy")
    assert done.code == 0, done.err
    assert Path("copy", "a.txt").read_text() == "a"


def test_columns_are_read_as_dates(om: Run, omega: Omega) -> None:
    Path("t.csv").write_text("t\n2013-01-01\n")
    om("datasets", "put", "t.csv", "t", "--date", "t")
    assert omega.datasets.get("t")["t"].tolist() == [pd.Timestamp("2013-01-01")]


def test_a_csv_that_does_not_parse_leaves_what_was_there(om: Run, omega: Omega, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    Path("bad.csv").write_text("a,b\n1,2\n1,2,3\n")
    done = om("datasets", "put", "bad.csv", "flights")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("om: bad.csv can not be read as csv: ")
    assert "line 3" in done.err
    assert done.err.count("\n") == 1
    assert len(omega.datasets.get("flights")) == 3


def test_a_file_that_is_missing_is_wrong_usage(om: Run) -> None:
    done = om("datasets", "put", "missing.csv", "x")
    assert done.code == 2
    assert "missing.csv" in done.err


def test_a_model_in_a_pickle_is_refused(om: Run) -> None:
    Path("m.pkl").write_bytes(b"cos\nsystem\n")
    done = om("models", "put", "m.pkl", "m")
    assert done.code == 1
    assert "put the object from Python" in done.err


def test_an_unknown_kind_is_refused(om: Run, flights: Path) -> None:
    done = om("datasets", "put", flights, "x", "--kind", "pandas.hdf")
    assert done.code == 1
    assert "pandas.hdf" in done.err
    assert "pandas.parquet" in done.err


@pytest.mark.parametrize("name", ["a@b", "a//b", "", "x" * 256])
def test_a_name_that_breaks_the_grammar_is_refused(om: Run, flights: Path, name: str) -> None:
    done = om("datasets", "put", flights, name)
    assert done.code == 1
    assert done.err.startswith("om: ")


def test_a_tag_that_is_a_number_is_refused(om: Run, flights: Path) -> None:
    done = om("datasets", "put", flights, "x", "--tag", "3")
    assert done.code == 1
    assert "try 'v3'" in done.err


def test_list_shows_names_kinds_and_versions(om: Run, omega: Omega) -> None:
    omega.datasets.put([1], "a/b")
    omega.datasets.put({"x": 1}, "c", tag="v1")
    lines = om("datasets", "list").out.splitlines()
    assert lines[0].split() == ["name", "kind", "version", "tags", "modified", "(UTC)"]
    assert [line.split()[:4] for line in lines[1:]] == [
        ["a/b", "python.data", "1", "-"],
        ["c", "python.data", "1", "v1"],
    ]


def test_list_takes_patterns_and_kinds(om: Run, omega: Omega) -> None:
    for name in ("a/x", "a/y", "b/x", ".hidden"):
        omega.datasets.put(1, name)
    names = [
        [row["name"] for row in om("datasets", "list", *args, "--json").json]
        for args in (["a/*"], ["--regexp", "x$"], ["--kind", "python.data"], ["--kind", "ndarray.bin"], ["--hidden"])
    ]
    assert names == [["a/x", "a/y"], ["a/x", "b/x"], ["a/x", "a/y", "b/x"], [], [".hidden", "a/x", "a/y", "b/x"]]


def test_a_long_list_has_sizes_and_attributes(om: Run, omega: Omega) -> None:
    omega.datasets.put([1, 2, 3], "a", attributes={"x": 1})
    [row] = om("datasets", "list", "--long", "--json").json
    assert row["size"] > 0
    assert row["attributes"] == {"x": 1}
    assert "author" in om("datasets", "list", "-l").out


def test_an_empty_list_says_so_beside_the_result(om: Run) -> None:
    done = om("datasets", "list")
    assert (done.code, done.out) == (0, "")
    assert done.err == "nothing found in bucket 'omega'; buckets with objects: none yet\n"


def test_a_regular_expression_that_is_none_is_refused(om: Run) -> None:
    done = om("datasets", "list", "--regexp", "(")
    assert done.code == 1
    assert "'('" in done.err


def test_get_prints_a_frame(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    assert om("datasets", "get", "flights[carrier,dest]").out.splitlines() == [
        "  carrier dest",
        "0      UA  SFO",
        "1      AA  LAX",
        "2      UA  LAX",
    ]


def test_get_gives_json_of_one_shape(om: Run, omega: Omega, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    omega.datasets.put({"a": [1]}, "d")
    omega.datasets.put(np.array([[1.5, np.nan]]), "n")
    frame, data, array = (om("datasets", "get", name, "--json").json for name in ("flights", "d", "n"))
    assert frame["kind"] == "pandas.parquet"
    assert frame["value"][1] == {"carrier": "AA", "dest": "LAX", "delay": None}
    assert data == {"name": "d", "kind": "python.data", "version": 1, "value": {"a": [1]}}
    assert array["value"] == [[1.5, None]]


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        (["carrier=UA"], 2),
        (["delay__gt=0"], 1),
        (["carrier=UA", "dest=LAX"], 1),
        (["dest__in=SFO,LAX"], 3),
        (["delay__between=-5,0"], 1),
        (["delay__isnull=true"], 1),
        (["carrier__ne=UA"], 1),
        (["carrier=XX"], 0),
    ],
)
def test_where_filters_rows(om: Run, flights: Path, where: list[str], rows: int) -> None:
    om("datasets", "put", flights, "flights")
    done = om("datasets", "get", "flights", "--json", *(arg for condition in where for arg in ("--where", condition)))
    assert done.code == 0, done.err
    assert len(done.json["value"]) == rows


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["flights[carier]"], "carier"),
        (["flights@v9"], "'@v9'"),
        (["flights@7"], "versions 1"),
        (["flights^^^^"], "has no version"),
        (["flights", "-w", "delay__near=3"], "unknown operator 'near'"),
        (["flights", "-w", "dellay=3"], "'delay'"),
        (["flights", "-w", "delay=soon"], "delay"),
        (["flights", "-w", "$where=1"], "$where"),
        (["flihgts"], "nearest are: flights"),
        (["flights#rows:begin=1"], "there are: start, end"),
    ],
)
def test_what_does_not_exist_names_what_does(om: Run, flights: Path, args: list[str], words: str) -> None:
    om("datasets", "put", flights, "flights")
    done = om("datasets", "get", *args)
    assert (done.code, done.out) == (1, "")
    assert words in done.err
    assert done.err.count("\n") == 1


def test_a_condition_without_a_value_is_wrong_usage(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    done = om("datasets", "get", "flights", "--where", "delay")
    assert done.code == 2
    assert "write --where name=value" in done.err


def test_long_frames_are_cut_unless_asked(om: Run, omega: Omega) -> None:
    omega.datasets.put(pd.DataFrame({"x": range(100)}), "d")
    done = om("datasets", "get", "d")
    assert len(done.out.splitlines()) == 21
    assert "--limit 0" in done.err
    assert len(om("datasets", "get", "d", "--limit", "0").out.splitlines()) == 101


def test_versions_of_a_dataset_are_got_by_name(om: Run, omega: Omega) -> None:
    for value in ("one", "two"):
        omega.datasets.put(value, "d")
    assert om("datasets", "get", "d^").out == "one\n"
    assert om("datasets", "get", "d@2").out == "two\n"


def test_get_writes_a_file(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    done = om("datasets", "get", "flights", "out.csv", "--where", "carrier=AA", "--json")
    assert done.json["file"] == "out.csv"
    assert done.json["size"] == Path("out.csv").stat().st_size
    assert Path("out.csv").read_text() == "carrier,dest,delay\nAA,LAX,\n"


def test_get_overwrites_a_file_only_when_forced(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    Path("out.csv").write_text("mine")
    done = om("datasets", "get", "flights", "out.csv")
    assert done.code == 1
    assert done.err == "om: out.csv exists already; overwrite it by --force, or give another name\n"
    assert om("datasets", "get", "flights", "out.csv", "--force").code == 0
    assert Path("out.csv").read_text() == CSV.replace("UA,SFO,5", "UA,SFO,5.0").replace("-3", "-3.0")


def test_drop_drops(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "d")
    assert om("datasets", "drop", "d", "--json").json == {"name": "d", "dropped": True}
    assert not omega.datasets.exists("d")


def test_drop_of_a_version_drops_that_version(om: Run, omega: Omega) -> None:
    for value in (1, 2):
        omega.models.put(value, "m")
    om("models", "drop", "m@2")
    assert omega.models.get("m") == 1


#: Every command that takes the name of an object and is about all of it, or about a version.
COMMANDS = (
    "datasets drop {}",
    "datasets drop {} --force",
    "datasets metadata {}",
    "datasets metadata {} -a owner=ann",
    "datasets versions {}",
    "datasets tag {} best",
    "datasets promote {} --to prod",
    "datasets promote d --to prod --as {}",
    "datasets help {}",
    "datasets compact {}",
    "datasets summary {}",
    "datasets put flights.csv {}",
    "promote datasets {} --to prod",
    "history datasets {}",
    "rollback datasets {}",
    "approve datasets {} --as release",
    "export datasets/{} --path never.omega",
    "import made.omega datasets/{}",
    "restore kept datasets/{}",
    "runtime model {} predict d",
    "runtime script {} run",
    "runtime explain model {}",
)


@pytest.mark.parametrize("piece", ["d[delay]", "d[^delay]", "d#", "d#rows:start=0,end=2", "d@1[delay]"])
def test_no_command_takes_a_piece_for_the_whole(om: Run, omega: Omega, flights: Path, piece: str) -> None:
    om("datasets", "put", flights, "d", "--tag", "v1")
    omega.models.put(1, "d")
    omega.scripts.put(1, "d")
    omega.export("datasets/d", "made.omega")
    omega.backup("kept")
    before = [head.to_plain() for head in omega.context.metadata.heads(HeadQuery())]
    for command in COMMANDS:
        done = om(*(word.format(piece) for word in command.split()))
        assert done.code == 1, (command, done)
        assert f"'{piece}'" in done.err, (command, done)
        assert done.err.rstrip().endswith(("'d'", "'d@1'")), (command, done)
    assert [head.to_plain() for head in omega.context.metadata.heads(HeadQuery())] == before
    assert not Path("never.omega").exists()


def test_a_model_is_not_written_for_a_piece_of_it(om: Run, omega: Omega) -> None:
    omega.models.put(LinearRegression(), "m")
    done = om("models", "get", "m[x]", "m.joblib")
    assert (done.code, Path("m.joblib").exists()) == (1, False)
    assert "'columns' can not be used to get 'm'" in done.err


def test_get_names_columns_that_are_missing(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "d")
    done = om("datasets", "get", "d[nope]")
    assert done.code == 1
    assert "carrier" in done.err


def test_list_shows_hidden_names_when_asked(om: Run, omega: Omega) -> None:
    for name in ("a", "_b", "c/.d"):
        omega.datasets.put(1, name)
    assert [row["name"] for row in om("datasets", "list", "--json").json] == ["a"]
    assert [row["name"] for row in om("datasets", "list", "--hidden", "--json").json] == ["_b", "a", "c/.d"]


def test_gates_of_hidden_objects_are_listed(om: Run, omega: Omega) -> None:
    omega.models.put(1, "_baseline", attributes={"gates": "signed"})
    assert [row["object"] for row in om("gates", "--json").json["declared"]] == ["_baseline"]


def test_a_name_of_the_runtime_is_refused(om: Run, flights: Path) -> None:
    done = om("datasets", "put", flights, ".omega/x")
    assert done.code == 1
    assert "reserved for the runtime" in done.err


def test_drop_of_what_is_missing_is_an_error_unless_forced(om: Run) -> None:
    assert om("datasets", "drop", "d").code == 1
    assert om("datasets", "drop", "d", "--force", "--json").json["dropped"] is False


def test_metadata_shows_and_sets_attributes(om: Run, omega: Omega) -> None:
    omega.models.put(1, "m", attributes={"a": 1})
    shown = om("models", "metadata", "m", "-a", 'require={"label": "gpu"}', "--json").json
    assert shown["attributes"] == {"a": 1, "require": {"label": "gpu"}}
    meta = omega.models.metadata("m")
    assert meta is not None
    assert meta.attributes["require"] == {"label": "gpu"}
    assert "kind_meta" not in om("models", "metadata", "m").out


def test_metadata_of_what_is_missing_is_an_error(om: Run) -> None:
    done = om("models", "metadata", "m")
    assert done.code == 1
    assert "in models of bucket 'omega'" in done.err


def test_versions_are_listed_oldest_first(om: Run, omega: Omega) -> None:
    omega.models.put(1, "m", tag="v1")
    omega.models.put(2, "m")
    omega.models.promote("m@v1", omega["prod"].models)
    assert [row["tags"] for row in om("models", "versions", "m", "--json").json] == [["v1"], []]
    assert "default:omega/m@1" in om("--bucket", "prod", "models", "versions", "m").out


def test_a_tag_names_a_version(om: Run, omega: Omega) -> None:
    for value in (1, 2):
        omega.models.put(value, "m")
    assert om("models", "tag", "m@1", "best", "--json").json["tags"] == ["best"]
    assert omega.models.get("m@best") == 1


def test_help_explains_a_kind(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "d")
    assert "python.data" in om("datasets", "help", "d").out
    assert "pandas.parquet" in om("datasets", "help", "--json").json["help"]


def test_compact_merges_segments(om: Run, omega: Omega, flights: Path) -> None:
    for _ in range(3):
        om("datasets", "put", flights, "flights", "--append")
    assert om("datasets", "compact", "flights", "--json").json["version"] == 4
    assert len(omega.datasets.get("flights")) == 9


def test_what_has_no_segments_can_not_be_compacted(om: Run, omega: Omega) -> None:
    omega.datasets.put(1, "d")
    done = om("datasets", "compact", "d")
    assert done.code == 1
    assert "no segments" in done.err


def test_a_summary_tells_rows_and_columns(om: Run, flights: Path) -> None:
    om("datasets", "put", flights, "flights")
    summary = om("datasets", "summary", "flights", "--json").json
    assert summary["rows"] == 3


def test_get_into_a_folder_stays_in_it_whatever_the_file_was_called(om: Run, omega: Omega) -> None:
    part = omega.datasets.payloads.write(lambda file: file.write(b"evil"))
    meta = omega.datasets.make_metadata("a", "python.file")
    meta.set_payload(Payload([part], {"type": "binary", "filename": "../mine.txt"})).save()
    Path("mine.txt").write_text("mine")
    Path("folder").mkdir()
    failed = om("datasets", "get", "a", "folder", "--force")
    assert failed.code == 1
    assert "'a' was not written: '../mine.txt'" in failed.err
    assert Path("mine.txt").read_text() == "mine"
    assert list(Path("folder").iterdir()) == []
    assert om("datasets", "get", "a", "folder/named").code == 0
    assert Path("folder/named").read_text() == "evil"
