"""Sizes, times and durations as people read them."""

from __future__ import annotations

import json
import sys
import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from omega_domain.commands import words


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (10**18, "1000.0 PB")]
)
def test_sizes_have_the_unit_that_fits(count: int, text: str) -> None:
    assert words.size(count) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 ms"),
        (-3, "0 ms"),
        (0.0304, "30 ms"),
        (0.9996, "1.0 s"),
        (9.94, "9.9 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (7205, "2 h"),
        (7500, "2 h 5 min"),
        (90_000, "1 d 1 h"),
        (864_000, "10 d"),
    ],
)
def test_durations_have_the_units_that_fit(seconds: float, text: str) -> None:
    assert words.duration(timedelta(seconds=seconds)) == text


def test_what_has_not_begun_has_no_duration() -> None:
    assert words.duration(None) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0.4, "0 s"), (3, "3 s"), (119, "1 min"), (7199, "1 h"), (86_400, "1 d"), (4_000_000, "46 d")],
)
def test_an_age_has_the_unit_that_fits(seconds: float, text: str) -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    assert words.age(now - timedelta(seconds=seconds), now) == text


def test_a_time_is_told_to_the_second() -> None:
    for when in (datetime(2030, 1, 31, 18, 0, 1, 5, tzinfo=UTC), "2030-01-31T18:00:01.5+00:00"):
        assert words.moment(when) == "2030-01-31 18:00:01"


def test_text_is_printable() -> None:
    assert words.printable("red \x1b[31m\tone\ntwo") == "red \\x1b[31m\tone\ntwo"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (None, None),
        ((3, None, ""), "3"),
        ((1234.5, 5000, ""), "1,234.50 of 5,000 (25 %)"),
        ((0, 0, ""), "0"),
        ((5, None, "rows"), "5: rows"),
        ((30, 100, "loading"), "30 of 100 (30 %): loading"),
    ],
)
def test_progress_is_a_number_a_share_and_a_note(said: tuple[float, float | None, str] | None, text: str) -> None:
    assert words.progress(said and dict(zip(("done", "total", "note"), said, strict=True))) == text


def test_what_there_is_none_of_is_not_counted() -> None:
    assert words.counted({"SUCCESS": 1200, "FAILURE": 0, "STARTED": 1}) == "1,200 SUCCESS, 1 STARTED"
    assert words.counted({}) == words.counted({"SUCCESS": 0}) == "none"


SAFE = "text é 漢 👍 \u00a0 \t \n"
STEERING = [
    chr(code)
    for code in range(sys.maxunicode + 1)
    if unicodedata.category(chr(code)) in {"Cc", "Cf", "Zl", "Zp", "Cs"} and chr(code) not in "\t\n"
]


def test_no_control_and_no_format_of_unicode_reaches_a_terminal() -> None:
    shown = words.printable("".join(STEERING))
    assert not set(shown) & set(STEERING)
    assert words.printable(SAFE) == SAFE
    assert words.printable("a\x9bb\u202ec\U000e0041") == "a\\x9bb\\u202ec\\U000e0041"


def test_lines_of_other_systems_end_as_lines() -> None:
    assert words.printable("one\r\ntwo\rthree") == "one\ntwo\\x0dthree"


def test_json_means_the_same_when_it_does_not_steer() -> None:
    value = {"a": [SAFE, *STEERING]}
    text = words.printable_json(json.dumps(value, ensure_ascii=False, indent=1))
    assert not set(text) & set(STEERING)
    assert json.loads(text) == value
    assert "é 漢 👍" in text


def test_a_file_is_text_that_does_not_steer() -> None:
    pieces: list[bytes | str] = [b"red \x1b[31m ", "é".encode()[:1], "é".encode()[1:], b" \x9b", "\u202e", b"\xe2\x80"]
    assert "".join(words.printable_pieces(pieces)) == "red \\x1b[31m é \\x9b\\u202e\\xe2\\x80"
