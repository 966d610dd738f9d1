"""The runtime of this process on the embedded store and on MongoDB: the same contracts as in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_domain.omega import Omega
from omega_domain.testing.canvas import CanvasContract
from omega_domain.testing.task_queue import TaskQueueContract, register_backends
from omega_local import open_store
from omega_mongo import Connection, MongoMetadataStore, MongoStore


class _OnLocal:
    @pytest.fixture
    def make_omega(self, tmp_path: Path) -> Callable[[], Omega]:
        numbers = itertools.count()

        def make() -> Omega:
            metadata, store = open_store(f"file://{tmp_path}/{next(numbers)}")
            om = Omega(metadata=metadata, store=store)
            register_backends(om.context)
            return om

        return make


class TestTaskQueueOnLocal(_OnLocal, TaskQueueContract):
    """Tasks and their results."""


class TestCanvasOnLocal(_OnLocal, CanvasContract):
    """Sequence, parallel and mapreduce."""


class _OnMongo:
    @pytest.fixture
    def make_omega(self, connect: Callable[[], Connection]) -> Callable[[], Omega]:
        def make() -> Omega:
            connection = connect()
            om = Omega(metadata=MongoMetadataStore(connection), store=MongoStore(connection))
            register_backends(om.context)
            return om

        return make


class TestTaskQueueOnMongo(_OnMongo, TaskQueueContract):
    """Tasks and their results."""


class TestCanvasOnMongo(_OnMongo, CanvasContract):
    """Sequence, parallel and mapreduce."""
