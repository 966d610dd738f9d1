"""Parsing: values, attributes, filters and durations as they are written on a command line."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from omega_cli.parsing import duration, filter_of, pairs, value_of
from omega_domain.entities.query import Q


@pytest.mark.parametrize(
    ("text", "value"),
    [("1", 1), ("1.5", 1.5), ("true", True), ("null", None), ('"1"', "1"), ("[1]", [1]), ("UA", "UA"), ("", "")],
)
def test_a_value_is_json_or_text(text: str, value: object) -> None:
    assert value_of(text) == value


def test_pairs_make_a_dict() -> None:
    assert pairs(["a=1", "b=x=y"], option="--param") == {"a": 1, "b": "x=y"}


@pytest.mark.parametrize("item", ["a", "=1", ""])
def test_what_is_no_pair_is_refused(item: str) -> None:
    with pytest.raises(typer.BadParameter, match="write --param name=value"):
        pairs([item], option="--param")


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


def test_durations() -> None:
    assert duration("1h", option="--grace") == timedelta(hours=1)
    assert duration(None, option="--grace") is None
    with pytest.raises(typer.BadParameter):
        duration("soon", option="--grace")
