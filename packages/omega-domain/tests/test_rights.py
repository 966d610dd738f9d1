"""Rights: their grammar, and which one covers which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.entities.rights import KINDS, VERBS, Right
from omega_domain.errors import InvalidRightError

RIGHTS = st.builds(
    lambda kind, verb, bucket, pattern: Right(kind, verb, bucket, pattern if bucket else None),
    st.sampled_from(KINDS),
    st.sampled_from((*VERBS, "approve.release", "approve.*")),
    st.none() | st.sampled_from(("prod", "dev")),
    st.none() | st.text("ab*?/:", min_size=1),
)


@given(RIGHTS)
def test_a_right_is_read_from_its_text(right: Right) -> None:
    assert Right.parse(str(right)) == right


@pytest.mark.parametrize("text", ["models", "models:", ":read", "models:read@", "models:read@prod/", "models:read@a@b"])
def test_text_of_another_form_is_no_right(text: str) -> None:
    with pytest.raises(InvalidRightError, match="is no right: write <kind>:<verb>"):
        Right.parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model:read", "there are no rights on 'model'; there are: datasets"),
        ("models:drop", "a right to 'drop' is unknown; there are: read"),
        ("models:approve.", "a right to 'approve.' is unknown"),
    ],
)
def test_an_unknown_word_is_named_with_those_that_exist(text: str, words: str) -> None:
    with pytest.raises(InvalidRightError, match=words):
        Right.parse(text)


def test_a_pattern_of_names_needs_a_bucket() -> None:
    with pytest.raises(InvalidRightError, match="says no bucket"):
        Right("models", "read", pattern="sales")


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        ("models:read", "models:read@prod/m"),
        ("*:read", "models:read@prod/m"),
        ("models:read@prod", "models:read@prod/m"),
        ("models:read@prod/sales-*", "models:read@prod/sales-x"),
        ("models:read@prod/*", "models:read@prod/a/b*c"),
        ("models:read@prod/m?", "models:read@prod/m?"),
        ("models:approve.*@prod", "models:approve.release@prod/m"),
    ],
)
def test_a_wider_right_covers_a_narrower_one_and_not_the_other_way_round(held: str, asked: str) -> None:
    assert Right.parse(held).covers(Right.parse(asked))
    assert held == asked or not Right.parse(asked).covers(Right.parse(held))


@pytest.mark.parametrize(
    ("held", "asked"),
    [
        ("models:read", "datasets:read"),
        ("models:read", "models:write"),
        ("models:read@prod", "models:read@dev"),
        ("models:read@prod/sales-*", "models:read@prod"),
        ("models:read@prod/sales-*", "models:read@prod/sale"),
        ("models:read@prod/m?", "models:read@prod/m*"),
        ("models:approve.release", "models:approve.*"),
        ("models:promote", "models:approve.release"),
    ],
)
def test_a_right_covers_nothing_else(held: str, asked: str) -> None:
    assert not Right.parse(held).covers(Right.parse(asked))


@given(RIGHTS, RIGHTS, RIGHTS)
def test_covering_is_an_order(first: Right, second: Right, third: Right) -> None:
    assert first.covers(first)
    if first.covers(second) and second.covers(third):
        assert first.covers(third)
