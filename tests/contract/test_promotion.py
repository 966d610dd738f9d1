"""Promotion from each kind of store to another, in a soak to each other, and from one server to another."""

from __future__ import annotations

import pytest
from tests.effort import few_or_all

from omega_domain.testing.omega_store import PromotionContract

PAIRS = [
    ("mongo", "local"),
    ("local", "mongo"),
    ("mongo", "memory"),
    ("memory", "mongo"),
    ("local", "memory"),
    ("memory", "local"),
    ("mongo", "another server"),
]
#: Each kind gives once and takes once.
FEW = [("mongo", "local"), ("local", "memory"), ("memory", "mongo"), ("mongo", "another server")]


@pytest.mark.parametrize("kinds", few_or_all(FEW, PAIRS), ids=" to ".join)
class TestPromotionBetweenKinds(PromotionContract):
    """The contract of promotion, from one kind to another."""
