"""Submission: which steps a call takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.task import Task
from omega_domain.omega import Omega
from omega_domain.ports.metadata import MetadataStore
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.repository.metadata import Metadata
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.known import RunsHere
from omega_domain.testing.task_queue import fill, register_backends


class ElsewhereQueue(TaskQueue):
    """Takes tasks away; it has a method of a name that means something else to it."""

    def __init__(self) -> None:
        self.stages: list[Sequence[Task]] = []

    @property
    def name(self) -> str:
        return "elsewhere"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self.stages += stages

    def run(self) -> None:
        raise AssertionError


class HereQueue(ElsewhereQueue, RunsHere):
    """Notes what it is told of the objects of its tasks."""

    def __init__(self, executor: Executor) -> None:
        super().__init__()
        self._executor = executor
        self.known: list[Mapping[str, Metadata] | None] = []

    def run(self, stages: Sequence[Sequence[Task]] = (), *, known: Mapping[str, Metadata] | None = None) -> None:
        self.known.append(known)
        self._executor.run(stages, known=known)


def make_omega(metadata: MetadataStore | None = None) -> Omega:
    om = Omega(metadata=metadata or MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    return fill(om)


def test_a_queue_that_takes_tasks_elsewhere_gets_the_tasks_alone() -> None:
    om, queue = make_omega(), ElsewhereQueue()
    result = Omega(om.context, queue=queue, router=InProcessRouter()).runtime.model("double").predict("x")
    ((task,),) = queue.stages
    assert task.id == result.id


def test_a_queue_that_runs_tasks_here_is_told_what_was_looked_up() -> None:
    om = make_omega()
    queue = HereQueue(Executor(om.context))
    result = Omega(om.context, queue=queue, router=InProcessRouter()).runtime.model("double").predict("x")
    assert result.get() == [2, 4, 6]
    (known,) = queue.known
    assert known is not None
    assert {task_id: meta.name for task_id, meta in known.items()} == {result.id: "double"}


class CountingStore(MemoryMetadataStore):
    """Counts the looks at heads."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def head(self, key: ObjectKey) -> Head | None:
        self.asked.append(key.name)
        return super().head(key)


def test_the_model_of_a_task_in_this_process_is_looked_up_once() -> None:
    metadata = CountingStore()
    om = make_omega(metadata)
    metadata.asked.clear()
    assert om.runtime.model("double").predict([1]).get() == [2]
    assert metadata.asked.count("double") == 1


def test_a_canvas_collects_the_runs_of_its_scripts() -> None:
    om, queue = make_omega(), ElsewhereQueue()
    om.scripts.put([1], "numbers")
    with Omega(om.context, queue=queue, router=InProcessRouter()).runtime.parallel() as crt:
        crt.script("numbers").run()
    assert (len(crt), queue.stages) == (1, [])
    crt.run()
    ((task,),) = queue.stages
    assert (task.kind, task.name) == ("script", "numbers")
