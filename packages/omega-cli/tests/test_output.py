"""Output: what people and programs read."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from omega_cli import output
from omega_cli.session import Session
from omega_domain.errors import UnsupportedOptionError


@dataclass(frozen=True)
class Row:
    from_: str
    took: timedelta
    tags: tuple[str, ...] = ()

    @property
    def object(self) -> str:
        return f"datasets/{self.from_}"


def test_people_see_fields_and_properties_of_a_result(capsys: pytest.CaptureFixture[str]) -> None:
    row = Row("a", timedelta(seconds=2))
    output.show(Session(), row, ["object", "from", "took", "tags"])
    output.show(Session(), (row,), ["took"])
    output.show(Session(), {"a": 1}, ["a"])
    output.show(Session(), row, people=lambda result: output.print_line(result.object))
    assert capsys.readouterr().out.splitlines() == [
        *["object  datasets/a", "from    a", "took    2.0 s", "tags    -"],
        *[" took", "2.0 s", "a  1", "datasets/a"],
    ]


def test_no_rows_are_told_by_a_function_that_is_asked_only_then(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(Session(), (), ["name"], empty=lambda: "nothing")
    output.show(Session(), [{"name": "x"}], ["name"], empty=lambda: pytest.fail("there are rows"))
    assert capsys.readouterr().err == "nothing\n"


def test_text_from_elsewhere_can_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(Session(), {"note": "red \x1b[31m, \x9bm, bell \a", "lines": "one\ntwo"})
    assert capsys.readouterr().out.splitlines() == [
        "note   red \\x1b[31m, \\x9bm, bell \\x07",
        "lines  one",
        "       two",
    ]


def test_a_section_is_a_table_under_a_title(capsys: pytest.CaptureFixture[str]) -> None:
    output.show_section("queues", [{"label": "gpu", "waiting": 1200}], ["label", "waiting"])
    output.show_section("workers", [], ["name"], empty="no worker lives")
    assert capsys.readouterr().out.splitlines() == [
        "queues:",
        "  label  waiting",
        "  gpu      1,200",
        "workers: no worker lives",
    ]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (float("nan"), None),
        (float("inf"), None),
        (datetime(2013, 1, 1, tzinfo=UTC), "2013-01-01T00:00:00+00:00"),
        (pd.NaT, None),
        (pd.Timestamp("2013-01-01"), "2013-01-01T00:00:00"),
        ({1: (1, {2})}, {"1": [1, [2]]}),
        (np.float64(0.5), 0.5),
        (np.array([1, 2]), [1, 2]),
        (pd.DataFrame({"x": [1, None]}), [{"x": 1.0}, {"x": None}]),
        (pd.Series([1, 2]), [1, 2]),
        (Decimal("1.50"), "1.50"),
        (b"x", "b'x'"),
    ],
)
def test_results_become_plain_json(value: object, plain: object) -> None:
    assert output.plain(value) == plain


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("size", 1500, "1.5 kB"),
        ("rows", 336_776, "336,776"),
        ("created", "2013-01-01T10:20:30.5+00:00", "2013-01-01 10:20:30"),
        ("tags", ["a", "b"], "a, b"),
        ("tags", [], "-"),
        ("attributes", {"a": [1]}, '{"a": [1]}'),
        ("author", None, "-"),
        ("dropped", False, "False"),
    ],
)
def test_cells_are_what_people_read(name: str, value: object, text: str) -> None:
    assert output.cell(name, value) == text


def test_a_table_that_is_piped_has_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.show(Session(), [{"name": "[red]x", "author": "y " * 100}], ["name", "author"])
    assert capsys.readouterr().out.splitlines() == ["name    author", f"[red]x  {'y ' * 99}y"]


def test_a_table_fits_a_terminal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    output.show(Session(), [{"name": "x", "author": "y " * 100}], ["name", "author"])
    shown = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert max(map(len, shown.splitlines())) <= 40


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        ("text", "text\n"),
        ({"a": 1}, '{\n  "a": 1\n}\n'),
        (5, "5\n"),
        (pd.Series([1], name="x"), "0    1\n"),
    ],
)
def test_objects_are_printed_as_people_read_them(value: Any, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    output.show_object(Session(), {}, value)
    assert capsys.readouterr().out == printed


def test_a_file_is_printed_byte_by_byte(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Any) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"\xff\0")
    output.show_object(Session(), {}, path.open("rb"))
    assert capfdbinary.readouterr().out == b"\xff\0"


def test_a_file_has_no_form_in_json() -> None:
    with pytest.raises(UnsupportedOptionError, match="'f' is a file"):
        output.show_object(Session(as_json=True), {"name": "f"}, io.StringIO("text"))


def test_a_file_of_text_is_printed(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    output.show_object(Session(), {}, io.StringIO("é"))
    assert capfdbinary.readouterr().out == "é".encode()
