"""``om runtime``: training, predicting and running by name, and who works; what became of tasks stands beside it."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeVar, get_args

import typer
from typer import Argument, Option

from omega_cli import completion, log, output, parsing, rooms, tasks
from omega_cli.help import running
from omega_cli.session import Session
from omega_domain.tasks.actions import ModelAction

if TYPE_CHECKING:
    from omega_domain.commands.registry import Command
    from omega_domain.commands.tasks import CallOnWorkers, SubmittedTask
    from omega_domain.omega import Omega

Call = TypeVar("Call", bound="CallOnWorkers")
Task = TypeVar("Task", bound="SubmittedTask")

ACTIONS = f"One of {', '.join(get_args(ModelAction))}."
_NAMED: Final = re.compile(r"[^\W\d]\w*=")

X = Annotated[
    str | None,
    Argument(
        metavar="X",
        help="Dataset, also name[a,b]; '*' is what it was fitted on; for run a value.",
        autocompletion=completion.datasets,
    ),
]
Y = Annotated[str | None, Argument(metavar="Y", help="Dataset of the target.", autocompletion=completion.datasets)]
Require = Annotated[str | None, Option("--require", metavar="LABEL", help="Label of the workers that may run it.")]
Wait = Annotated[bool, Option("--wait", help="Let it wait in the queue, though no such worker lives.")]
Timeout = Annotated[
    float | None, Option("--timeout", min=0, metavar="SECONDS", help="How long it may run before the worker ends it.")
]
Logging = Annotated[bool, Option("--logging", help="Keep what it prints and logs, for om runtime log.")]
Async = Annotated[bool, Option("--async", help="Print the id of the task, and do not wait.")]

app = typer.Typer(no_args_is_help=True)
app.command("result", cls=running("tasks.result"))(tasks.result)
app.command("status", cls=running("tasks.status", show="an ID"))(tasks.status)
app.command("cancel", cls=running("tasks.cancel"))(tasks.cancel)
app.command("log", cls=running("logs.read", follow="--follow"))(log.log)


@app.callback()
def runtime(require: Require = None, wait: Wait = False, timeout: Timeout = None, logging: Logging = False) -> None:
    """Train, predict and run by name, and see what became of it.

    The options below may also stand behind model and script.
    """


@app.command("model", cls=running("tasks.model"))
def model(
    ctx: typer.Context,
    name: Annotated[str, Argument(metavar="NAME", help="Name of the model.", autocompletion=completion.models)],
    action: Annotated[ModelAction, Argument(metavar="ACTION", show_choices=False, help=ACTIONS)],
    x: X = None,
    y: Y = None,
    result: Annotated[
        str | None, Option(help="Dataset to store the result in.", autocompletion=completion.datasets)
    ] = None,
    param: Annotated[
        list[str], Option("--param", "-p", metavar="KEY=VALUE", help="Parameter of the action; VALUE is JSON or text.")
    ] = [],  # noqa: B006 -- typer copies it
    no_wait: Async = False,
    require: Require = None,
    wait: Wait = False,
    timeout: Timeout = None,
    logging: Logging = False,
) -> None:
    """Train or use a model by name."""
    from omega_domain.errors import UnsupportedOptionError

    data = parsing.value_of(x) if action == "run" and x is not None else x
    given = parsing.pairs(param, option="--param")
    how = _how(ctx, require=require, wait=wait, timeout=timeout, logging=logging, no_wait=no_wait)
    try:
        request = rooms.tasks.CallModel(name=name, action=action, x=data, y=y, result=result, param=given, **how)
    except UnsupportedOptionError as error:
        raise typer.BadParameter(str(error), param_hint="Y") from error
    _submit(ctx, rooms.tasks.call_model, request, shown=f"{action} {name}")


@app.command("script", cls=running("tasks.script"))
def script(
    ctx: typer.Context,
    name: Annotated[str, Argument(metavar="NAME", help="Name of the script.", autocompletion=completion.scripts)],
    action: Annotated[Literal["run"], Argument(metavar="run", show_choices=False, help="What there is to do.")],
    values: Annotated[
        list[str],
        Argument(
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
    """Run a script by name."""
    args, kwargs = _call_of(values)
    how = _how(ctx, require=require, wait=wait, timeout=timeout, logging=logging, no_wait=no_wait)
    request = rooms.tasks.RunScript(name=name, args=args, kwargs=kwargs, **how)
    _submit(ctx, rooms.tasks.run_script, request, shown=f"{action} {name}")


@app.command("explain", cls=running("tasks.explain"))
def explain(
    ctx: typer.Context,
    what: Annotated[Literal["model", "script"], Argument(metavar="model|script", show_choices=False)],
    name: Annotated[str, Argument(metavar="NAME", help="Name of the object.", autocompletion=completion.promotable)],
    action: Annotated[
        ModelAction, Argument(metavar="[ACTION]", show_choices=False, show_default=False, help=ACTIONS)
    ] = "run",
    require: Require = None,
    wait: Wait = False,
) -> None:
    """Explain where a task would go and why.

    Nothing is submitted.
    """
    request = rooms.tasks.ExplainTask(what=what, name=name, action=action, **_how(ctx, require=require, wait=wait))
    output.answer(ctx, rooms.tasks.explain, request, people=lambda found: output.print_facts(found.outline))


@app.command("labels", cls=running("workers.labels"))
def labels(ctx: typer.Context) -> None:
    """List the live workers and their labels."""
    output.answer(ctx, rooms.workers.labels, rooms.workers.AskWorkers(), ["worker", "labels"], empty=tasks.NO_WORKER)


@app.command("workers", cls=running("workers.list"))
def workers(ctx: typer.Context) -> None:
    """List the live workers: how many tasks each runs at a time, and when it was last heard of."""
    output.answer(ctx, rooms.workers.list_workers, rooms.workers.AskWorkers(), people=tasks.show_workers)


@app.command("queues", cls=running("workers.queues"))
def queues(ctx: typer.Context) -> None:
    """List how many tasks wait for each label, and how many workers serve it."""
    output.answer(ctx, rooms.workers.queues, rooms.workers.AskWorkers(), tasks.OF_QUEUES)


@app.command("ping", cls=running("workers.ping"))
def ping(ctx: typer.Context) -> None:
    """Ask every worker for a sign of life.

    The exit code is 1 if none gives one.
    """
    columns = ["worker", "answer"]
    if not output.answer(ctx, rooms.workers.ping, rooms.workers.AskWorkers(), columns, empty=tasks.NO_WORKER):
        raise typer.Exit(1)


def _how(ctx: typer.Context, **given: Any) -> dict[str, Any]:
    """Return how a task is run, as the options say that stand behind a command or, where none does, before it."""
    outer = ctx.parent.params if ctx.parent else {}
    found = {
        name: outer.get(name, value) if value is None or value is False else value for name, value in given.items()
    }
    return {**found, "local": Session.of(ctx).local}


def _call_of(items: Sequence[str]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the arguments of a call: values, and behind them those with a name."""
    named = [item for item in items if _NAMED.match(item)]
    values = items[: len(items) - len(named)]
    if any(_NAMED.match(item) for item in values):
        raise typer.BadParameter("values without a name stand before those with one", param_hint="VALUE")
    twice = [name for name, count in Counter(item.partition("=")[0] for item in named).items() if count > 1]
    if twice:
        raise typer.BadParameter(f"{twice[0]!r} is given twice", param_hint="KEY=VALUE")
    return tuple(map(parsing.value_of, values)), parsing.pairs(named, option="KEY=VALUE")


def _submit(ctx: typer.Context, command: Command[Omega, Call, Task], request: Call, *, shown: str) -> None:
    """Submit a task, and print its result, or its id if nobody waits for it."""
    session = Session.of(ctx)
    with redirect_stdout(sys.stderr):  # what a task in this process prints is not the result
        task = session.run(command, replace(request, no_wait=True), shown=shown)
    if request.no_wait:
        output.show(session, task)
    else:  # only now, so that whoever ends the waiting is told the id
        tasks.show_result(session, task.id)
