"""Edits of settings files: what was asked for is there, and everything else as it was."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.errors import SettingsError
from omega_ml.settings_edits import _with_end, _with_value, _without_table, add_context, remove_context, set_value

FILE = """\
# settings of ada

grace = "1d"   # a day

# where I try things
[contexts.dev]
home = "dev" # here

# what customers see
[contexts.prod]
home = "prod"
# kept for the audit
[contexts.prod.keep]
models = 3
# until 2030

# the last one
[contexts."a.b"]
home = "z"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "omega.toml"
    path.write_text(FILE)
    return path


def test_a_value_is_set_below_the_others(file: Path) -> None:
    set_value(file, "context", "dev")
    assert file.read_text() == FILE.replace("# a day\n", '# a day\ncontext = "dev"\n')


def test_a_value_is_changed_where_it_stands(file: Path) -> None:
    file.write_text('"context"  =  "dev"  # for now\n' + FILE)
    set_value(file, "context", 'p"rod')
    assert file.read_text() == '"context"  =  "p\\"rod"  # for now\n' + FILE


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", 'context = "dev"\n'),
        ("# title\n", '# title\ncontext = "dev"\n'),
        ("# title\n\n[contexts.dev]\n", '# title\ncontext = "dev"\n\n[contexts.dev]\n'),
        ("# of dev\n[contexts.dev]\n", 'context = "dev"\n\n# of dev\n[contexts.dev]\n'),
        ('bucket = "b"\n[contexts.dev]', 'bucket = "b"\ncontext = "dev"\n\n[contexts.dev]'),
        ('bucket = "b"', 'bucket = "b"\ncontext = "dev"\n'),
        ('keep = [\n  ["x"],\n]\n', 'keep = [\n  ["x"],\n]\ncontext = "dev"\n'),
    ],
)
def test_a_first_value_stands_above_all_tables(file: Path, before: str, after: str) -> None:
    file.write_text(before)
    set_value(file, "context", "dev")
    assert file.read_text() == after


def test_a_table_is_added_at_the_end(file: Path) -> None:
    add_context(file, "new", {"store": "memory://", "protected": True})
    assert file.read_text() == FILE + '\n[contexts.new]\nstore = "memory://"\nprotected = true\n'


def test_a_file_is_made_that_nobody_else_can_read(tmp_path: Path) -> None:
    path = tmp_path / "a" / "omega.toml"
    add_context(path, "a.b c", {"home": 'say "h"'})
    assert path.read_text() == '[contexts."a.b c"]\nhome = "say \\"h\\""\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_table_is_removed_with_what_is_below_it_but_not_the_comment_of_the_next(file: Path) -> None:
    remove_context(file, "prod")
    start, rest = FILE.split("[contexts.prod]")
    assert file.read_text() == start + "\n" + rest[rest.index("# the last") :]


def test_the_last_and_the_only_table_are_removed(file: Path) -> None:
    remove_context(file, "a.b")
    assert file.read_text() == FILE[: FILE.index('\n[contexts."a.b"]')] + "\n"
    file.write_text('[contexts.dev]\nhome = "x"\n')
    remove_context(file, "dev")
    assert tomllib.loads(file.read_text()) == {}


def test_line_ends_stay(file: Path) -> None:
    file.write_bytes(FILE.replace("\n", "\r\n").encode())
    set_value(file, "context", "dev")
    add_context(file, "new", {"home": "x"})
    remove_context(file, "dev")
    assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n") > 10


def test_permissions_and_links_stay(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    add_context(link, "new", {"home": "x"})
    assert link.is_symlink()
    assert "[contexts.new]" in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize(
    "text", ['contexts = { dev = { home = "x" } }\n', 'contexts.dev.home = "x"\n', 'x = """\n[contexts.dev]\n"""\n']
)
def test_what_can_only_be_edited_by_hand_stays_as_it_is(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(SettingsError, match=r"nothing was changed: edit it, so that it has no \[contexts.dev\]"):
        remove_context(file, "dev")
    assert file.read_text() == text


def test_an_edit_that_would_make_no_toml_is_refused(file: Path) -> None:
    file.write_text('contexts = { dev = { home = "x" } }\n')
    with pytest.raises(SettingsError, match=r"so that it has \[contexts.new\] home = \"y\""):
        add_context(file, "new", {"home": "y"})


def test_a_file_that_is_no_text_is_not_touched(file: Path) -> None:
    file.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="can not be read"):
        set_value(file, "context", "dev")
    assert file.read_bytes() == b"\xff"


def test_a_file_that_can_not_be_replaced_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "omega.toml"
    path.write_text(FILE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(SettingsError, match=r"omega.toml can not be written: No space left on device"):
        set_value(path, "context", "dev")
    assert path.read_text() == FILE
    assert list(tmp_path.iterdir()) == [path]


def test_what_somebody_else_changed_meanwhile_is_not_lost(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = iter([FILE, FILE + "# theirs\n"])
    monkeypatch.setattr("omega_ml.settings_edits._read", lambda _: next(texts))
    with pytest.raises(SettingsError, match="at the same time: try again"):
        set_value(file, "context", "dev")
    assert file.read_text() == FILE


NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1, max_size=8).filter(
    lambda name: name not in {"dev", "prod", "a.b"}
)


@given(st.lists(NAMES, unique=True, max_size=5), st.data())
def test_tables_that_come_and_go_leave_the_text_as_it_was(names: list[str], data: st.DataObject) -> None:
    lines = FILE.split("\n")
    for name in names:
        quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        lines = _with_end(lines, [f"[contexts.{quoted}]", 'home = "x"', f"# {name}"])
    lines = _with_value(lines, "context", "x")
    for name in data.draw(st.permutations(names)):
        assert name in tomllib.loads("\n".join(lines))["contexts"]
        lines = _without_table(lines, ("contexts", name))
    assert "\n".join(lines) == FILE.replace("# a day\n", '# a day\ncontext = "x"\n')
