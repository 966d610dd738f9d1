"""Terminals: nothing from the store, a file or an error steers them; what is piped stays as it is."""

from __future__ import annotations

import io
import json
import re
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from omega_cli import completion, main, output, session
from omega_domain.omega import Omega

EVIL = "red \x1b[31m \x1b]0;title\a \x9b31m \u202eback \u2066iso\u2069 \u200bzero \xadsoft \r \u2028end"
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def terminal(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Call:
    """The command on a terminal; what rich itself adds to show styles and spinners is left out."""
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("COLUMNS", "400")

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdout.isatty", lambda: True)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True)
        code = main.run([str(word) for word in words])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def steering(text: str) -> list[str]:
    """Return what a terminal would act on."""
    kinds = {"Cc", "Cf", "Zl", "Zp", "Cs"}
    return [sign for sign in text if unicodedata.category(sign) in kinds and sign not in "\t\n"]


@pytest.fixture
def evil(omega: Omega, tmp_path: Path) -> Omega:
    """A store full of what steers terminals."""
    path = tmp_path / "file.bin"
    path.write_bytes(EVIL.encode() + b" \x9b2J \xff")
    omega.datasets.put(EVIL, "text", attributes={"note": EVIL})
    omega.datasets.put({EVIL: [EVIL]}, "data")
    omega.datasets.put(pd.DataFrame({"col": [EVIL], f"x{EVIL[3:9]}": [1]}), "frame")
    omega.datasets.put(pd.Series([EVIL], name="s"), "series")
    omega.datasets.put(np.array([EVIL]), "array")
    omega.datasets.put(path, "file")
    omega.logger.error(EVIL)
    return omega


@pytest.mark.parametrize("form", [(), ("--json",)])
@pytest.mark.parametrize(
    "words",
    [
        *(("datasets", "get", name) for name in ("text", "data", "frame", "series", "array")),
        ("datasets", "metadata", "text"),
        ("datasets", "list"),
        ("datasets", "versions", "text"),
        ("datasets", "get", EVIL),
        ("datasets", "drop", EVIL),
        ("datasets", "get", "text", f"--limit={EVIL}"),
        (EVIL,),
        ("--context", EVIL, "datasets", "list"),
        ("--debug", "--context", EVIL, "datasets", "list"),
        ("--home", EVIL, "config", "show"),
        ("runtime", "log"),
        ("runtime", "status"),
        ("doctor",),
    ],
)
def test_nothing_steers_a_terminal(evil: Omega, terminal: Call, words: tuple[str, ...], form: tuple[str, ...]) -> None:
    code, out, err = terminal(*form, *words)
    assert out or err
    assert steering(out + err) == []
    if form and code == 0 and words[0] != "doctor":
        json.loads(out)


def test_a_file_is_shown_as_text(evil: Omega, terminal: Call) -> None:
    code, out, err = terminal("datasets", "get", "file")
    assert (code, steering(out + err)) == (0, [])
    assert out.startswith("red \\x1b[31m \\x1b]0;title\\x07 \\x9b31m \\u202eback")
    assert out.endswith(" \\x9b2J \\xff")


def test_json_on_a_terminal_means_the_same(evil: Omega, terminal: Call) -> None:
    assert json.loads(terminal("--json", "datasets", "get", "text")[1])["value"] == EVIL


def test_piped_text_stays_as_it_is(evil: Omega, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    for words, expected in (
        (("datasets", "get", "text"), f"{EVIL}\n".encode()),
        (("datasets", "get", "file"), EVIL.encode() + b" \x9b2J \xff"),
    ):
        assert main.run(words) == 0
        sys.stdout.flush()
        assert capfdbinary.readouterr().out == expected
    assert main.run(("--json", "datasets", "get", "text")) == 0
    sys.stdout.flush()
    assert "\u202e".encode() in capfdbinary.readouterr().out


def test_warnings_tracebacks_and_notes_steer_nothing(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    main._show_warning(UserWarning(EVIL))
    output.note(EVIL)
    error = ValueError(EVIL)
    error.__cause__ = KeyError(EVIL)
    main._failed(error, with_traceback=True)
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    session.ask(EVIL)
    err = capsys.readouterr().err
    assert "direct cause" in err
    assert steering(err) == []


@pytest.mark.parametrize("name", ["a \x1b]0;title\a \u202eb.csv", "[red]x[/nothing].csv"])
def test_what_is_shown_of_progress_steers_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / name.replace("/", "_")
    path.write_text("x\n1\n")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with session.working(f"writing {name}"):
        pass
    with session.reading(path) as file:
        assert not isinstance(file, Path)
        assert file.read() == b"x\n1\n"
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", capsys.readouterr().err)  # what rich draws with
    assert ("[red]x" if "red" in name else "title\\x07 \\u202eb.csv") in shown
    assert shown.count("reading") >= 1
    assert steering(shown) == []


def test_completion_offers_no_name_that_steers(monkeypatch: pytest.MonkeyPatch) -> None:
    def names() -> Iterator[str]:
        yield from ("good", f"good{EVIL}", "other")

    assert completion._matching("go", names) == ["good"]


def test_a_skipped_file_of_a_project_steers_nothing(
    home: Path, terminal: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(EVIL.replace("/", "_"))
    folder.mkdir()
    (folder / "omega.toml").write_text("bucket = 'b'")
    (folder / "omega.toml").chmod(0o666)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(warnings, "showwarning", main._show_warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = main._show_warning
        code, out, err = terminal("config", "show")
    assert code == 0
    assert "is not used: others can write it" in err
    assert steering(out + err) == []
