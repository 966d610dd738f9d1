"""What our distributions declare leads somewhere."""

from __future__ import annotations

from importlib.metadata import EntryPoint, distribution

import pytest

DISTRIBUTIONS = ("omega-domain", "omega-backends", "omega-local", "omega-ml", "omega-cli")
DECLARED = [entry for name in DISTRIBUTIONS for entry in distribution(name).entry_points]


@pytest.mark.parametrize("entry", DECLARED, ids=lambda entry: f"{entry.group}:{entry.name}")
def test_every_entry_point_can_be_loaded(entry: EntryPoint) -> None:
    assert entry.load()


@pytest.mark.parametrize(
    "entry", [entry for entry in DECLARED if entry.group == "omega.backends"], ids=lambda entry: entry.name
)
def test_a_backend_is_declared_under_its_kind(entry: EntryPoint) -> None:
    backend = entry.load()
    assert entry.name == backend.KIND
