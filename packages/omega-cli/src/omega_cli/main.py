"""The ``om`` command: its global options, its commands, and how it ends."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from omega_cli import completion, configuring, demonstrating, promoting, runtime, stores, upkeep
from omega_cli.session import Command, Session

DONE, FAILED, MISUSED, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(name="om", no_args_is_help=True, pretty_exceptions_enable=False)
for _name, _help in stores.GROUPS.items():
    app.add_typer(stores.app, name=_name, help=_help)
app.add_typer(runtime.app, name="runtime")
app.command("promote", cls=Command)(promoting.promote)
app.command("buckets", cls=Command)(configuring.buckets)
app.command("gc", cls=Command)(upkeep.gc)
app.command("fsck", cls=Command)(upkeep.fsck)
app.command("du", cls=Command)(upkeep.du)
app.add_typer(configuring.app, name="config")
app.command("doctor", cls=Command)(configuring.doctor)
app.command("demo", cls=Command)(demonstrating.demo)
app.command("shell", cls=Command)(configuring.shell)


@app.callback()
def om(
    ctx: typer.Context,
    context: Annotated[
        str | None, typer.Option(help="Context, as described in omega.toml.", autocompletion=completion.contexts)
    ] = None,
    bucket: Annotated[str | None, typer.Option(help="Bucket in the context.", autocompletion=completion.buckets)] = None,
    home: Annotated[str | None, typer.Option(help="Folder of the embedded store.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Run tasks in this process.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Data and models by name: keep them, train and use them, promote them.

    The options below may stand before or behind a command.
    """
    ctx.find_root().obj = Session(context, bucket, home, as_json, local, debug)


def main() -> None:
    """Run ``om`` with the arguments of this process."""
    warnings.showwarning = _show_warning
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run ``om`` with these arguments; return its exit code.

    0 done, 1 the operation failed, 2 wrong usage, 130 interrupted.
    """
    try:
        return int(app(list(args), prog_name="om", standalone_mode=False) or DONE)
    except typer.TyperException as error:
        return _misused(error)
    except (typer.Abort, KeyboardInterrupt):
        sys.stderr.write("om: interrupted\n")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 -- every failure ends as one line and an exit code
        return _failed(error, with_traceback="--debug" in args)


def _misused(error: typer.TyperException) -> int:
    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "om"
    sys.stderr.write(f"{path}: {error.format_message()} See {path} --help\n")
    return error.exit_code


def _failed(error: Exception, *, with_traceback: bool) -> int:
    from omega_domain.errors import OmegaError

    if with_traceback:
        traceback.print_exception(error)
    words = " ".join(str(error).split())
    if not isinstance(error, OmegaError):
        words = f"{type(error).__name__}: {words} (--debug shows where)"
    sys.stderr.write(f"om: {words}\n")
    return FAILED


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    sys.stderr.write(f"om: warning: {' '.join(str(message).split())}\n")
