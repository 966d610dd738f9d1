"""Whatever a lossy broker, dying and forgetful workers do, in whatever order: each task ends, once, and puts once."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar, Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.seeds import times

from omega_domain.adapters.inprocess.router import InProcessRouter
from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.entities.task import FAILURE, SUCCESS, Lease, Task
from omega_domain.errors import (
    BrokerUnavailableError,
    ObjectNotFoundError,
    OmegaError,
    TaskCancelledError,
    WorkerLostError,
)
from omega_domain.omega import Omega
from omega_domain.ports.task_queue import TaskQueue
from omega_domain.tasks import parcels
from omega_domain.tasks.dispatching import RUNS, Dispatch
from omega_domain.tasks.execution import Executor
from omega_domain.tasks.records import MAX_ATTEMPTS, TASKS, TaskRecords
from omega_domain.tasks.results import GroupResult
from omega_domain.testing.faults import FaultPlan, FaultyMetadataStore, FaultyStore
from omega_domain.testing.models import AffineBackend
from omega_domain.testing.task_queue import fill, register_backends, temporaries

LABELS: Final = ("default", "gpu")
#: More steps with the store than anything here takes.
ALL: Final = 100_000
NUMBERS: Final = st.integers(0, 99)
STEPS: Final = st.sampled_from([ALL, 0, *range(1, 25)])
MOSTLY_ALL: Final = st.sampled_from([ALL] * 12 + list(range(1, 13)))
SECONDS: Final = st.sampled_from([1, 5, 14, 16, 35, 61])
_here = threading.local()


class Killed(BaseException):
    """The process ends here."""


class Pace(FaultPlan):
    """Holds a process before each step with the store or the broker, until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self._go, self._back = threading.Semaphore(0), threading.Semaphore(0)
        self._left = 0
        self.is_dead = False
        self.is_over = False

    def look(self) -> None:
        if not self.is_dead and self._left == 0:
            self._back.release()
            self._go.acquire()
        if self.is_dead:
            raise Killed
        self._left -= 1

    def begin(self, name: str, half: Callable[[], object] = lambda: None) -> None:
        self.look()

    def advance(self, steps: int) -> None:
        """Let so many steps be taken; wait until they are."""
        if not self.is_over:
            self._left = steps
            self._go.release()
            self._back.acquire()

    def wait(self) -> None:
        self._go.acquire()
        if self.is_dead:
            raise Killed

    def finish(self) -> None:
        self.is_over = True
        self._back.release()


class Process:
    """A process that does one thing with stores of its own, as far as it is let; it may die at every step."""

    def __init__(self, cluster: Cluster, work: Callable[[Process], Any], *, parent: Worker | None = None) -> None:
        self.pace = Pace()
        self.parent = parent
        self.cluster = cluster
        self.context = replace(
            cluster.om.context,
            store=FaultyStore(cluster.om.context.store, self.pace),
            metadata=FaultyMetadataStore(cluster.om.context.metadata, self.pace),
        )
        self.dispatch = Dispatch(self.context, self._publish, self._depth)
        self.error: BaseException | None = None
        self.task: Task | None = None
        self.lease: Lease | None = None
        self.sure_until: datetime | None = None
        self._work = work
        threading.Thread(target=self._main, daemon=True).start()

    def advance(self, steps: int = ALL) -> Process:
        self.pace.advance(steps)
        return self

    def die(self) -> None:
        """Die, at once if this is the process that calls."""
        self.pace.is_dead = True
        if getattr(_here, "process", None) is self:
            raise Killed
        self.pace.advance(0)

    @property
    def is_running(self) -> bool:
        return not self.pace.is_over

    @property
    def died(self) -> bool:
        return self.pace.is_dead

    def _main(self) -> None:
        _here.process = self
        try:
            self.pace.wait()
            self._work(self)
        except BaseException as error:  # noqa: BLE001 -- looked at by the tests
            self.error = error
        finally:
            self.pace.finish()

    def _publish(self, tasks: Sequence[Task], *, again: bool = False) -> None:
        for task in tasks:
            self.pace.look()
            self.cluster.broker.take(Message(task.label, task.to_json(), task.id, again))

    def _depth(self, label: str) -> int | None:
        self.pace.look()
        return self.cluster.broker.depth(label)


@dataclass(frozen=True)
class Message:
    label: str
    text: str
    task_id: str
    again: bool


@dataclass
class Broker:
    """Carries messages; loses, repeats and mixes them up when it is told to."""

    messages: list[Message] = field(default_factory=list)
    is_up: bool = True

    def take(self, message: Message) -> None:
        if not self.is_up:
            raise BrokerUnavailableError("the broker is down")
        self.messages.append(message)

    def depth(self, label: str) -> int | None:
        return sum(message.label == label for message in self.messages) if self.is_up else None


class Runner(Executor):
    """Tells the cluster what is taken."""

    process: Process

    def _take(self, task: Task, text: str, *, fresh: bool) -> Lease | None:
        lease = super()._take(task, text, fresh=fresh)
        self.process.cluster.on_lease(self.process, task, lease)
        return lease


class Worker:
    """A worker: a parent, which beats unless it is numb, and children that run a task each."""

    def __init__(self, cluster: Cluster, number: int, labels: Sequence[str]) -> None:
        self.cluster = cluster
        self.name, self.holder, self.labels = f"w{number}@sim", f"holder-{number}", labels
        self.children: list[tuple[Process, Message]] = []
        self.lost: list[str] = []
        self.is_numb = False
        self._seen: set[str] = set()

    @property
    def is_free(self) -> bool:
        return len(self.children) < 2

    def receive(self, message: Message) -> Process:
        def work(process: Process) -> None:
            runner = Runner(process.context, worker=self.name, holder=self.holder)
            runner.process = process
            task = runner.execute(message.text, fresh=not message.again)
            if task is not None:
                process.dispatch.ended(task)

        process = Process(self.cluster, work, parent=self)
        process.task = Task.from_json(message.text)
        self.children.append((process, message))
        return process

    def beat(self, process: Process) -> None:
        """What the parent does again and again; see omega_celery.heartbeat."""
        log, running = TaskRecords(process.context), {message.task_id for _, message in self.children}
        log.renew(running, holder=self.holder)
        for task_id in running & self._seen:
            log.adopt(task_id, worker=self.name, holder=self.holder)
        self._seen = running
        for task_id in list(self.lost):
            process.dispatch.lost(task_id, holder=self.holder)
            self.lost.remove(task_id)

    def sweep(self, process: Process) -> None:
        process.dispatch.sweep(self.labels)


@dataclass
class Call:
    """What was submitted, and what is expected of it."""

    number: int
    task_id: str = ""
    puts: int = 0
    into: str = ""
    ending: str = "well"
    before: tuple[Call, ...] = ()
    reduces: bool = False

    @property
    def value(self) -> Any:
        """What it returns."""
        values = [call.value for call in self.before]
        given = values if self.reduces else next(iter(values), None)
        return [self.number, given]


class EffectsBackend(AffineBackend):
    """Its models put as many datasets as they are asked to when they are run, and end as they are asked to."""

    KIND: ClassVar[str] = "test.effects"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        return kwargs.get("kind") == cls.KIND

    def run(self, modelname: str, data: Any = None, pure_python: bool = True, **kwargs: Any) -> Any:
        number, ending = kwargs["number"], kwargs["ending"]
        process: Process = _here.process
        process.cluster.runs[number] += 1
        for turn in range(kwargs["puts"]):
            self.data_store.put([number, turn], kwargs["into"])
        if ending == "kills":
            process.die()
        if ending == "fails":
            raise KeyError(number)
        return [number, data]


class Cluster(RuleBasedStateMachine):
    """One client, some workers, a broker, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(parcels, "LIMIT", 24)  # so that not much is too large to travel by itself
        self.clock, self.broker, ids = ManualClock(), Broker(), count(1)
        self.om = Omega(
            metadata=MemoryMetadataStore(),
            store=MemoryStore(clock=self.clock),
            clock=self.clock,
            new_id=lambda: f"{next(ids):032x}",
        )
        register_backends(self.om.context)
        self.om.context.registry.register(EffectsBackend.KIND, EffectsBackend)
        fill(self.om).models.put(self.om.models.get("double"), "effects", kind=EffectsBackend.KIND)
        self.log = TaskRecords(self.om.context)
        self.workers: list[Worker] = []
        self.processes: list[Process] = []
        self.calls: dict[str, Call] = {}
        self.unsure: list[Call] = []
        self.runs: dict[int, int] = defaultdict(int)
        self.cancels: dict[str, bool] = {}
        self.casualties: dict[str, int] = defaultdict(int)
        self.final: dict[str, Any] = {}
        self.wrongs: list[str] = []
        self.numbers, self.names = count(1), count(1)
        self.client_puts = 0
        self.workers += [Worker(self, next(self.names), LABELS) for _ in range(2)]

    # -- clients ---------------------------------------------------------------------------------------------------

    @rule(
        ending=st.sampled_from(["well", "well", "fails", "kills"]),
        puts=st.integers(0, 2),
        shared=st.booleans(),
        label=st.sampled_from(LABELS),
        large=st.booleans(),
        steps=MOSTLY_ALL,
    )
    def submit(self, ending: str, puts: int, shared: bool, label: str, large: bool, steps: int) -> None:  # noqa: PLR0917 -- drawn by name
        call = self._call(ending, puts, shared=shared)

        def work(process: Process) -> None:
            call.task_id = self._run(self._client(process).runtime.require(label), call, large=large).id
            self._submitted(call)

        self._start(work, [call], steps)

    @rule(large=st.booleans(), label=st.sampled_from(LABELS), steps=MOSTLY_ALL)
    def submit_reading(self, large: bool, label: str, steps: int) -> None:
        call = Call(next(self.numbers), ending="reads")

        def work(process: Process) -> None:
            data = [call.number] * (30 if large else 1)
            call.task_id = self._client(process).runtime.require(label).model("double").predict(data).id
            self._submitted(call)

        self._start(work, [call], steps)

    @rule(
        form=st.sampled_from(["sequence", "mapreduce"]),
        endings=st.lists(st.sampled_from(["well", "well", "well", "fails", "kills"]), min_size=2, max_size=3),
        puts=st.integers(0, 1),
        label=st.sampled_from(LABELS),
        steps=MOSTLY_ALL,
    )
    def submit_together(self, form: str, endings: list[str], puts: int, label: str, steps: int) -> None:
        calls = [self._call(ending, puts, shared=False) for ending in endings]
        for i, call in enumerate(calls):
            if form == "sequence":
                call.before = tuple(calls[max(i - 1, 0) : i])
            elif i == len(calls) - 1:
                call.before, call.reduces = tuple(calls[:-1]), True

        def work(process: Process) -> None:
            with getattr(self._client(process).runtime, form)() as crt:
                for i, call in enumerate(calls):
                    view = crt.require(label if i % 2 else None)
                    call.task_id = self._run(view, call, large=False).id
            crt.run()
            for call in calls:
                self._submitted(call)

        self._start(work, calls, steps)

    @precondition(lambda self: self.calls)
    @rule(which=NUMBERS, interrupts=st.booleans(), steps=MOSTLY_ALL)
    def cancel(self, which: int, interrupts: bool, steps: int) -> None:
        task_id = list(self.calls)[which % len(self.calls)]
        self.cancels.setdefault(task_id, False)

        def work(process: Process) -> None:
            if not process.dispatch.cancel(task_id):
                return
            self.cancels[task_id] = True

        self._start(work, [], steps)
        if interrupts and self.cancels[task_id]:
            for worker in self.workers:
                for child, message in list(worker.children):
                    if message.task_id == task_id:
                        child.die()
                        worker.children.remove((child, message))

    @rule()
    def put_by_somebody_else(self) -> None:
        self.om.datasets.put([0, self.client_puts], "shared")
        self.client_puts += 1

    # -- the broker ------------------------------------------------------------------------------------------------

    @rule(is_up=st.sampled_from([True, True, True, False]))
    def switch_the_broker(self, is_up: bool) -> None:
        self.broker.is_up = is_up

    @precondition(lambda self: self.broker.messages)
    @rule(which=NUMBERS)
    def lose_a_message(self, which: int) -> None:
        del self.broker.messages[which % len(self.broker.messages)]

    @precondition(lambda self: self.broker.messages)
    @rule(which=NUMBERS)
    def repeat_a_message(self, which: int) -> None:
        self.broker.messages.append(self.broker.messages[which % len(self.broker.messages)])

    # -- workers ---------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.workers) < 4)
    @rule(labels=st.sampled_from([LABELS, LABELS[:1], LABELS[1:]]))
    def start_a_worker(self, labels: Sequence[str]) -> None:
        self.workers.append(Worker(self, next(self.names), labels))

    @precondition(lambda self: any(self._deliverable()))
    @rule(which=NUMBERS)
    def deliver(self, which: int) -> None:
        self._deliver(which, ALL)

    @precondition(lambda self: any(self._deliverable()))
    @rule(which=NUMBERS, steps=STEPS)
    def deliver_and_hold(self, which: int, steps: int) -> None:
        self._deliver(which, steps)

    @precondition(lambda self: any(self._deliverable()))
    @rule(which=NUMBERS, steps=STEPS, redelivers=st.booleans(), seconds=SECONDS)
    def deliver_to_one_that_dies(self, which: int, steps: int, redelivers: bool, seconds: int) -> None:
        self._kill(self._deliver(which, steps), redelivers=redelivers)
        self.workers.append(Worker(self, next(self.names), LABELS))
        self.wait(seconds)

    @precondition(lambda self: self.workers)
    @rule(which=NUMBERS, steps=STEPS, times=st.integers(0, 2))
    def sleep(self, which: int, steps: int, times: int) -> None:
        """One stands still until the others have taken over what it has taken; then it goes on."""
        worker = self.workers[which % len(self.workers)]
        worker.is_numb = True
        self.wait(16)
        for other in [other for other in self.workers if other is not worker]:
            self._start(other.sweep, [], ALL, parent=other)
        for _ in range(times):
            choices = [(other, each) for other, each in self._deliverable() if other is not worker]
            if choices:
                self._receive(*choices[which % len(choices)], steps)
        worker.is_numb = False

    @precondition(lambda self: any(worker.children for worker in self.workers))
    @rule(which=NUMBERS, steps=STEPS)
    def go_on(self, which: int, steps: int) -> None:
        children = [child for worker in self.workers for child, _ in worker.children]
        self._advance(children[which % len(children)], steps)

    @precondition(lambda self: self.processes)
    @rule(which=NUMBERS, steps=st.sampled_from([ALL, 1, 2, 3]))
    def go_on_with_another_process(self, which: int, steps: int) -> None:
        self._advance(self.processes[which % len(self.processes)], steps)

    @precondition(lambda self: any(worker.children for worker in self.workers))
    @rule(which=NUMBERS, says_so=st.booleans())
    def kill_a_child(self, which: int, says_so: bool) -> None:
        children = [(worker, child) for worker in self.workers for child, _ in worker.children]
        worker, child = children[which % len(children)]
        child.die()
        self._bury(worker, says_so=says_so)

    @precondition(lambda self: self.workers)
    @rule(which=NUMBERS, redelivers=st.booleans())
    def kill_a_worker(self, which: int, redelivers: bool) -> None:
        self._kill(self.workers[which % len(self.workers)], redelivers=redelivers)

    def _kill(self, worker: Worker, *, redelivers: bool) -> None:
        self.workers.remove(worker)
        for child, message in worker.children:
            child.die()
            self.casualties[message.task_id] += 1
            if redelivers:
                self.broker.messages.append(replace(message, again=True))
        for process in [process for process in self.processes if process.parent is worker]:
            process.die()
            self.processes.remove(process)

    @precondition(lambda self: self.processes)
    @rule(which=NUMBERS)
    def kill_another_process(self, which: int) -> None:
        self.processes.pop(which % len(self.processes)).die()

    @precondition(lambda self: self.workers)
    @rule(which=NUMBERS, is_numb=st.sampled_from([True, False, False]))
    def make_numb(self, which: int, is_numb: bool) -> None:
        self.workers[which % len(self.workers)].is_numb = is_numb

    @precondition(lambda self: self.workers)
    @rule(which=NUMBERS, steps=MOSTLY_ALL)
    def sweep(self, which: int, steps: int) -> None:
        worker = self.workers[which % len(self.workers)]
        self._start(worker.sweep, [], steps, parent=worker)

    @rule(seconds=SECONDS)
    def wait(self, seconds: int) -> None:
        while seconds > 0:
            self.beat()
            self.clock.advance(timedelta(seconds=min(seconds, 10)))
            seconds -= 10
            self._note_what_lapsed()
        self.beat()

    def beat(self) -> None:
        for worker in self.workers:
            if not worker.is_numb:
                beat = Process(self, worker.beat).advance()
                assert isinstance(beat.error, OmegaError | None)
                self._note_what_was_renewed(worker)

    # -- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def nothing_went_wrong(self) -> None:
        assert self.wrongs == []

    @invariant()
    def what_has_ended_stays_as_it_is(self) -> None:
        for document in self.om.context.store.collection(TASKS).find():
            if document["status"] in {SUCCESS, FAILURE}:
                assert self.final.setdefault(document["_id"], document) == document
            assert document["attempts"] <= MAX_ATTEMPTS
        assert self.final.keys() <= {document["_id"] for document in self.om.context.store.collection(TASKS).find()}

    @invariant()
    def what_kills_its_worker_is_not_run_for_ever(self) -> None:
        assert all(self.runs[call.number] <= MAX_ATTEMPTS for call in self.calls.values() if call.ending == "kills")

    def teardown(self) -> None:
        try:
            self._settle()
            for call in self.calls.values():
                self._check_end(call)
            for call in [*self.calls.values(), *self.unsure]:
                self._check_puts(call)
            self._check_leftovers()
        finally:
            for process in [*self.processes, *(child for worker in self.workers for child, _ in worker.children)]:
                process.die()
            self.patch.undo()

    def on_lease(self, process: Process, task: Task, lease: Lease | None) -> None:
        """See that a task which was taken runs nowhere else, and that its turn has come."""
        process.lease = lease
        if lease is None or not lease.is_recorded:
            return
        process.sure_until = lease.started + process.context.patience.lease
        for worker in self.workers:
            for other, message in worker.children:
                is_sure = other.sure_until is not None and other.sure_until > self.clock.now()
                if other is not process and message.task_id == task.id and other.is_running and is_sure:
                    self.wrongs.append(f"{task.id} is run by two")
        for call in [*self.calls.values(), *self.unsure]:
            if call.task_id == task.id:
                before = self.log.get_many([one.task_id for one in call.before], ended=True)
                early = [one for one in call.before if one.task_id not in before]
                self.wrongs += [f"{task.id} was started before {one.task_id} had ended" for one in early]

    # -- inside ----------------------------------------------------------------------------------------------------

    def _call(self, ending: str, puts: int, *, shared: bool) -> Call:
        number = next(self.numbers)
        return Call(number, puts=puts, into="shared" if shared else f"out/{number}", ending=ending)

    def _client(self, process: Process) -> Omega:
        return Omega(process.context, queue=SimulatedQueue(process.dispatch), router=InProcessRouter())

    def _run(self, runtime: Any, call: Call, *, large: bool) -> Any:
        facts = {"number": call.number, "puts": call.puts, "into": call.into, "ending": call.ending}
        return runtime.model("effects").run(**facts, **({"ballast": "x" * 50} if large else {}))

    def _submitted(self, call: Call) -> None:
        self.unsure.remove(call)
        self.calls[call.task_id] = call

    def _start(
        self, work: Callable[[Process], Any], calls: list[Call], steps: int, *, parent: Worker | None = None
    ) -> None:
        self.unsure += calls
        process = Process(self, work, parent=parent)
        self.processes.append(process)
        self._advance(process, steps)

    def _deliver(self, which: int, steps: int) -> Worker:
        choices = list(self._deliverable())
        worker, message = choices[which % len(choices)]
        self._receive(worker, message, steps)
        return worker

    def _receive(self, worker: Worker, message: Message, steps: int) -> None:
        self.broker.messages.remove(message)
        self._advance(worker.receive(message), steps)

    def _advance(self, process: Process, steps: int) -> None:
        process.advance(steps)
        for worker in self.workers:
            self._bury(worker)
        for other in [other for other in self.processes if not other.is_running]:
            self.processes.remove(other)
            if not isinstance(other.error, BrokerUnavailableError | Killed | None):
                self.wrongs.append(f"{other.error!r}")

    def _bury(self, worker: Worker, *, says_so: bool = True) -> None:
        for child, message in list(worker.children):
            if child.is_running:
                continue
            worker.children.remove((child, message))
            if child.died:
                self.casualties[message.task_id] += 1
                if says_so:
                    worker.lost.append(message.task_id)
            elif not isinstance(child.error, BrokerUnavailableError | None):
                self.wrongs.append(f"{child.error!r}")

    def _note_what_was_renewed(self, worker: Worker) -> None:
        for child, message in worker.children:
            if child.lease is None or child.sure_until is None:
                continue
            try:
                record = self.log.get(message.task_id)
            except ObjectNotFoundError:
                continue
            mine = (record.holder, record.attempts) == (worker.holder, child.lease.attempt)
            if mine and record.lease is not None:
                child.sure_until = record.lease

    def _note_what_lapsed(self) -> None:
        for worker in self.workers:
            for child, message in worker.children:
                if child.sure_until is not None and child.sure_until <= self.clock.now():
                    child.sure_until = None
                    self.casualties[message.task_id] += 1

    def _deliverable(self) -> Iterator[tuple[Worker, Message]]:
        free = [worker for worker in self.workers if worker.is_free] if self.broker.is_up else []
        return ((worker, each) for each in self.broker.messages for worker in free if each.label in worker.labels)

    def _settle(self) -> None:
        """Let everything go well for as long as it takes."""
        self.broker.is_up = True
        while pending := [*self.processes, *(child for worker in self.workers for child, _ in worker.children)]:
            self._advance(pending[0], ALL)
        for worker in self.workers:
            worker.is_numb = False
        self.workers.append(Worker(self, next(self.names), LABELS))
        self._work_off()
        if self.unsure:
            self.clock.advance(self.om.context.patience.abandoned)
            self._work_off()

    def _work_off(self, rounds: int = 60) -> None:
        """Let the workers sweep and work again and again, until nothing is left to do."""
        runs, tasks = self.om.context.store.collection(RUNS), self.om.context.store.collection(TASKS)
        unfinished = {"status": {"$nin": [SUCCESS, FAILURE]}}
        while rounds and (self.broker.messages or runs.find_one() or tasks.find_one(unfinished)):
            self._work_on()
            rounds -= 1

    def _work_on(self) -> None:
        for worker in list(self.workers):
            self._start(worker.sweep, [], ALL, parent=worker)
        while choices := list(self._deliverable()):
            self._receive(*choices[0], ALL)
        self.wait(30)
        self.nothing_went_wrong()
        self.what_has_ended_stays_as_it_is()

    def _check_end(self, call: Call) -> None:
        result = self.om.runtime.result(call.task_id)
        assert not isinstance(result, GroupResult)
        record = result.record
        assert record.is_final, record
        if self.cancels.get(call.task_id):
            assert record.status == FAILURE
        if record.status == SUCCESS:
            expected = [2 * call.number] * len(result.get()) if call.ending == "reads" else call.value
            assert (call.ending in {"well", "reads"}, result.get()) == (True, expected)
            return
        with pytest.raises(tuple(self._reasons(call))):
            result.get()

    def _reasons(self, call: Call) -> Iterator[type[Exception]]:
        """Iterate over the errors that a call may end with."""
        if call.task_id in self.cancels:
            yield TaskCancelledError
        if call.ending == "fails":
            yield KeyError
        if call.ending == "kills" or self.casualties[call.task_id] >= MAX_ATTEMPTS:
            yield WorkerLostError
        for other in call.before:
            if self.log.get(other.task_id).status == FAILURE:
                yield from self._reasons(other)

    def _check_puts(self, call: Call) -> None:
        versions = self.om.datasets.versions(call.into) if self._exists(call.into) else []
        found = [self.om.datasets.get(f"{call.into}@{meta.version}") for meta in versions]
        mine = [value for value in found if value[0] == call.number]
        made = [[call.number, turn] for turn in range(call.puts)]
        is_success = call.task_id in self.calls and self.log.get(call.task_id).status == SUCCESS
        assert mine == (made if is_success else made[: len(mine)])

    def _exists(self, name: str) -> bool:
        return bool(name) and self.om.datasets.exists(name)

    def _check_leftovers(self) -> None:
        records = self.om.context.store.collection(TASKS)
        assert [document for document in records.find() if document["status"] not in {SUCCESS, FAILURE}] == []
        assert list(self.om.context.store.collection(RUNS).find()) == []
        self.clock.advance(timedelta(days=2))
        self.om.collect()
        assert temporaries(self.om) == []


class SimulatedQueue(TaskQueue):
    """Submits by the dispatch of a process."""

    def __init__(self, dispatch: Dispatch) -> None:
        self._dispatch = dispatch

    @property
    def name(self) -> str:
        return "simulated"

    def submit(self, stages: Sequence[Sequence[Task]]) -> None:
        self._dispatch.record(stages)


TestCluster = Cluster.TestCase
# more than the profile has: nothing else tries what deaths of several workers do to each other
TestCluster.settings = settings(TestCluster.settings, max_examples=times(20, soak=300))


# -- each step, one by one ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", ["sleeps", "dies", "dies, and the broker brings it again", "its child dies"])
@pytest.mark.parametrize("form", ["single", "sequence", "mapreduce"])
def test_whatever_happens_before_whichever_step_of_a_task(form: str, fate: str) -> None:
    for steps in count():
        cluster = Cluster()
        _submit(cluster, form)
        worker = cluster._deliver(0, steps)
        has_ended = not worker.children
        if fate == "sleeps":
            cluster.sleep(which=cluster.workers.index(worker), steps=ALL, times=1)
        elif fate == "its child dies" and not has_ended:
            cluster.kill_a_child(which=0, says_so=True)
        elif not has_ended:
            cluster._kill(worker, redelivers=fate != "dies")
        cluster.teardown()
        assert _all_succeeded(cluster)
        if has_ended:
            assert steps > 5
            break


@pytest.mark.parametrize("redelivers", [True, False])
def test_a_task_whose_workers_die_is_not_started_for_ever(redelivers: bool) -> None:
    cluster = Cluster()
    _submit(cluster, "single")
    for _ in range(MAX_ATTEMPTS + 2):
        if not cluster.broker.messages:
            cluster.wait(16)
            cluster.sweep(which=0, steps=ALL)
        if cluster.broker.messages:
            cluster.deliver_to_one_that_dies(which=0, steps=5, redelivers=redelivers, seconds=16)
        cluster.what_has_ended_stays_as_it_is()
    cluster.teardown()
    (record,) = cluster.log.recent(9)
    assert (record.status, record.attempts, (record.error or {})["type"].rpartition(".")[2]) == (
        FAILURE,
        MAX_ATTEMPTS,
        "WorkerLostError",
    )


@pytest.mark.parametrize("form", ["single", "sequence", "mapreduce"])
@pytest.mark.parametrize("broker", [True, False])
def test_a_client_may_die_before_whichever_step_of_a_submission(form: str, broker: bool) -> None:
    for steps in count():
        cluster = Cluster()
        cluster.broker.is_up = broker
        _submit(cluster, form, steps=steps)
        has_ended = not cluster.processes
        if not has_ended:
            cluster.kill_another_process(which=0)
        cluster.teardown()
        if has_ended:
            assert _all_succeeded(cluster) if broker else not cluster.calls
            break


@pytest.mark.parametrize("form", ["single", "sequence", "mapreduce"])
@pytest.mark.parametrize("before", ["its end is recorded", "it says that it has ended"])
def test_a_sweep_may_end_before_whichever_step(form: str, before: str) -> None:
    for steps in count():
        cluster = Cluster()
        _submit(cluster, form)
        while cluster.broker.messages:
            worker = cluster._deliver(0, 5)
            while before == "it says that it has ended" and not cluster.final.keys() & {worker.children[0][1].task_id}:
                cluster._advance(worker.children[0][0], 1)
                cluster.what_has_ended_stays_as_it_is()
            cluster._kill(worker, redelivers=False)
            cluster.workers.append(Worker(cluster, next(cluster.names), LABELS))
        cluster.wait(61)
        cluster.sweep(which=0, steps=steps)
        has_ended = not cluster.processes
        if not has_ended:
            cluster.kill_another_process(which=0)
        cluster.teardown()
        assert _all_succeeded(cluster)
        if has_ended:
            break


def _submit(cluster: Cluster, form: str, *, steps: int = ALL) -> None:
    if form == "single":
        cluster.submit(ending="well", puts=2, shared=False, label="default", large=True, steps=steps)
    else:
        cluster.submit_together(form=form, endings=["well"] * 3, puts=1, label="default", steps=steps)


def _all_succeeded(cluster: Cluster) -> bool:
    return {cluster.log.get(task_id).status for task_id in cluster.calls} == {SUCCESS}
