"""What the benchmark of trips counts: calls in our files, and those that enter another file."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from benchmarks.trips.counting import Trip, second

ONE = """
import json
from functools import partial

def inside():
    return [each for each in map(lambda x: x, range(3))]

def across(other):
    inside()
    other.there()

def through_a_library(other):
    return json.loads("[1]", parse_int=other.there)
"""
OTHER = """
def there(*_):
    return 1
"""


def load(path: Path, source: str) -> ModuleType:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[tuple[ModuleType, ModuleType]]:
    before = sys.getprofile()
    yield load(tmp_path / "src/omega_x/one.py", ONE), load(tmp_path / "src/omega_x/other.py", OTHER)
    sys.setprofile(before)


def test_calls_between_files_are_counted(modules: tuple[ModuleType, ModuleType]) -> None:
    one, other = modules
    trip = second(lambda: one.across(other))
    assert (trip.calls, len(trip.functions), len(trip.files), trip.hops) == (3, 3, 2, 1)


def test_the_caller_is_the_nearest_of_our_files(modules: tuple[ModuleType, ModuleType]) -> None:
    one, other = modules
    trip = second(lambda: one.through_a_library(other))
    assert (trip.calls, trip.hops) == (2, 1)


def test_a_trip_that_goes_on_visits_a_file_once(modules: tuple[ModuleType, ModuleType]) -> None:
    one, other = modules
    trip = second(one.inside) + second(lambda: one.across(other))
    assert (trip.calls, len(trip.files), trip.hops) == (4, 2, 1)
    assert trip.to_plain()["calls"] == 4


def test_nothing_is_counted_afterwards(modules: tuple[ModuleType, ModuleType]) -> None:
    with Trip().counted() as trip:
        modules[0].inside()
    modules[0].inside()
    assert trip.calls == 1
