"""Pages have one sentence a line, and name what there is: files that exist, every setting, every export."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import omega_ml
from omega_ml.settings_files import TABLE_KEYS

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "packages").glob("*/README.md")),
]

#: A decision is never edited, so it names files as they were.
CURRENT = [page for page in PAGES if page.parent.name != "decisions"]

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_NO_PROSE = re.compile(r"\s*(\||#|<!--)")
_NUMBER = re.compile(r"\s*\d+\. ")
_CODE = re.compile(r"`+[^`]*`+")
_SECOND_SENTENCE = re.compile(r"[.!?][)\"'*]* [A-Z*\[`]")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|cf|vs)\. ")
#: A file of the checkout, or of the source of a distribution; several of them as ``{a,b}``.
_FILE = re.compile(r"`((?:packages|tests|docs|deploy|benchmarks|changelog\.d|omega_\w+)/[\w/.{},-]+)`")
_SEVERAL = re.compile(r"(.*)\{(.*)\}(.*)")


def test_no_line_of_prose_holds_two_sentences() -> None:
    found = [f"{page.relative_to(ROOT)}:{line}" for page in PAGES for line in lines_with_two_sentences(page)]
    assert not found, "begin a new line after each sentence: " + ", ".join(found)


@pytest.mark.parametrize("page", CURRENT, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    named = [name for match in _FILE.findall(page.read_text(encoding="utf-8")) for name in each_of(match)]
    assert [name for name in named if not exists(name)] == []


def test_every_setting_is_in_the_table_of_settings() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [name for name in TABLE_KEYS if f"\n| `{name}` | " not in page] == []


def test_every_export_is_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    exports = set(dir(omega_ml)) - set(dir(omega_ml.Omega)) - set(omega_ml.Omega.__annotations__)
    assert [name for name in sorted(exports) if not re.search(rf"[.`]{name}`", page)] == []


def test_several_files_may_be_named_at_once() -> None:
    assert list(each_of("omega_ml/{keys,secrets}.py")) == ["omega_ml/keys.py", "omega_ml/secrets.py"]
    assert exists("omega_ml/keys.py")
    assert not exists("omega_ml/log.py")


def test_two_sentences_are_seen(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("One. Two.\n\n* `om` works. `om` ends.\n\n1. **One.** Two.\n")
    assert list(lines_with_two_sentences(page)) == [1, 3, 5]


def test_code_tables_and_abbreviations_are_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("1. One.\n\n```text\nOne. Two.\n```\n\n| One. Two. |\n\nSee `a. B`, e.g. Two.\n\n# 1. One\n")
    assert list(lines_with_two_sentences(page)) == []


def lines_with_two_sentences(page: Path) -> Iterator[int]:
    """Yield the numbers of lines where a sentence ends and another begins."""
    fence = ""
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if mark := _FENCE.match(line):
            fence = "" if fence and line.strip() == fence else fence or mark[1]
        elif not fence and not _NO_PROSE.match(line):
            prose = _ABBREVIATION.sub("", _CODE.sub("`", _NUMBER.sub("", line)))
            if _SECOND_SENTENCE.search(prose):
                yield number


def each_of(name: str) -> Iterator[str]:
    """Yield the files that are named, of which ``{a,b}`` stands for two."""
    several = _SEVERAL.fullmatch(name)
    if several is None:
        yield name
    else:
        yield from (several[1] + one + several[3] for one in several[2].split(","))


def exists(name: str) -> bool:
    """Tell whether a file or folder exists in the checkout, or in the source of a distribution."""
    places = [ROOT, *(ROOT / "packages").glob("*/src")]
    return any((place / name).exists() for place in places)
