"""The runner: what a worker's process does with the message of a task."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

import structlog
from celery.exceptions import WorkerShutdown, WorkerTerminate

from omega_celery.agreed import Seal
from omega_domain.entities.requirement import Worker
from omega_domain.entities.task import Task
from omega_domain.errors import BrokerUnavailableError, StoreUnavailableError
from omega_domain.tasks.dispatching import Dispatch
from omega_domain.tasks.execution import Executor

if TYPE_CHECKING:
    from omega_domain.omega import Omega

_PR_SET_PDEATHSIG: Final = 1
#: Exit codes below the negative of this stand for signals: billiard subtracts 256 from the signal's number.
_SIGNALS: Final = 128


class Runner:
    """Runs the tasks whose messages a worker gets.

    Args:
        omega: the context.
        dispatch: hears of tasks that have ended.
        worker: the worker.
        seal: of the context.
    """

    def __init__(self, omega: Omega, dispatch: Dispatch, worker: Worker, seal: Seal) -> None:
        self._dispatch = dispatch
        self._seal = seal
        self._executor = Executor(
            omega.context,
            worker=worker.name,
            holder=worker.id,
            omega=omega.__getitem__,
            patience=omega.context.patience.outage.total_seconds(),
            is_stopping=is_stopping,
        )
        self._log = structlog.get_logger("omega.worker")

    def __call__(self, text: str, *, seal: object, fresh: bool) -> None:
        """Run the task of a message, unless its record says that there is nothing to do; see ``Executor.execute``.

        A message whose seal does not fit is not from this context, or was changed on its way: it is not even read.
        """
        if not self._seal.fits(text, seal):
            self._log.warning("refused a message that nobody of this context has sent")
            return
        start = time.perf_counter()
        task = self._executor.execute(text, fresh=fresh)
        if task is None:
            known = Task.from_json(text)
            self._log.info("nothing to run", task=known.id, what=_what(known))
            return
        self._log.info("ran", task=task.id, what=_what(task), seconds=round(time.perf_counter() - start, 4))
        try:
            self._dispatch.ended(task)
        except (BrokerUnavailableError, StoreUnavailableError) as error:
            self._log.warning("the next stage starts later", task=task.id, reason=str(error))


def is_stopping(error: BaseException) -> bool:
    """Tell whether an error is the way in which billiard ends a process that gets a signal, or Ctrl-C."""
    by_signal = isinstance(error, SystemExit) and isinstance(error.code, int) and error.code < -_SIGNALS
    return by_signal or isinstance(error, KeyboardInterrupt | WorkerShutdown | WorkerTerminate)


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies, so that no task goes on that others take over."""
    if sys.platform != "linux":
        return
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died meanwhile
        os.kill(os.getpid(), signal.SIGKILL)


def _what(task: Task) -> str:
    return f"{task.kind} {task.name} {task.action}"
