"""Filters as they are written in one line."""

from __future__ import annotations

import pytest

from omega_domain.commands.conditions import filter_of, value_of
from omega_domain.entities.query import Q
from omega_domain.errors import InvalidFilterError


def test_text_is_left_to_typed_columns() -> None:
    found = filter_of(["x__gt=5", "y=a"], typed=True)
    assert found is not None
    assert found.to_plain() == Q(x__gt="5", y="a").to_plain()


def test_untyped_values_are_json_or_text() -> None:
    found = filter_of(["x__in=5,a"], typed=False)
    assert found is not None
    assert found.matches({"x": 5})
    assert found.matches({"x": "a"})


def test_no_condition_is_no_filter() -> None:
    assert filter_of([], typed=True) is None


def test_isnull_takes_true_or_false() -> None:
    found = filter_of(["x__isnull=true"], typed=True)
    assert found is not None
    assert found.matches({"x": None})


@pytest.mark.parametrize("item", ["x", "=1", ""])
def test_what_is_no_condition_is_refused(item: str) -> None:
    with pytest.raises(InvalidFilterError, match=r"is no condition: write column__operator=value"):
        filter_of([item], typed=True)


@pytest.mark.parametrize(("text", "value"), [("1", 1), ('"1"', "1"), ("[1]", [1]), ("UA", "UA")])
def test_a_value_is_json_or_text(text: str, value: object) -> None:
    assert value_of(text) == value
