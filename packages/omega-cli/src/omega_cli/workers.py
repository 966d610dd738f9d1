"""``om runtime labels|workers|queues|ping``: who works, and what waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

import typer

from omega_cli import output
from omega_cli.session import Session

COLUMNS: Final = ("name", "labels", "capacity", "seen")
QUEUE_COLUMNS: Final = ("label", "waiting", "workers")
NONE: Final = "no worker lives"


def labels(ctx: typer.Context) -> None:
    """List the live workers and their labels.

    JSON: an array of {worker, labels}.
    """
    session = Session.of(ctx)
    found = [{"worker": name, "labels": served} for name, served in session.runtime.labels().items()]
    output.show_rows(session, found, ["worker", "labels"], empty=NONE)


def workers(ctx: typer.Context) -> None:
    """List the live workers: how many tasks each runs at a time, and when it was last heard of.

    JSON: an array of {name, labels, capacity, packages, seen}.
    """
    session = Session.of(ctx)
    found = list(session.runtime.workers().values())
    shown = found if session.as_json else rows(found, session.omega.context.clock.now())
    output.show_rows(session, shown, COLUMNS, empty=NONE)


def queues(ctx: typer.Context) -> None:
    """List how many tasks wait for each label, and how many workers serve it.

    JSON: an array of {label, waiting, workers}.
    """
    session = Session.of(ctx)
    found = queue_rows(session.runtime.queues(), session.runtime.workers().values())
    output.show_rows(session, found, QUEUE_COLUMNS)


def ping(ctx: typer.Context) -> None:
    """Ask every worker for a sign of life.

    The exit code is 1 if none gives one.

    JSON: an array of {worker, answer}.
    """
    session = Session.of(ctx)
    found = [{"worker": name, "answer": answer} for name, answer in session.runtime.ping().items()]
    output.show_rows(session, found, ["worker", "answer"], empty=NONE)
    if not found:
        raise typer.Exit(1)


def rows(found: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Return workers as people read them: without their packages, and seen how long ago."""
    return [{**worker, "seen": f"{output.age(datetime.fromisoformat(worker['seen']), now)} ago"} for worker in found]


def queue_rows(waiting: Mapping[str, int], found: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return how many tasks wait for each label, and how many workers serve it, by label."""
    served = [label for worker in found for label in worker["labels"]]
    return [{"label": label, "waiting": waiting[label], "workers": served.count(label)} for label in sorted(waiting)]


def differences(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return a line for each package of a worker whose version is another here."""
    return [
        f"{worker}: {package} {there or 'is missing'}, here {here or 'it is missing'}"
        for worker, packages in found.items()
        for package, (here, there) in packages.items()
    ]
