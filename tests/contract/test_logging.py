"""Logging on the embedded store and on MongoDB: the same contract as in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from omega_domain.omega import Omega
from omega_domain.testing.logbook import LogbookContract
from omega_local import open_store
from omega_mongo import Connection, MongoMetadataStore, MongoStore


class TestLogbookOnLocal(LogbookContract):
    """Records of tasks and loggers."""

    @pytest.fixture
    def make_omega(self, tmp_path: Path) -> Callable[[], Omega]:
        numbers = itertools.count()

        def make() -> Omega:
            metadata, store = open_store(f"file://{tmp_path}/{next(numbers)}")
            return Omega(metadata=metadata, store=store)

        return make


class TestLogbookOnMongo(LogbookContract):
    """Records of tasks and loggers."""

    @pytest.fixture
    def make_omega(self, new_mongo_url: Callable[[], str]) -> Iterator[Callable[[], Omega]]:
        with ExitStack() as stack:

            def make() -> Omega:
                connection = stack.enter_context(closing(Connection(new_mongo_url())))
                return Omega(metadata=MongoMetadataStore(connection), store=MongoStore(connection))

            yield make
