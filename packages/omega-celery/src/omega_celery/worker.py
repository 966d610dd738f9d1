"""The worker: runs the tasks of its labels in processes of its own, and says in the store that it lives."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click
import structlog
from celery import Celery, signals
from celery.bin.base import CLIContext
from celery.bin.worker import worker as celery_worker
from kombu.entity import Queue

from omega_celery.app import RUN, patient
from omega_celery.heartbeat import Heart
from omega_celery.logs import configure_logs
from omega_celery.options import check_options
from omega_celery.runner import Runner, die_with_parent
from omega_celery.task_queue import CeleryTaskQueue
from omega_domain.entities.names import validate_name
from omega_domain.entities.requirement import DEFAULT_LABEL, Worker
from omega_domain.errors import SettingsError
from omega_domain.tasks.workers import WorkerRegistry, installed_packages

if TYPE_CHECKING:
    from omega_domain.omega import Omega

POOLS: Final = ("prefork", "threads", "solo")


def run_worker(
    omega: Omega,
    *,
    labels: Sequence[str] = (DEFAULT_LABEL,),
    name: str | None = None,
    concurrency: int = 1,
    pool: str = "prefork",
    log_format: str = "console",
    log_level: str = "INFO",
    options: Sequence[str] = (),
) -> int:
    """Run a worker until it is stopped; return its exit code.

    SIGTERM or Ctrl-C stop it when its tasks have ended; SIGQUIT, or Ctrl-C again, at once: then others run them.

    Args:
        omega: the context whose tasks it runs, in all buckets.
        labels: the labels of the tasks that it runs.
        name: its name, ``gpubox`` or ``gpubox@host``; by default ``worker@host``, with a number if that is taken.
        concurrency: how many tasks it runs at a time.
        pool: ``prefork`` for a process each, ``threads``, or ``solo`` for this very process.
        log_format: ``console`` or ``json``.
        log_level: the lowest level that is logged.
        options: further options of ``celery worker``.

    Raises:
        SettingsError: the context has no broker. InvalidNameError: this can not be a label. UnsupportedOptionError:
            Celery does not take such an option, or it is not left to it.
    """
    queue = omega.queue
    if not isinstance(queue, CeleryTaskQueue):
        raise SettingsError(
            "a worker needs a broker: set broker_url (OMEGA_BROKER_URL) to amqp://… or redis://…, or, for workers on "
            "this machine only, to filesystem:///path/to/folder, which needs no server"
        )
    labels = tuple(dict.fromkeys(validate_name(label, what="label") for label in labels))
    check_options(queue.app, options)
    worker = _introduce(omega, name, labels, concurrency)
    configure_logs(log_format, log_level)
    app = patient(queue.app)
    queues = [queue.names.of(label) for label in labels]
    app.conf.task_queues = [Queue(each, routing_key=each) for each in queues]  # type: ignore[no-untyped-call]
    app.amqp.queues.select(queues)  # and no others, though tasks may be submitted to them from here
    queue.seal.prepare()
    heart = Heart(omega.context, queue.dispatch, worker)
    _install(app, Runner(omega, queue.dispatch, worker, queue.seal), heart)
    facts = {
        "worker": worker.name,
        "labels": list(labels),
        "queues": queues,
        "context": omega.context.name,
        "store": omega.context.store.url,
        "broker": queue.broker,
        "pool": f"{pool} of {concurrency}",
    }
    node = _node(worker.name, queue.names.context_id)
    argv = ["--hostname", node, "--concurrency", str(concurrency), "--pool", pool, "--loglevel", log_level]
    with _connected(heart, facts) as stops, heart:
        code = _serve(app, [*argv, "--without-gossip", "--without-mingle", *options])
    return 0 if stops == ["warm"] else code  # for Celery a warm stop by Ctrl-C is a failure


def _introduce(omega: Omega, name: str | None, labels: tuple[str, ...], concurrency: int) -> Worker:
    host = socket.gethostname()
    wanted = name or "worker"
    worker = Worker(
        id=omega.context.new_id(),
        name=wanted if "@" in wanted else f"{wanted}@{host}",
        labels=labels,
        capacity=concurrency,
        packages=installed_packages(),
        seen=omega.context.clock.now(),
        lease=omega.context.patience.lease,
    )
    return worker if name else WorkerRegistry(omega.context).enlist(worker)


def _node(name: str, context_id: str) -> str:
    """Return the name of a worker in the broker, where the workers of other contexts may have the same."""
    first, _, host = name.partition("@")
    return f"{first}.{context_id}@{host}"


def _serve(app: Celery, argv: Sequence[str]) -> int:
    """Run Celery's worker; return its exit code.

    Not by ``app.start()``, which would obey variables of the environment such as APP and BROKER_URL.
    """
    context = celery_worker.make_context(
        "worker", list(argv), obj=CLIContext(app, no_color=True, workdir=None, quiet=True)
    )
    try:
        with context:
            celery_worker.invoke(context)
    except click.exceptions.Exit as end:
        return int(end.exit_code or 0)  # Celery gives none when it was stopped at once
    return 0


def _install(app: Celery, run: Runner, heart: Heart) -> None:
    """Make the task known that runs all tasks."""

    def run_task(self: Any, text: str, again: bool, seal: str = "") -> None:  # noqa: FBT001 -- passed by position
        run(text, seal=seal, fresh=not (again or self.request.delivery_info.get("redelivered")))

    watched = "omega_celery.request:WatchedRequest"
    app.task(run_task, name=RUN, bind=True, ignore_result=True, typing=False, Request=watched, heart=heart)


@contextmanager
def _connected(heart: Heart, facts: dict[str, Any]) -> Iterator[list[str]]:
    """Hear of what happens to the worker, as long as it runs; yield how it was told to stop, each time."""
    log = structlog.get_logger("omega.worker")
    stops: list[str] = []

    def ready(**_: Any) -> None:
        heart.begin()
        log.info("worker ready", **facts)

    def stopping(sig: str = "", how: str = "", **_: Any) -> None:
        heart.close()
        stops.append(how.lower())
        log.info("worker stopping", signal=sig, how=how.lower(), worker=facts["worker"])

    def born(**_: Any) -> None:
        die_with_parent()

    def keep_logs(**_: Any) -> None:
        """Leave logging as it is configured; Celery configures none if this is connected."""

    pairs = (
        (signals.worker_ready, ready),
        (signals.worker_shutting_down, stopping),
        (signals.worker_process_init, born),
        (signals.setup_logging, keep_logs),
    )
    for signal, receiver in pairs:
        signal.connect(receiver, weak=False)
    try:
        yield stops
    finally:
        for signal, receiver in pairs:
            signal.disconnect(receiver)
        log.info("worker stopped", worker=facts["worker"])
        sys.stderr.flush()
