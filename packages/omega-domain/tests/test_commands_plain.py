"""The JSON of a result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from omega_domain.commands.plain import ASIDE, OMITTED, Omitted, to_plain


@dataclass(frozen=True)
class Inner:
    when: datetime
    took: timedelta | None = None


@dataclass(frozen=True)
class Outer:
    from_: str
    inner: tuple[Inner, ...]
    more: Mapping[str, Any]
    size: int | Omitted = OMITTED
    content: Any = field(default=None, metadata=ASIDE)


class Array:
    def tolist(self) -> list[float]:
        return [1.0, float("nan")]


class Frame:
    columns = ("a",)

    def to_dict(self, orient: str) -> list[dict[str, int]]:
        assert orient == "records"
        return [{"a": 1}]


class Entity:
    def to_plain(self) -> dict[str, Any]:
        return {"value": Array()}


def test_a_result_becomes_an_object_of_its_fields() -> None:
    result = Outer("here", (Inner(datetime(2030, 1, 31, tzinfo=UTC), timedelta(seconds=1.5)),), {"a": {1}}, content=b"")
    assert to_plain(result) == {
        "from": "here",
        "inner": [{"when": "2030-01-31T00:00:00+00:00", "took": 1.5}],
        "more": {"a": [1]},
    }


def test_a_field_that_was_asked_for_is_there() -> None:
    assert to_plain(Outer("here", (), {}, size=3)) == {"from": "here", "inner": [], "more": {}, "size": 3}


def test_stored_objects_become_what_json_has_for_them() -> None:
    assert to_plain((1, True, None, "a", 1.5, float("inf"))) == [1, True, None, "a", 1.5, None]
    assert to_plain([Array(), Frame(), Entity()]) == [[1.0, None], [{"a": 1}], {"value": [1.0, None]}]
    assert to_plain({1: timedelta(seconds=1), "type": Inner}) == {"1": "0:00:01", "type": str(Inner)}
