"""Named objects on the embedded store and on MongoDB: the same contract as in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omega_domain.adapters.memory.clock import ManualClock
from omega_domain.repository.context import Context
from omega_domain.testing.names import HiddenNamesContract, NamesContract
from omega_domain.testing.omega_store import (
    CollectContract,
    CustomBackendContract,
    OmegaStoreContract,
    PromotionContract,
)
from omega_local import LocalMetadataStore, LocalStore
from omega_mongo import Connection, MongoMetadataStore, MongoStore


def _context(name: str, home: Path) -> Context:
    clock = ManualClock()
    store = LocalStore(home, clock=clock)
    return Context(name=name, metadata=LocalMetadataStore(home), store=store, clock=clock, author="ada")


class _OnLocal:
    @pytest.fixture
    def context(self, tmp_path: Path) -> Context:
        return _context("here", tmp_path / "here")

    @pytest.fixture
    def other_context(self, tmp_path: Path) -> Context:
        return _context("there", tmp_path / "there")


class TestOmegaStoreOnLocal(_OnLocal, OmegaStoreContract):
    """Objects by name."""


class TestCustomBackendOnLocal(_OnLocal, CustomBackendContract):
    """Backends of third parties."""


class TestPromotionOnLocal(_OnLocal, PromotionContract):
    """Promotion."""


class TestCollectOnLocal(_OnLocal, CollectContract):
    """Collect, check and usage."""


class TestNamesOnLocal(_OnLocal, NamesContract):
    """Verbs and the grammar of names."""


class TestHiddenNamesOnLocal(_OnLocal, HiddenNamesContract):
    """Hidden names, and those of the runtime."""


def _mongo_context(name: str, connection: Connection) -> Context:
    clock = ManualClock()
    store = MongoStore(connection, clock=clock)
    return Context(name=name, metadata=MongoMetadataStore(connection), store=store, clock=clock, author="ada")


class _OnMongo:
    @pytest.fixture
    def context(self, connect: Callable[[], Connection]) -> Context:
        return _mongo_context("here", connect())

    @pytest.fixture
    def other_context(self, connect: Callable[[], Connection]) -> Context:
        return _mongo_context("there", connect())


class TestOmegaStoreOnMongo(_OnMongo, OmegaStoreContract):
    """Objects by name."""


class TestCustomBackendOnMongo(_OnMongo, CustomBackendContract):
    """Backends of third parties."""


class TestPromotionOnMongo(_OnMongo, PromotionContract):
    """Promotion between two databases of one server."""


class TestCollectOnMongo(_OnMongo, CollectContract):
    """Collect, check and usage."""


class TestNamesOnMongo(_OnMongo, NamesContract):
    """Verbs and the grammar of names."""


class TestHiddenNamesOnMongo(_OnMongo, HiddenNamesContract):
    """Hidden names, and those of the runtime."""
