"""``om runtime``: training, predicting and running by name, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from omega_cli import completion, output, parsing
from omega_cli.session import Session, working

if TYPE_CHECKING:
    from omega_domain.services.results import AsyncResult, GroupResult

app = typer.Typer(no_args_is_help=True)

Action = Literal[
    "fit",
    "partial_fit",
    "transform",
    "fit_transform",
    "predict",
    "predict_proba",
    "decision_function",
    "score",
    "gridsearch",
    "run",
]
WITH_TARGET = ("fit", "partial_fit", "fit_transform", "score", "gridsearch")
ACTIONS = f"One of {', '.join(get_args(Action))}."

X = Annotated[
    str | None,
    typer.Argument(
        metavar="X",
        help="Dataset, also name[a,b]; '*' is what it was fitted on; for run a value.",
        autocompletion=completion.datasets,
    ),
]
Y = Annotated[
    str | None, typer.Argument(metavar="Y", help="Dataset of the target.", autocompletion=completion.datasets)
]


@app.callback()
def runtime(
    ctx: typer.Context,
    require: Annotated[str | None, typer.Option(help="Label of the workers that may run it.")] = None,
) -> None:
    """Train, predict and run by name, and see what became of it."""
    ctx.params["require"] = require


@app.command("model")
def model(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the model.", autocompletion=completion.models)],
    action: Annotated[Action, typer.Argument(metavar="ACTION", show_choices=False, help=ACTIONS)],
    x: X = None,
    y: Y = None,
    result: Annotated[
        str | None, typer.Option(help="Dataset to store the result in.", autocompletion=completion.datasets)
    ] = None,
    param: Annotated[
        list[str],
        typer.Option("--param", "-p", metavar="KEY=VALUE", help="Parameter of the action; VALUE is JSON or text."),
    ] = [],  # noqa: B006 -- typer copies it
    no_wait: Annotated[bool, typer.Option("--async", help="Print the id of the task, and do not wait.")] = False,
) -> None:
    """Train or use a model by name.

    JSON: {id, status, value}; with --async {id, status}.
    """
    session = Session.of(ctx)
    require = ctx.parent.params["require"] if ctx.parent else None
    given = {"Xname": x, "Yname": y, "rName": result}
    if action == "run" and x is not None:
        given = {"data": parsing.value_of(x), "rName": result}
    if y is not None and action not in WITH_TARGET:
        raise typer.BadParameter(f"{action} takes no target; those that do: {', '.join(WITH_TARGET)}", param_hint="Y")
    options = parsing.pairs(param, option="--param") | {key: value for key, value in given.items() if value is not None}
    with working(f"{action} {name}"):
        task = getattr(session.runtime.require(require).model(name), action)(**options)
        if not no_wait:
            task.get()
    _show(session, task, with_value=not no_wait)


@app.command("result")
def result(
    ctx: typer.Context,
    task: Annotated[str, typer.Argument(metavar="ID", help="Id of the task.")],
    timeout: Annotated[float | None, typer.Option(help="Seconds to wait for it.")] = None,
) -> None:
    """Print the result of a task, once it is there.

    JSON: {id, status, value}.
    """
    session = Session.of(ctx)
    found = session.runtime.result(task)
    with working(f"waiting for {task}"):
        found.get(timeout=timeout)
    _show(session, found, with_value=True)


@app.command("status")
def status(ctx: typer.Context) -> None:
    """Show workers, queues, and numbers of tasks.

    JSON: {workers, queues, tasks}.
    """
    session = Session.of(ctx)
    found = session.runtime.status()
    output.show_facts(session, found if session.as_json else {**found, "workers": list(found["workers"])})


@app.command("labels")
def labels(ctx: typer.Context) -> None:
    """List the live workers and their labels.

    JSON: an array of {worker, labels}.
    """
    session = Session.of(ctx)
    rows = [{"worker": name, "labels": served} for name, served in session.runtime.labels().items()]
    output.show_rows(session, rows, ["worker", "labels"], empty="no worker lives")


@app.command("workers")
def workers(ctx: typer.Context) -> None:
    """List what is known of the live workers.

    JSON: an array of {name, labels, capacity, packages, seen}.
    """
    session = Session.of(ctx)
    rows = list(session.runtime.workers().values())
    output.show_rows(session, rows, ["name", "labels", "capacity", "packages", "seen"], empty="no worker lives")


@app.command("ping")
def ping(ctx: typer.Context) -> None:
    """Ask every worker for a sign of life.

    The exit code is 1 if none gives one.

    JSON: an array of {worker, answer}.
    """
    session = Session.of(ctx)
    rows = [{"worker": name, "answer": answer} for name, answer in session.runtime.ping().items()]
    output.show_rows(session, rows, ["worker", "answer"], empty="no worker lives")
    if not rows:
        raise typer.Exit(1)


def _show(session: Session, task: AsyncResult | GroupResult, *, with_value: bool) -> None:
    facts: dict[str, Any] = {"id": task.id, "status": task.status}
    if not with_value:
        output.show_facts(session, facts)
    elif session.as_json:
        output.print_json({**facts, "value": task.get()})
    else:
        output.show_object(session, facts, task.get())
