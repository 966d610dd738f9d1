"""JSON with typed leaves."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.documents.codec import TAG, JsonCodec, Leaf
from omega_domain.errors import CodecError

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.datetimes(timezones=st.sampled_from([None, UTC, timezone(timedelta(hours=5, minutes=30))]))
    | st.dates()
    | st.times()
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.complex_numbers(allow_nan=False)
)
hashable = st.text() | st.integers() | st.booleans() | st.dates() | st.tuples(st.integers(), st.text())
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.frozensets(hashable, max_size=3)
        | st.sets(hashable, max_size=3)
    ),
    max_leaves=12,
)


def _types(value: Any) -> Any:
    if isinstance(value, dict):
        return [(type(k), _types(v)) for k, v in value.items()]
    if isinstance(value, list | tuple):
        return [type(value), *map(_types, value)]
    return type(value)


@given(values)
def test_every_value_comes_back_equal_and_of_the_same_type(value: Any) -> None:
    codec = JsonCodec()
    back = codec.loads(codec.dumps(value))
    assert back == value
    assert _types(back) == _types(value)


@given(values)
def test_the_text_is_strict_json(value: Any) -> None:
    json.loads(JsonCodec().dumps(value), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.mark.parametrize("value", [1, -1.5, "x", None, True, [], {}, [1, {"a": [None]}], {"a b": 1}])
def test_plain_json_stays_as_it_is(value: Any) -> None:
    assert JsonCodec().encode(value) == value


@pytest.mark.parametrize(
    "value", [{"$where": 1}, {"a.b": 1}, {"a\0": 1}, {TAG: "bytes", "v": "AA=="}, {1: 2}, {None: 1}]
)
def test_keys_that_a_database_or_the_codec_could_misread_are_written_as_pairs(value: Any) -> None:
    plain = JsonCodec().encode(value)
    assert set(plain) == {TAG, "v"}
    assert plain[TAG] == "dict"
    assert JsonCodec().decode(plain) == value


@pytest.mark.parametrize("value", [math.inf, -math.inf, 2**63, -(2**63) - 1])
def test_numbers_beyond_json_come_back(value: float) -> None:
    assert JsonCodec().loads(JsonCodec().dumps(value)) == value


def test_nan_comes_back_as_nan() -> None:
    assert math.isnan(JsonCodec().loads(JsonCodec().dumps(math.nan)))


def test_what_has_no_leaf_is_refused_with_its_place() -> None:
    with pytest.raises(CodecError, match=r"type object at \['a'\]\[1\]\['b'\]"):
        JsonCodec().dumps({"a": [0, {"b": object()}]})
    with pytest.raises(CodecError, match="of type object has"):
        JsonCodec().dumps(object())


def test_subclasses_are_refused_because_they_would_not_come_back() -> None:
    class Text(str):
        __slots__ = ()

    with pytest.raises(CodecError, match="Text"):
        JsonCodec().dumps(Text("x"))


def test_an_unknown_tag_is_an_error() -> None:
    with pytest.raises(CodecError, match=r"numpy\.ndarray"):
        JsonCodec().decode({TAG: "numpy.ndarray", "v": 1})


def test_leaves_of_a_library_are_loaded_once_and_only_when_met() -> None:
    loads: list[int] = []

    def load() -> list[Leaf]:
        loads.append(1)
        return [Leaf(tag="fractions.Fraction", type=Fraction, encode=str, decode=Fraction)]

    from fractions import Fraction  # noqa: PLC0415 -- stands for a library

    codec = JsonCodec({"fractions": load})
    codec.dumps([1, "x", date(2030, 1, 1), time(1), datetime(2030, 1, 1, tzinfo=UTC), Decimal(1), UUID(int=1)])
    assert loads == []
    text = codec.dumps([Fraction(1, 3), Fraction(2, 3)])
    assert codec.loads(text) == [Fraction(1, 3), Fraction(2, 3)]
    assert JsonCodec({"fractions": load}).loads(text) == [Fraction(1, 3), Fraction(2, 3)]
    assert loads == [1, 1]
