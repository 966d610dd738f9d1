"""Parsing: values, attributes, conditions and durations as they are written on a command line."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from omega_cli.parsing import conditions, duration, pairs, value_of


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


def test_conditions_have_a_name_and_a_value() -> None:
    assert conditions(["x__gt=5", "y=a=b"]) == ("x__gt=5", "y=a=b")
    with pytest.raises(typer.BadParameter, match="write --where name=value"):
        conditions(["x"])


def test_durations() -> None:
    assert duration("1h", option="--grace") == timedelta(hours=1)
    assert duration(None, option="--grace") is None
    with pytest.raises(typer.BadParameter):
        duration("soon", option="--grace")
