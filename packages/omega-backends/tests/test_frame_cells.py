"""Single values of frames in JSON: what comes back is what was written, type included."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from omega_backends.frames.cells import cell_from_plain, cell_to_plain
from omega_backends.frames.zones import zone_from_plain, zone_to_plain
from omega_backends.testing.frames import objects
from omega_domain.errors import UnsupportedObjectError

ZURICH = ZoneInfo("Europe/Zurich")
EAST = timezone(timedelta(hours=5, minutes=30))
NAN, INF = float("nan"), float("inf")


def through_json(value: Any) -> Any:
    return cell_from_plain(json.loads(json.dumps(cell_to_plain(value), allow_nan=False)))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        1,
        2**70,
        1.5,
        -0.0,
        float("inf"),
        float("nan"),
        "a",
        "\ud800",
        b"\0",
        complex(-0.0, float("nan")),
        date(2020, 1, 1),
        datetime(2020, 1, 1, 1),  # noqa: DTZ001 -- naive on purpose
        datetime(2020, 1, 1, tzinfo=UTC),
        datetime(2020, 10, 25, 2, 30, tzinfo=ZURICH, fold=1),
        time(1, 2, 3, 4),
        time(1, 2, fold=1),
        time(1, tzinfo=UTC),
        timedelta(days=-1, microseconds=3),
        Decimal("1.00"),
        Decimal("NaN"),
        UUID(int=5),
        (1, ("a", None)),
        [1, [2.5]],
        {"a": 1, 2: {"b": None}, (1,): b""},
        {1, 2},
        frozenset({"a"}),
        np.int8(3),
        np.float32(0.1),
        np.complex64(1j),
        np.bool_(True),
        np.str_(""),
        np.bytes_(b"a"),
        np.datetime64("2020-01-01", "D"),
        np.datetime64("NaT"),
        np.timedelta64(5, "ns"),
        np.arange(6, dtype="int16").reshape(2, 3),
        pd.NaT,
        pd.NA,
        pd.Timestamp("2020-01-01 00:00:00.123456789"),
        pd.Timestamp("2020-01-01").as_unit("s"),
        pd.Timestamp("2020-10-25 00:30", tz="UTC").tz_convert("Europe/Zurich"),
        pd.Timedelta("1s").as_unit("ms"),
        pd.Period("2020", "W-SUN"),
        pd.Interval(1, 2.5, "both"),
        pd.Interval(pd.Timestamp("2020"), pd.Timestamp("2021")),
    ],
)
def test_a_cell_survives_json_with_its_type(value: Any) -> None:
    back = through_json(value)
    assert type(back) is type(value)
    assert repr(back) == repr(value)


@given(objects(5))
def test_any_object_column_survives_cell_by_cell(cells: Any) -> None:
    assert [(type(cell), repr(cell)) for cell in map(through_json, cells)] == [
        (type(cell), repr(cell)) for cell in cells
    ]


def test_arrays_in_cells_come_back_writable() -> None:
    back = through_json(np.arange(3))
    back[0] = 5
    assert back.tolist() == [5, 1, 2]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-7, "-7"),
        (2**63, "9223372036854775808"),
        (-(2**63), "-9223372036854775808"),
        (1.5, "1.5"),
        (-0.0, "-0.0"),
        (1e300, "1e+300"),
        (NAN, '{"float":"nan"}'),
        (INF, '{"float":"inf"}'),
        (-INF, '{"float":"-inf"}'),
        (b"", '{"bytes":""}'),
        (b"\x00\xff\xfe", '{"bytes":"AP/+"}'),
        (datetime(2030, 1, 2, 3, 4, 5, 678901), '{"datetime":["2030-01-02T03:04:05.678901",null,0]}'),  # noqa: DTZ001 -- naive on purpose
        (datetime(2030, 1, 2, tzinfo=UTC), '{"datetime":["2030-01-02T00:00:00",0.0,0]}'),
        (datetime(2030, 1, 2, 3, 4, 5, 6000, tzinfo=EAST), '{"datetime":["2030-01-02T03:04:05.006000",19800.0,0]}'),
        (
            datetime(2030, 10, 27, 2, 30, tzinfo=ZURICH, fold=1),
            '{"datetime":["2030-10-27T02:30:00","Europe/Zurich",1]}',
        ),
        (date(2030, 1, 2), '{"date":"2030-01-02"}'),
        (time(1, 2), '{"time":["01:02:00",null,0]}'),
        (time(1, 2, 3, 4, tzinfo=EAST, fold=1), '{"time":["01:02:03.000004",19800.0,1]}'),
        (timedelta(-1, 2, 3), '{"timedelta":[-1,2,3]}'),
        (Decimal("1.00"), '{"decimal":"1.00"}'),
        (Decimal("-Infinity"), '{"decimal":"-Infinity"}'),
        (Decimal("NaN"), '{"decimal":"NaN"}'),
        (UUID(int=5), '{"uuid":"00000000-0000-0000-0000-000000000005"}'),
        (complex(-0.0, 1.5), '{"complex":["-0.0","1.5"]}'),
        (complex(NAN, INF), '{"complex":["nan","inf"]}'),
        ((), '{"tuple":[]}'),
        ((1, (b"a", None), NAN), '{"tuple":[1,{"tuple":[{"bytes":"YQ=="},null]},{"float":"nan"}]}'),
        ({1}, '{"set":[1]}'),
        (frozenset({"a"}), '{"frozenset":["a"]}'),
        ([], "[]"),
        ([1, [2.5, NAN], ["a", [date(2030, 1, 2)]]], '[1,[2.5,{"float":"nan"}],["a",[{"date":"2030-01-02"}]]]'),
        ({}, '{"dict":[]}'),
        ({"a": 1, "b": {"c": [NAN]}}, '{"dict":[["a",1],["b",{"dict":[["c",[{"float":"nan"}]]]}]]}'),
        ({"$a": 1}, '{"dict":[["$a",1]]}'),
        ({"a.b": 1}, '{"dict":[["a.b",1]]}'),
        ({1: b"a", (2,): None}, '{"dict":[[1,{"bytes":"YQ=="}],[{"tuple":[2]},null]]}'),
        ({"__omega__": "bytes", "v": "AA=="}, '{"dict":[["__omega__","bytes"],["v","AA=="]]}'),
        (np.int8(3), '{"numpy":["|i1","Aw=="]}'),
        (np.float32(0.1), '{"numpy":["<f4","zczMPQ=="]}'),
        (np.bool_(True), '{"numpy":["|b1","AQ=="]}'),
        (np.complex64(1j), '{"numpy":["<c8","AAAAAAAAgD8="]}'),
        (np.datetime64("2030-01-02", "D"), '{"numpy":["<M8[D]","nFUAAAAAAAA="]}'),
        (np.timedelta64(5, "ns"), '{"numpy":["<m8[ns]","BQAAAAAAAAA="]}'),
        (np.str_("a"), '{"str_":"a"}'),
        (np.bytes_(b"a"), '{"bytes_":"YQ=="}'),
        (np.arange(4, dtype="int16").reshape(2, 2), '{"ndarray":["<i2",[2,2],"AAABAAIAAwA="]}'),
        (pd.NaT, '{"NaT":null}'),
        (pd.NA, '{"NA":null}'),
        (pd.Timestamp("2030-01-02 00:00:00.123456789").as_unit("ns"), '{"Timestamp":[1893542400123456789,"ns",null]}'),
        (
            pd.Timestamp("2030-01-02", tz="Europe/Zurich").as_unit("us"),
            '{"Timestamp":[1893538800000000,"us","Europe/Zurich"]}',
        ),
        (pd.Timedelta("1s").as_unit("ms"), '{"Timedelta":[1000,"ms"]}'),
        (pd.Period("2030", "W-SUN"), '{"Period":[3132,"W-SUN"]}'),
        (pd.Interval(1, 2.5, "both"), '{"Interval":[1,2.5,"both"]}'),
        (
            pd.Interval(pd.Timestamp("2030").as_unit("us"), pd.Timestamp("2031").as_unit("us")),
            '{"Interval":[{"Timestamp":[1893456000000000,"us",null]},{"Timestamp":[1924992000000000,"us",null]},"right"]}',
        ),
    ],
    ids=repr,
)
def test_a_cell_is_written_in_the_bytes_it_always_was(value: Any, text: str) -> None:
    assert json.dumps(cell_to_plain(value), separators=(",", ":"), allow_nan=False) == text
    assert repr(cell_from_plain(json.loads(text))) == repr(value)


@pytest.mark.parametrize(
    ("plain", "error"),
    [
        ({"nope": 1}, KeyError),
        ({}, ValueError),
        ({"date": "2030-01-01", "x": 1}, ValueError),
        ({"date": 5}, TypeError),
        ({"date": "x"}, ValueError),
        ({"tuple": 5}, TypeError),
        ({"set": [[1]]}, TypeError),
        ({"dict": [[1]]}, ValueError),
        ({"Interval": [1, 2]}, ValueError),
        ({"numpy": ["<i2"]}, IndexError),
        ({"float": "x"}, ValueError),
        ({"float": {"float": "1"}}, TypeError),
        ({"decimal": {"decimal": "1"}}, TypeError),
        ({"datetime": ["2030-01-01", None]}, ValueError),
    ],
)
def test_what_no_cell_is_written_as_is_refused(plain: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        cell_from_plain([1, plain])


class Name(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Name("a"),
        pd.DataFrame(),
        np.longdouble(1),
        np.array([object()]),
        np.array([1], dtype=np.longdouble),
        [object()],
    ],
)
def test_a_cell_of_another_type_is_refused(value: Any) -> None:
    with pytest.raises(UnsupportedObjectError, match="can not be kept"):
        cell_to_plain(value)


@pytest.mark.parametrize("zone", [None, UTC, timezone(timedelta(hours=-3, minutes=-30)), ZURICH])
def test_time_zones_survive_json(zone: tzinfo | None) -> None:
    assert zone_from_plain(json.loads(json.dumps(zone_to_plain(zone)))) == zone


def test_a_zone_of_another_library_is_refused() -> None:
    with pytest.raises(UnsupportedObjectError, match="zoneinfo"):
        zone_to_plain(type("Local", (tzinfo,), {})())
