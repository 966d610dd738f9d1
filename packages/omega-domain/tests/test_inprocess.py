"""The runtime of this process keeps the contracts of the runtime."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.inprocess.task_queue import InProcessTaskQueue
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.requirement import Requirement
from omega_domain.errors import NoWorkerError
from omega_domain.omega import Omega
from omega_domain.tasks.execution import local_worker
from omega_domain.testing.canvas import CanvasContract
from omega_domain.testing.router import RouterContract
from omega_domain.testing.task_queue import TaskQueueContract, fill, register_backends


def make() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    return om


@pytest.fixture
def make_omega() -> Callable[[], Omega]:
    return make


class TestInProcessTaskQueue(TaskQueueContract):
    def test_it_has_a_name(self) -> None:
        assert InProcessTaskQueue(make().context).name == "in-process"

    def test_tasks_have_ended_when_submit_returns(self) -> None:
        assert fill(make()).runtime.model("double").predict("x").ready()


class TestCanvas(CanvasContract):
    pass


class TestInProcessRouter(RouterContract):
    @pytest.fixture
    def router(self) -> InProcessRouter:
        return InProcessRouter(["default", "gpu"])

    def test_by_default_every_label_is_served(self) -> None:
        router = InProcessRouter()
        assert router.resolve(Requirement("anything")) == "anything"
        assert [worker.labels for worker in router.workers()] == [("default",)]
        assert router.workers()[0].name == local_worker()

    def test_a_router_without_labels_serves_nobody(self) -> None:
        with pytest.raises(NoWorkerError, match="none"):
            InProcessRouter([]).resolve(Requirement())
