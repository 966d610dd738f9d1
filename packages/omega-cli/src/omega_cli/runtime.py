"""``om runtime``: training, predicting and running by name; the commands about tasks and workers stand beside it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, get_args

import typer

from omega_cli import completion, logs, output, parsing, tasks, waiting, workers
from omega_cli.session import Session, working

if TYPE_CHECKING:
    from omega_domain.runtime.runtime import OmegaRuntime
    from omega_domain.tasks.results import AsyncResult

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
#: What changes nothing unless its result is stored.
READING = ("transform", "predict", "predict_proba", "decision_function", "score")
WITH_TARGET = ("fit", "partial_fit", "fit_transform", "score", "gridsearch")
ACTIONS = f"One of {', '.join(get_args(Action))}."

_NAMED: Final = re.compile(r"[^\W\d]\w*=")

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
Require = Annotated[
    str | None, typer.Option("--require", metavar="LABEL", help="Label of the workers that may run it.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Let it wait in the queue, though no such worker lives.")]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", min=0, metavar="SECONDS", help="How long it may run before the worker ends it."),
]
Logging = Annotated[bool, typer.Option("--logging", help="Keep what it prints and logs, for om runtime log.")]
Async = Annotated[bool, typer.Option("--async", help="Print the id of the task, and do not wait.")]


@app.callback()
def runtime(
    ctx: typer.Context,
    require: Require = None,
    wait: Wait = False,
    timeout: Timeout = None,
    logging: Logging = False,
) -> None:
    """Train, predict and run by name, and see what became of it.

    The options below may also stand behind model and script.
    """


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
    no_wait: Async = False,
    require: Require = None,
    wait: Wait = False,
    timeout: Timeout = None,
    logging: Logging = False,
) -> None:
    """Train or use a model by name.

    JSON: {id, status, value}; with --async {id, status}.
    """
    given = {"Xname": x, "Yname": y, "rName": result}
    if action == "run" and x is not None:
        given = {"data": parsing.value_of(x), "rName": result}
    if y is not None and action not in WITH_TARGET:
        raise typer.BadParameter(f"{action} takes no target; those that do: {', '.join(WITH_TARGET)}", param_hint="Y")
    options = parsing.pairs(param, option="--param") | {key: value for key, value in given.items() if value is not None}
    view = _view(ctx, require=require, wait=wait, timeout=timeout, logging=logging)
    if action not in READING or options.get("rName") is not None:  # also by --param rName=…
        Session.of(ctx).changing()
    _submit(ctx, f"{action} {name}", lambda: getattr(view.model(name), action)(**options), no_wait=no_wait)


@app.command("script")
def script(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the script.", autocompletion=completion.scripts)],
    action: Annotated[Literal["run"], typer.Argument(metavar="run", show_choices=False, help="What there is to do.")],
    values: Annotated[
        list[str],
        typer.Argument(
            metavar="[VALUE]... [KEY=VALUE]...",
            help="Arguments of its run(om, ...), as JSON or text; write -- before one that begins with a dash.",
            show_default=False,
        ),
    ] = [],  # noqa: B006 -- typer copies it
    no_wait: Async = False,
    require: Require = None,
    wait: Wait = False,
    timeout: Timeout = None,
    logging: Logging = False,
) -> None:
    """Run a script by name.

    JSON: {id, status, value}; with --async {id, status}.
    """
    args, kwargs = _call_of(values)
    view = _view(ctx, require=require, wait=wait, timeout=timeout, logging=logging)
    Session.of(ctx).changing()
    _submit(ctx, f"{action} {name}", lambda: view.script(name).run(*args, **kwargs), no_wait=no_wait)


app.command("result")(tasks.result)
app.command("status")(tasks.status)
app.command("cancel")(tasks.cancel)
app.command("log")(logs.log)
app.command("labels")(workers.labels)
app.command("workers")(workers.workers)
app.command("queues")(workers.queues)
app.command("ping")(workers.ping)


@app.command("explain")
def explain(
    ctx: typer.Context,
    what: Annotated[Literal["model", "script"], typer.Argument(metavar="model|script", show_choices=False)],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the object.", autocompletion=completion.promotable)
    ],
    action: Annotated[
        Action, typer.Argument(metavar="[ACTION]", show_choices=False, show_default=False, help=ACTIONS)
    ] = "run",
    require: Require = None,
    wait: Wait = False,
) -> None:
    """Explain where a task would go and why.

    Nothing is submitted.

    JSON: {task, label, why, queue, waiting, candidates, differences, problem}.
    """
    session = Session.of(ctx)
    found = _view(ctx, require=require, wait=wait).explain(name, action, kind=what)
    if not session.as_json:
        found["differences"] = "\n".join(workers.differences(found["differences"]))
    output.show_facts(session, found)


def _view(
    ctx: typer.Context, *, require: str | None, wait: bool, timeout: float | None = None, logging: bool = False
) -> OmegaRuntime:
    """Return the runtime as the options say that stand behind a command or, where none does, before it."""
    outer = ctx.parent.params if ctx.parent else {}
    limit = outer.get("timeout") if timeout is None else timeout
    is_kept = logging or outer.get("logging")
    view = Session.of(ctx).runtime.require(require or outer.get("require"), wait=wait or bool(outer.get("wait")))
    return view.mode(timeout=limit, logging=True if is_kept else None)


def _call_of(items: Sequence[str]) -> tuple[list[Any], dict[str, Any]]:
    """Return the arguments of a call: values, and behind them those with a name."""
    named = [item for item in items if _NAMED.match(item)]
    values = items[: len(items) - len(named)]
    if any(_NAMED.match(item) for item in values):
        raise typer.BadParameter("values without a name stand before those with one", param_hint="VALUE")
    twice = [name for name, count in Counter(item.partition("=")[0] for item in named).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"{twice[0]!r} is given twice", param_hint="KEY=VALUE")
    return [parsing.value_of(item) for item in values], parsing.pairs(named, option="KEY=VALUE")


def _submit(ctx: typer.Context, what: str, submit: Callable[[], AsyncResult], *, no_wait: bool) -> None:
    """Submit a task, and print its result, or its id if nobody waits for it."""
    session = Session.of(ctx)
    with working(what), redirect_stdout(sys.stderr):  # what a task in this process prints is not the result
        task = submit()
    if no_wait:
        output.show_facts(session, {"id": task.id, "status": task.status})
    else:
        waiting.show_result(session, task)
