"""Promotion from each kind of store to each other, and from one server to another."""

from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("kinds", PAIRS, ids=" to ".join)
class TestPromotionBetweenKinds(PromotionContract):
    """The contract of promotion, from one kind to another."""
