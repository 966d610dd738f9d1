"""``om runtime``: training, predicting and running by name, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

import typer

from omega_cli import completion, output, parsing
from omega_cli.session import Session, working

if TYPE_CHECKING:
    from omega_domain.services.results import AsyncResult

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
ACTIONS = f"One of {', '.join(get_args(Action))}."

X = Annotated[
    str | None,
    typer.Argument(
        metavar="X", help=r"Dataset, also name\[a,b]; '*' is what it was fitted on.", autocompletion=completion.datasets
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
        list[str], typer.Option("--param", "-p", metavar="KEY=VALUE", help="Parameter of the action; VALUE is JSON or text.")
    ] = [],  # noqa: B006 -- typer copies it
    no_wait: Annotated[bool, typer.Option("--async", help="Print the id of the task, and do not wait.")] = False,
) -> None:
    """Train or use a model by name.

    JSON: {id, status, value}; with --async {id, status}.
    """
    session = Session.of(ctx)
    require = ctx.parent.params.get("require") if ctx.parent else None
    where = session.runtime.require(require) if require else session.runtime
    options = parsing.pairs(param, option="--param") | ({"rName": result} if result else {})
    with working(f"{action} {name}"):
        task = getattr(where.model(name), action)(*(data for data in (x, y) if data is not None), **options)
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


def _show(session: Session, task: AsyncResult, *, with_value: bool) -> None:
    facts: dict[str, Any] = {"id": task.id, "status": task.status}
    if not with_value:
        output.show_facts(session, facts)
    elif session.as_json:
        output.print_json({**facts, "value": task.get()})
    else:
        output.show_object(session, facts, task.get())
