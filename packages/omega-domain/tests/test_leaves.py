"""The table of leaves, and the dialects of JSON that are made of it: their bytes are stored and signed."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omega_domain.documents import typed_json
from omega_domain.documents.codec import TAG, JsonCodec
from omega_domain.entities import filter_json
from omega_domain.entities.leaves import LEAVES, is_plain, leaves_of, read_as_is, written_as_is
from omega_domain.errors import CodecError, InvalidFilterError

EAST = timezone(timedelta(hours=5, minutes=30))
ZURICH = ZoneInfo("Europe/Zurich")
NAN, INF = math.nan, math.inf
REFUSED = None
#: value, its text as a value of a filter, in a document, and in the codec of tasks; None if it is refused
GOLDEN: list[tuple[Any, str | None, str | None, str | None]] = [
    (None, "null", "null", "null"),
    (True, "true", "true", "true"),
    (-7, "-7", "-7", "-7"),
    (2**63, "9223372036854775808", "9223372036854775808", '{"__omega__":"int","v":"9223372036854775808"}'),
    (-(2**63), "-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
    (1.5, "1.5", "1.5", "1.5"),
    (-0.0, "-0.0", "-0.0", "-0.0"),
    (1e300, "1e+300", "1e+300", "1e+300"),
    (NAN, '{"float":"nan"}', '{"$f":"nan"}', '{"__omega__":"float","v":"nan"}'),
    (INF, '{"float":"inf"}', '{"$f":"inf"}', '{"__omega__":"float","v":"inf"}'),
    (-INF, '{"float":"-inf"}', '{"$f":"-inf"}', '{"__omega__":"float","v":"-inf"}'),
    ("ä\u2028", '"\\u00e4\\u2028"', '"ä\u2028"', '"ä\u2028"'),
    (b"", '{"bytes":""}', '{"$b":""}', '{"__omega__":"bytes","v":""}'),
    (b"\x00\xff\xfe", '{"bytes":"00fffe"}', '{"$b":"AP/+"}', '{"__omega__":"bytes","v":"AP/+"}'),
    (
        datetime(2030, 1, 2, 3, 4, 5, 678901),  # noqa: DTZ001 -- naive on purpose
        '{"datetime":"2030-01-02T03:04:05.678901"}',
        '{"$d":"2030-01-02T03:04:05.678"}',
        '{"__omega__":"datetime","v":"2030-01-02T03:04:05.678901"}',
    ),
    (
        datetime(2030, 1, 2, tzinfo=UTC),
        '{"datetime":"2030-01-02T00:00:00+00:00"}',
        '{"$d":"2030-01-02T00:00:00.000+00:00"}',
        '{"__omega__":"datetime","v":"2030-01-02T00:00:00+00:00"}',
    ),
    (
        datetime(2030, 1, 2, 3, 4, 5, 6000, tzinfo=EAST),
        '{"datetime":"2030-01-02T03:04:05.006000+05:30"}',
        '{"$d":"2030-01-02T03:04:05.006+05:30"}',
        '{"__omega__":"datetime","v":"2030-01-02T03:04:05.006000+05:30"}',
    ),
    (
        datetime(2030, 10, 27, 2, 30, tzinfo=ZURICH, fold=1),
        '{"datetime":"2030-10-27T02:30:00+01:00"}',
        '{"$d":"2030-10-27T02:30:00.000+01:00"}',
        '{"__omega__":"datetime","v":"2030-10-27T02:30:00+01:00"}',
    ),
    (date(2030, 1, 2), '{"date":"2030-01-02"}', REFUSED, '{"__omega__":"date","v":"2030-01-02"}'),
    (time(1, 2), '{"time":"01:02:00"}', REFUSED, '{"__omega__":"time","v":"01:02:00"}'),
    (
        time(1, 2, 3, 4, tzinfo=EAST, fold=1),
        '{"time":"01:02:03.000004+05:30"}',
        REFUSED,
        '{"__omega__":"time","v":"01:02:03.000004+05:30"}',
    ),
    (timedelta(-1, 2, 3), '{"timedelta":[-1,2,3]}', REFUSED, '{"__omega__":"timedelta","v":[-1,2,3]}'),
    (Decimal("1.00"), '{"decimal":"1.00"}', REFUSED, '{"__omega__":"decimal","v":"1.00"}'),
    (Decimal("-Infinity"), '{"decimal":"-Infinity"}', REFUSED, '{"__omega__":"decimal","v":"-Infinity"}'),
    (Decimal("NaN"), '{"decimal":"NaN"}', REFUSED, '{"__omega__":"decimal","v":"NaN"}'),
    (UUID(int=5), REFUSED, REFUSED, '{"__omega__":"uuid","v":"00000000-0000-0000-0000-000000000005"}'),
    (complex(-0.0, 1.5), REFUSED, REFUSED, '{"__omega__":"complex","v":[-0.0,1.5]}'),
    (
        complex(NAN, INF),
        REFUSED,
        REFUSED,
        '{"__omega__":"complex","v":[{"__omega__":"float","v":"nan"},{"__omega__":"float","v":"inf"}]}',
    ),
    ((), '{"tuple":[]}', "[]", '{"__omega__":"tuple","v":[]}'),
    (
        (1, (b"a", None), NAN),
        '{"tuple":[1,{"tuple":[{"bytes":"61"},null]},{"float":"nan"}]}',
        REFUSED,
        '{"__omega__":"tuple","v":[1,{"__omega__":"tuple","v":[{"__omega__":"bytes","v":"YQ=="},null]},{"__omega__":"float","v":"nan"}]}',
    ),
    ({1}, REFUSED, REFUSED, '{"__omega__":"set","v":[1]}'),
    (frozenset({"a"}), REFUSED, REFUSED, '{"__omega__":"frozenset","v":["a"]}'),
    ([], REFUSED, "[]", "[]"),
    (
        [1, [2.5, NAN], ["a", [date(2030, 1, 2)]]],
        REFUSED,
        REFUSED,
        '[1,[2.5,{"__omega__":"float","v":"nan"}],["a",[{"__omega__":"date","v":"2030-01-02"}]]]',
    ),
    ({}, REFUSED, "{}", "{}"),
    (
        {"a": 1, "b": {"c": [NAN]}},
        REFUSED,
        '{"a":1,"b":{"c":[{"$f":"nan"}]}}',
        '{"a":1,"b":{"c":[{"__omega__":"float","v":"nan"}]}}',
    ),
    ({"$a": 1}, REFUSED, '{"$$a":1}', '{"__omega__":"dict","v":[["$a",1]]}'),
    ({"a.b": 1}, REFUSED, '{"a.b":1}', '{"__omega__":"dict","v":[["a.b",1]]}'),
    (
        {"__omega__": "bytes", "v": "AA=="},
        REFUSED,
        '{"__omega__":"bytes","v":"AA=="}',
        '{"__omega__":"dict","v":[["__omega__","bytes"],["v","AA=="]]}',
    ),
]


def filter_text(value: Any) -> str:
    return json.dumps(filter_json.to_plain(value), separators=(",", ":"), allow_nan=False)


def from_filter_text(text: str) -> Any:
    return filter_json.from_plain(json.loads(text))


codec = JsonCodec()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    dumps: Any
    loads: Any
    place: int
    refusal: type[Exception]


DIALECTS = {
    "filter": Dialect(dumps=filter_text, loads=from_filter_text, place=0, refusal=InvalidFilterError),
    "document": Dialect(dumps=typed_json.dumps, loads=typed_json.loads, place=1, refusal=ValueError),
    "codec": Dialect(dumps=codec.dumps, loads=codec.loads, place=2, refusal=CodecError),
}
CASES = [
    pytest.param(dialect, value, texts[dialect.place], id=f"{name}-{value!r}")
    for name, dialect in DIALECTS.items()
    for value, *texts in GOLDEN
]


@pytest.mark.parametrize(("dialect", "value", "text"), CASES)
def test_each_dialect_writes_the_bytes_it_always_wrote(dialect: Dialect, value: Any, text: str | None) -> None:
    if text is None:
        with pytest.raises(dialect.refusal):
            dialect.dumps(value)
    else:
        assert dialect.dumps(value) == text


@pytest.mark.parametrize(("dialect", "value", "text"), [case for case in CASES if case.values[2] is not None])
def test_each_dialect_reads_what_it_wrote(dialect: Dialect, value: Any, text: str) -> None:
    back = dialect.loads(text)
    if dialect.place == 1 and isinstance(value, datetime):
        value = value.replace(microsecond=value.microsecond // 1000 * 1000)
    expected = value.replace(fold=0) if isinstance(value, datetime | time) else value
    if isinstance(value, datetime) and value.tzinfo is not None:
        expected = value.astimezone(timezone(value.utcoffset() or timedelta(0)))
    if dialect.place == 1 and value == ():
        expected = []
    assert repr(_without_utc(back)) == repr(_without_utc(expected))


def _without_utc(value: Any) -> Any:
    """UTC has two names in Python."""
    return value.replace(tzinfo=timezone(timedelta(0), "UTC")) if getattr(value, "tzinfo", None) == UTC else value


@pytest.mark.parametrize(
    ("plain", "error"),
    [
        ({TAG: "nope", "v": 1}, CodecError),
        ({TAG: "date"}, KeyError),
        ({TAG: "date", "v": "x"}, ValueError),
        ({TAG: "date", "v": 5}, TypeError),
        ({TAG: "timedelta", "v": [1]}, IndexError),
        ({TAG: "decimal", "v": "x"}, ArithmeticError),
        ({TAG: ["a"], "v": 1}, AttributeError),
        ({TAG: "dict", "v": [[1]]}, ValueError),
        ({TAG: "dict", "v": [5]}, TypeError),
        ({TAG: "dict", "v": {TAG: "tuple", "v": [[1, 2]]}}, ValueError),
        ({TAG: "float", "v": {TAG: "float", "v": "1"}}, TypeError),
        ({TAG: "int", "v": {TAG: "int", "v": "1"}}, TypeError),
        ({TAG: "int", "v": "x"}, ValueError),
        ({TAG: "set", "v": [[1]]}, TypeError),
    ],
)
def test_the_codec_refuses_what_it_never_writes(plain: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        codec.decode([1, plain])


@pytest.mark.parametrize(
    "plain",
    [
        *(
            {},
            [1],
            {"nope": 1},
            {"date": "2030-01-01", "x": 1},
            {"date": 5},
            {"timedelta": "ab"},
            {"timedelta": [1e99]},
        ),
        *({"tuple": 5}, {"tuple": [[1]]}, {"tuple": [{"x": 1}]}, {"bytes": "zz"}, {"float": "x"}, {"decimal": "x"}),
        *({"uuid": "00000000-0000-0000-0000-000000000005"}, {"set": [1]}, {"int": "5"}),
        *({"decimal": {"decimal": "1"}}, {"float": {"float": "1"}}, {"date": {"date": "2030-01-01"}}),
    ],
)
def test_a_filter_refuses_what_it_never_writes(plain: Any) -> None:
    with pytest.raises(InvalidFilterError, match="is not a value of a filter"):
        filter_json.from_plain(plain)


@pytest.mark.parametrize(
    ("text", "error"),
    [('{"$b":1}', TypeError), ('{"$d":"x"}', ValueError), ('{"$d":5}', TypeError), ('{"$f":"x"}', ValueError)],
)
def test_a_document_refuses_what_it_never_writes(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        typed_json.loads(text)


def test_names_of_leaves_in_documents_stay_names() -> None:
    for document in ({"$b": "AA=="}, {"$$b": "AA=="}, {"$d": [{"$f": "nan"}]}):
        assert typed_json.loads(typed_json.dumps(document)) == document


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists))
def test_lists_in_documents_come_back(value: Any) -> None:
    assert repr(typed_json.loads(typed_json.dumps({"$x": value}))) == repr({"$x": value})


def _one_by_one(value: Any) -> Any:
    """Encode value by value, which is how long lists were encoded first."""
    if type(value) is list:
        return [_one_by_one(item) for item in value]
    if type(value) is dict and all(type(key) is str and key not in {"$a", "a.b", TAG} for key in value):
        return {key: _one_by_one(item) for key, item in value.items()}
    if type(value) is dict:
        return {TAG: "dict", "v": [[codec.encode(key), _one_by_one(item)] for key, item in value.items()]}
    return codec.encode(value)


numbers = st.integers() | st.integers(2**62, 2**64) | st.integers(-(2**64), -(2**62)) | st.floats() | st.booleans()
scalars = numbers | st.none() | st.text() | st.dates()


keys = st.sampled_from(["a", "b", "ä", *"cdefghij"]) | st.sampled_from(["$a", "a.b", TAG, 1, None])
records = st.dictionaries(st.sampled_from("abcdefghijkl"), numbers) | st.dictionaries(keys, scalars)


@given(
    st.recursive(scalars | st.lists(numbers) | st.lists(st.floats(), min_size=9), st.lists)
    | st.lists(records, min_size=9, max_size=11)
)
def test_lists_are_written_as_if_value_by_value_and_come_back(value: Any) -> None:
    assert repr(codec.encode(value)) == repr(_one_by_one(value))
    assert repr(codec.loads(codec.dumps(value))) == repr(value)


def test_a_dict_of_many_plain_values_is_copied() -> None:
    value = {f"x{i}": i / 2 for i in range(9)}
    copy = codec.encode(value)
    assert list(copy.items()) == list(value.items())
    assert copy is not value


def test_records_are_copied() -> None:
    value = [{"a": i, "b": "x", "c": i / 2, "d": None} for i in range(9)]
    copy = codec.encode(value)
    assert copy == value
    assert all(one is not two for one, two in zip(copy, value, strict=True))


class Level(IntEnum):
    LOW = 1


class Number(float):
    __slots__ = ()


@pytest.mark.parametrize("odd", [Level.LOW, Number(1.5), object(), type("Text", (str,), {})("a")], ids=type)
@pytest.mark.parametrize(
    "around",
    [
        lambda odd: [1, odd],
        lambda odd: [*range(9), odd],
        lambda odd: [*([[1]] * 9), [odd]],
        lambda odd: {"a": odd},
        lambda odd: dict(zip("abcdefghi", [*range(8), odd], strict=True)),
        lambda odd: [*({"a": 1} for _ in range(9)), {"a": odd}],
    ],
)
def test_a_subclass_among_plain_values_is_refused(odd: Any, around: Any) -> None:
    with pytest.raises(CodecError, match=type(odd).__name__):
        codec.encode(around(odd))


def test_a_subclass_among_keys_is_refused_even_if_it_equals_one_that_came_before() -> None:
    with pytest.raises(CodecError, match="Text"):
        codec.encode([*({"a": 1} for _ in range(9)), {type("Text", (str,), {})("a"): 1}])


@pytest.mark.parametrize("key", ["$a", "a.b", "a\0", TAG])
def test_a_key_among_many_records_that_could_be_misread_is_written_as_pairs(key: str) -> None:
    assert codec.encode([*({"a": 1} for _ in range(9)), {key: 1}])[-1] == {TAG: "dict", "v": [[key, 1]]}


def test_the_place_of_a_value_in_a_list_of_lists_is_told() -> None:
    with pytest.raises(CodecError, match=r"at \[1\]\[0\]"):
        codec.encode([[1], [object()]])
    with pytest.raises(CodecError, match=r"at \[9\]\['a'\]"):
        codec.encode([*({"a": 1} for _ in range(9)), {"a": object()}])


@pytest.mark.parametrize(
    "values", [[], ["a", 1, 1.5, True, None], [2**63 - 1, -(2**63)], [1e308, -1e308], [-0.0], [True]]
)
def test_plain_values_are_copied(values: list[Any]) -> None:
    assert is_plain(values)
    for copy in (written_as_is(values), read_as_is(values)):
        assert repr(copy) == repr(values)
        assert copy is not values
    rows = [values, values]
    for copy in (written_as_is(rows), read_as_is(rows)):
        assert copy is not None
        assert repr(copy) == repr(rows)
        assert copy[0] is not values


@pytest.mark.parametrize(
    "values", [[NAN], [1, NAN], [INF, -INF], [1.5, INF], [2**63], [1.5, -(2**63) - 1], [b""], [(1,)], [1, [2]], [{}]]
)
def test_lists_that_hold_anything_else_are_not_plain(values: list[Any]) -> None:
    assert not is_plain(values)
    assert written_as_is(values) is None
    assert written_as_is([[1], values]) is None


def test_lists_with_a_dict_are_read_value_by_value() -> None:
    lists: list[list[Any]] = [[{}], [[1], [{}]], [1, [2]], [[[1]]]]
    for values in lists:
        assert read_as_is(values) is None


def test_floats_whose_sum_is_infinite_are_written_all_the_same() -> None:
    assert not is_plain([1e308] * 9)
    assert codec.dumps([1e308] * 9) == json.dumps([1e308] * 9, separators=(",", ":"))


def test_a_list_that_was_encoded_is_a_copy() -> None:
    value: Any = [[1.0], {"a": 1}]
    for copy in (codec.encode(value), codec.decode(value)):
        copy[0].append(2)
        copy[1]["b"] = 2
        assert value == [[1.0], {"a": 1}]


def test_a_tag_that_another_program_wrote_with_escapes_is_read() -> None:
    assert codec.loads('{"\\u005f_omega__":"date","v":"2030-01-02"}') == date(2030, 1, 2)


def test_every_type_has_one_leaf_under_one_tag() -> None:
    assert [leaf.type for leaf in LEAVES.values()] == list(LEAVES)
    assert len({leaf.tag for leaf in LEAVES.values()}) == len(LEAVES)
    assert leaves_of(date, UUID) == (LEAVES[date], LEAVES[UUID])


@pytest.mark.parametrize(
    "value",
    [
        *(2**70, NAN, b"a", datetime(2030, 1, 2, tzinfo=UTC), date(2030, 1, 2), time(1), timedelta(-1, 2, 3)),
        *(Decimal("1.0"), UUID(int=5), 1j, (1, 2), {1}, frozenset({1}), {1: (2,)}),
    ],
    ids=repr,
)
def test_each_leaf_of_the_table_reads_what_it_writes(value: Any) -> None:
    leaf = LEAVES[type(value)]
    back = leaf.decode(leaf.encode(value))
    assert type(back) is type(value)
    assert repr(back) == repr(value)
