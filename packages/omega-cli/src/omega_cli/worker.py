"""``om worker``: running the tasks of a context."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Annotated, Literal

import typer

from omega_cli.session import Session

OPTIONS = {"allow_extra_args": True, "ignore_unknown_options": False}

Pool = Literal["prefork", "threads", "solo"]


def worker(
    ctx: typer.Context,
    label: Annotated[
        list[str],
        typer.Option("--label", "-l", metavar="LABEL", help="Run the tasks of this label; may be given again."),
    ] = ["default"],  # noqa: B006 -- typer copies it
    concurrency: Annotated[
        int | None,
        typer.Option("--concurrency", "-c", min=1, metavar="N", help="Tasks at a time; by default as many as CPUs."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the worker; by default worker@host.")] = None,
    pool: Annotated[
        Pool, typer.Option(help="Where tasks run: in processes of their own, in threads, or in this process.")
    ] = "prefork",
    log_format: Annotated[
        Literal["console", "json"] | None, typer.Option(help="Form of the lines on stderr; json with --json.")
    ] = None,
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR"], typer.Option(help="Lowest level of the lines.")
    ] = "INFO",
) -> None:
    """Run tasks of the context, in all its buckets.

    Until it is stopped: SIGTERM and Ctrl-C let the tasks that run come to their end. SIGQUIT and a second Ctrl-C do
    not; then others run them.

    Options of Celery's worker stand behind two dashes, and two dashes with --help list them:

    om worker --label gpu -- -E --max-tasks-per-child 100
    """
    from omega_domain.errors import UnsupportedOptionError
    from omega_ml.plugins import worker_runner

    run, session = worker_runner(), Session.of(ctx)
    try:
        code = run(
            session.omega,
            labels=_checked(label),
            name=name,
            concurrency=_capacity(concurrency, pool),
            pool=pool,
            log_format=log_format or ("json" if session.as_json else "console"),
            log_level=log_level,
            options=ctx.args,
        )
    except UnsupportedOptionError as error:
        raise typer.BadParameter(str(error), param_hint="'-- OPTIONS'") from error
    raise typer.Exit(code)


def _checked(labels: Sequence[str]) -> list[str]:
    from omega_domain.entities.names import validate_name
    from omega_domain.errors import InvalidNameError

    for label in labels:
        if "," in label:
            several = " ".join(f"--label {each.strip()}" for each in label.split(","))
            raise typer.BadParameter(f"write {several}", param_hint="--label")
        try:
            validate_name(label, what="label")
        except InvalidNameError as error:
            raise typer.BadParameter(str(error), param_hint="--label") from error
    return list(labels)


def _capacity(concurrency: int | None, pool: Pool) -> int:
    if pool != "solo":
        return concurrency or os.cpu_count() or 1
    if concurrency not in {None, 1}:
        raise typer.BadParameter("the pool solo runs one task at a time", param_hint="--concurrency")
    return 1
