"""Logs of a worker: one line an event, for people or as JSON."""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Mapping
from typing import Any

import structlog

from omega_domain.commands.words import printable

#: Loggers whose lines say what ours say.
_REPEATED = ("celery.app.trace", "celery.worker.strategy", "multiprocessing")
#: The logger of what Celery starts processes with; it passes nothing on.
_ALONE = "multiprocessing"


def configure_logs(form: str, level: str) -> None:
    """Write all log records of this process to stderr.

    Args:
        form: ``console`` or ``json``.
        level: the lowest level that is written.
    """
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    final: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if form == "json":
        final += [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    else:
        # a plain traceback tells no values of variables, which may be secrets
        final += [structlog.processors.format_exc_info, _as_printable]
        final += [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger(_ALONE).handlers[:] = [handler]
    warnings.showwarning = _log_warning
    for name in _REPEATED:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _as_printable(_: object, __: str, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Keep what tasks and stores say from steering a terminal."""
    return {name: printable(value) if isinstance(value, str) else value for name, value in event.items()}


def _log_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    logging.getLogger("py.warnings").warning(str(message))
