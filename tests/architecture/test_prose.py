"""Pages have one sentence a line, so that a change of one sentence is a change of one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "packages").glob("*/README.md")),
]

_FENCE = re.compile(r"\s*(`{3,}|~{3,})")
_NO_PROSE = re.compile(r"\s*(\||#|<!--)")
_NUMBER = re.compile(r"\s*\d+\. ")
_CODE = re.compile(r"`+[^`]*`+")
_SECOND_SENTENCE = re.compile(r"[.!?][)\"'*]* [A-Z*\[`]")
_ABBREVIATION = re.compile(r"\b(e\.g|i\.e|cf|vs)\. ")


def test_no_line_of_prose_holds_two_sentences() -> None:
    found = [f"{page.relative_to(ROOT)}:{line}" for page in PAGES for line in lines_with_two_sentences(page)]
    assert not found, "begin a new line after each sentence: " + ", ".join(found)


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
