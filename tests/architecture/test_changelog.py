"""Fragments of the changelog have names that towncrier reads: it takes what it does not know for the same change."""

from __future__ import annotations

import re
from pathlib import Path

FRAGMENTS = Path(__file__).parents[2] / "changelog.d"
NAME = re.compile(r"\+[a-z0-9-]+\.(added|changed|fixed|removed)\.md")


def test_fragments_are_named_by_a_slug_and_what_they_are() -> None:
    wrong = [path.name for path in FRAGMENTS.iterdir() if path.name != "README.md" and not NAME.fullmatch(path.name)]
    assert not wrong, f"name them +<slug>.<added|changed|fixed|removed>.md: {', '.join(wrong)}"


def test_a_fragment_is_no_heading_and_not_empty() -> None:
    for path in FRAGMENTS.glob("+*.md"):
        text = path.read_text(encoding="utf-8")
        assert text.strip(), path.name
        assert not text.startswith("#"), path.name
