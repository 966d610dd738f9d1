"""JSON Schema of requests and results, and the line that the help says of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from omega_domain.commands.plain import ASIDE, OMITTED, Omitted
from omega_domain.commands.schema import DIALECT, schema_of_request, schema_of_result, summary_of


@dataclass(frozen=True)
class Leaf:
    """A leaf of a tree.

    Attributes:
        width, height: in metres,
            as measured.

    More about leaves.
    """

    width: float
    height: float | None


@dataclass(frozen=True, kw_only=True)
class Tree:
    kind: Literal["oak", "fir"]
    from_: Path = Path()
    planted: datetime | None = None
    leaves: tuple[Leaf, ...] = ()
    branches: tuple[Tree, ...] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)
    grows: timedelta | None = None
    price: int | Omitted = OMITTED
    wood: bytes = field(default=b"", metadata=ASIDE)


@dataclass(frozen=True)
class Bush:
    leaf: Leaf | Omitted = OMITTED


LEAF = {
    "title": "Leaf",
    "description": "A leaf of a tree.",
    "type": "object",
    "properties": {
        "width": {"type": "number", "description": "in metres, as measured."},
        "height": {"type": ["number", "null"], "description": "in metres, as measured."},
    },
    "required": ["width", "height"],
}


def test_a_result_has_all_its_fields_but_those_that_are_omitted() -> None:
    schema = schema_of_result(Tree)
    assert schema["$schema"] == DIALECT
    assert schema["required"] == ["kind", "from", "planted", "leaves", "branches", "notes", "grows"]
    assert schema["properties"]["price"] == {"type": "integer"}
    assert "wood" not in schema["properties"]
    assert "additionalProperties" not in schema


def test_a_request_needs_the_fields_without_a_default_and_has_no_others() -> None:
    schema = schema_of_request(Tree)
    assert schema["required"] == ["kind"]
    assert schema["additionalProperties"] is False


def test_each_type_has_its_schema() -> None:
    properties = schema_of_result(Tree)["properties"]
    assert properties["kind"] == {"enum": ["oak", "fir"]}
    assert properties["from"] == {"type": "string"}
    assert properties["planted"] == {"anyOf": [{"type": "string", "format": "date-time"}, {"type": "null"}]}
    assert properties["leaves"] == {"type": "array", "items": {"$ref": "#/$defs/Leaf"}}
    assert properties["notes"] == {"type": "object", "additionalProperties": {}}
    assert properties["grows"]["anyOf"][0] == {"type": "number", "description": "Seconds."}


def test_types_within_are_described_once_also_if_they_hold_themselves() -> None:
    schema = schema_of_result(tuple[Tree, ...])
    assert schema["items"] == {"$ref": "#/$defs/Tree"}
    assert set(schema["$defs"]) == {"Tree", "Leaf"}
    assert schema["$defs"]["Leaf"] == LEAF
    assert schema["$defs"]["Tree"]["properties"]["branches"]["items"] == {"$ref": "#/$defs/Tree"}


def test_a_result_of_two_types_is_one_of_them() -> None:
    assert schema_of_result(Leaf | tuple[Leaf, ...])["anyOf"] == [
        {"$ref": "#/$defs/Leaf"},
        {"type": "array", "items": {"$ref": "#/$defs/Leaf"}},
    ]


def test_a_field_that_may_be_omitted_may_be_a_dataclass() -> None:
    assert schema_of_result(Bush)["properties"]["leaf"] == {"$ref": "#/$defs/Leaf"}


def test_a_type_without_a_form_in_json_is_refused() -> None:
    with pytest.raises(TypeError, match=r"bytes.* has no JSON Schema"):
        schema_of_result(tuple[bytes, ...])


@pytest.mark.parametrize(
    ("type_", "summary"),
    [
        (Leaf, "{width, height}"),
        (tuple[Leaf, ...], "an array of {width, height}"),
        (Tree, "{kind, from, planted, leaves: [{width, height}], branches: [{…}], notes, grows, price?}"),
        (tuple[str, ...], "an array"),
        (Mapping[str, Any], "an object"),
        (Leaf | Bush, "{width, height} or {leaf?}"),
        (Leaf | tuple[Leaf, ...], "an object"),
        (Iterator[Leaf], "an array of {width, height}"),
    ],
)
def test_the_help_says_in_a_line_what_a_result_holds(type_: Any, summary: str) -> None:
    assert summary_of(type_) == summary
