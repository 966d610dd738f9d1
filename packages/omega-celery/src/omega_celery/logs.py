"""Logs of a worker: one line an event, for people or as JSON."""

from __future__ import annotations

import logging
import sys
import warnings
from typing import Any

import structlog

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
        colours = sys.stderr.isatty()
        # before structlog 26 a traceback is coloured wherever rich is installed, whatever else is said
        traceback = structlog.dev.default_exception_formatter if colours else structlog.dev.plain_traceback
        final += [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=traceback)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=final))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.getLogger(_ALONE).handlers[:] = [handler]
    warnings.showwarning = _log_warning
    for name in _REPEATED:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def _log_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    logging.getLogger("py.warnings").warning(str(message))
