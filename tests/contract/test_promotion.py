"""Promotion from each kind of store to each other, and from one server to another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.services.context import Context
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

Make = Callable[[str], Context]


class TestPromotionBetweenKinds(PromotionContract):
    """The contract of promotion, from one kind to another."""

    @pytest.fixture(params=PAIRS, ids=" to ".join)
    def kinds(self, request: pytest.FixtureRequest) -> tuple[str, str]:
        pair: tuple[str, str] = request.param
        return pair

    @pytest.fixture
    def context(self, kinds: tuple[str, str], make_context: Make) -> Context:
        return make_context(kinds[0])

    @pytest.fixture
    def other_context(self, kinds: tuple[str, str], make_context: Make) -> Context:
        return make_context(kinds[1])
