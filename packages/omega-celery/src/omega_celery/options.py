"""Options of Celery's worker: whether they are right, and may be given, before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import click
from celery import Celery
from celery.bin.base import CLIContext
from celery.bin.worker import worker

from omega_domain.errors import UnsupportedOptionError

#: What can not be given, and why or where instead.
_REFUSED: Final = {
    "hostname": "use --name of om worker",
    "queues": "use --label of om worker",
    "exclude_queues": "use --label of om worker",
    "concurrency": "use --concurrency of om worker",
    "pool": "use --pool of om worker",
    "loglevel": "use --log-level of om worker",
    "logfile": "lines go to stderr: redirect it",
    "detach": "let systemd or a container keep the worker running",
    "purge": "the store knows what waits, and would bring it again: use om runtime cancel",
}


def check_options(app: Celery, options: Sequence[str]) -> None:
    """Raise if these can not be options of a worker; with ``--help``, print which there are and end the process.

    Raises:
        UnsupportedOptionError: an option is unknown, has a wrong value, or is not left to Celery.
    """
    try:
        context = worker.make_context("om worker --", list(options), obj=CLIContext(app, no_color=True, workdir=None))
    except click.exceptions.Exit as shown:
        raise SystemExit(shown.exit_code) from None
    except click.ClickException as error:
        raise UnsupportedOptionError(f"Celery's worker does not take this: {error.format_message()}") from error
    if context.args:
        raise UnsupportedOptionError(f"{context.args[0]!r} is no option; settings of Celery belong into celeryconf")
    for name, instead in _REFUSED.items():
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise UnsupportedOptionError(f"--{name.replace('_', '-')} can not be left to Celery: {instead}")
