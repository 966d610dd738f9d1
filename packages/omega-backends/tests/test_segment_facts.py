"""What is kept beside a segment."""

from __future__ import annotations

import json

from omega_backends.frames.index import Field
from omega_backends.frames.parquet import ColumnStatistics, Footer
from omega_backends.frames.segment_facts import SegmentFacts, joined

FIELDS = (Field("x", "int64"), Field("o", "object"), Field("c", {"category": {"of": "int64", "ordered": False}}))


def test_facts_survive_json() -> None:
    facts = SegmentFacts(
        rows=5,
        footer=Footer(100, 7),
        bounds={"x": ColumnStatistics(0, 1, 2)},
        encodings={"o": {"as": "str", "null": "nan"}},
        categories={"c": [1, 2]},
        freqs={"c": "D"},
    )
    plain = json.loads(json.dumps(facts.to_plain(FIELDS)))
    assert plain["bounds"] == [[0, 1, 2], None, None]
    assert SegmentFacts.from_plain(plain, FIELDS) == facts


def test_what_is_not_known_takes_no_space() -> None:
    facts = SegmentFacts(rows=5, footer=Footer(100, 7), categories={"c": []})
    assert facts.to_plain(FIELDS) == {"rows": 5, "footer": [100, 7]}


def test_only_new_categories_are_added() -> None:
    first, second = SegmentFacts(rows=1, categories={"c": [1, 2]}), SegmentFacts(rows=1, categories={"c": [2, 3]})
    assert second.without_known(first).categories == {"c": [3]}


def test_a_frequency_ends_where_categories_are_added() -> None:
    first = SegmentFacts(rows=1, categories={"c": [1]}, freqs={"c": "D"})
    second = SegmentFacts(rows=1, categories={"c": [2]}, freqs={"c": "D"})
    assert joined([first]).freqs == {"c": "D"}
    assert joined([first, second.without_known(first)]).freqs == {}
    assert joined([first, first]).freqs == {"c": "D"}


def test_segments_together_have_all_rows_and_categories_and_a_common_encoding() -> None:
    first = SegmentFacts(rows=2, categories={"c": [1]}, encodings={"o": {"as": "str"}})
    second = SegmentFacts(rows=3, categories={"c": [2]}, encodings={"o": {"as": "int"}})
    whole = joined([first, second])
    assert (whole.rows, whole.categories, whole.encodings) == (5, {"c": [1, 2]}, {"o": {"as": "json"}})
