"""The runtime of this process on the embedded store: the same contracts as in memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

from omega_domain.omega import Omega
from omega_domain.testing.canvas import CanvasContract
from omega_domain.testing.task_queue import TaskQueueContract, register_backends
from omega_local import open_store


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
