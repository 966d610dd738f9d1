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
