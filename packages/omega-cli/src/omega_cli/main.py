"""The ``om`` command: its global options, its commands, and how it ends."""

from __future__ import annotations

import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from omega_cli import (
    archive,
    completion,
    config,
    context,
    keys,
    objects,
    output,
    promotion,
    runtime,
    upkeep,
    worker,
)
from omega_cli.demo.command import demo
from omega_cli.help import running
from omega_cli.session import Session

DONE, FAILED = 0, 1

#: The commands in the sections of the help.
SECTIONS = {
    "Objects": (
        *objects.GROUPS,
        "promote",
        "rollback",
        "history",
        "approve",
        "gates",
        "receive",
        "export",
        "import",
        "buckets",
    ),
    "Runtime": ("runtime", "worker"),
    "Upkeep": ("gc", "fsck", "du", "backup", "restore", "doctor", "context", "config", "keys"),
    "Try it": ("demo", "shell"),
}


class Group(TyperGroup):
    """All commands; global options may stand before and behind them."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take the global options out, then find the command."""
        ctx.obj = Session()
        return super().parse_args(ctx, ctx.obj.take(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 -- typer calls it so
        """Write the commands and what they do, by section."""
        for section, names in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, self.commands[name].get_short_help_str(limit=70)) for name in names])


app = typer.Typer(name="om", cls=Group, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
for _name, _help in objects.GROUPS.items():
    app.add_typer(objects.app, name=_name, help=_help)
app.command("promote", cls=promotion.PROMOTING)(promotion.promote)
app.command("rollback", cls=running("promotion.rollback"))(promotion.rollback)
app.command("history", cls=running("promotion.history"))(promotion.history)
app.command("approve", cls=running("promotion.approve"))(promotion.approve)
app.command("receive", cls=running("promotion.receive"))(promotion.receive)
app.command("gates", cls=running("promotion.gates"))(promotion.gates)
app.command("export", cls=running("archives.export"))(archive.export)
app.command("import", cls=running("archives.import", describe="--list"))(archive.import_)
app.command("buckets", cls=running("objects.buckets"))(config.buckets)
app.add_typer(runtime.app, name="runtime")
app.command("worker", context_settings=worker.OPTIONS)(worker.worker)
app.command("gc", cls=running("upkeep.gc"))(upkeep.gc)
app.command("fsck", cls=running("upkeep.fsck"))(upkeep.fsck)
app.command("du", cls=running("upkeep.du"))(upkeep.du)
app.command("backup", cls=running("archives.backup"))(archive.backup)
app.command("restore", cls=running("archives.restore"))(archive.restore)
app.command("doctor", cls=running("doctor.examine"))(config.doctor)
app.add_typer(context.app, name="context")
app.add_typer(config.app, name="config")
app.add_typer(keys.app, name="keys")
app.command("demo")(demo)
app.command("shell")(config.shell)


def _show_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        sys.stdout.write(f"om {version('omega-cli')}\n")
        raise typer.Exit


@app.callback()
def om(
    context: Annotated[
        str | None, typer.Option(help="Context, as described in omega.toml.", autocompletion=completion.contexts)
    ] = None,
    bucket: Annotated[
        str | None, typer.Option(help="Bucket in the context.", autocompletion=completion.buckets)
    ] = None,
    home: Annotated[str | None, typer.Option(help="Folder of the embedded store.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print results as JSON.")] = False,
    local: Annotated[bool, typer.Option("--local", help="Run tasks in this process.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Agree, instead of being asked.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Data and models by name: keep them, train and use them, promote them.

    The options below may stand before or behind a command.
    """


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
        return _misused(error, args)
    except Exception as error:  # noqa: BLE001 -- every failure ends as one line and an exit code
        return _failed(error, with_traceback="--debug" in args)


def _misused(error: typer.TyperException, args: Sequence[str]) -> int:
    from omega_domain.entities.redaction import redacted_in

    ctx = getattr(error, "ctx", None)
    path = ctx.command_path if ctx else "om"
    words = output.printable(redacted_in(error.format_message(), args))
    is_help = words.startswith("Usage:")  # what typer says where a command is missing
    sys.stderr.write(f"{words}\n" if is_help else f"{path}: {' '.join(words.split()).rstrip('.')}. See {path} --help\n")
    return error.exit_code


def _failed(error: Exception, *, with_traceback: bool) -> int:
    from omega_domain.errors import OmegaError

    if with_traceback:
        sys.stderr.write(output.printable("".join(traceback.format_exception(error))))
    words = " ".join(str(error).split())
    if not isinstance(error, OmegaError | FileExistsError):
        words = f"{type(error).__name__}: {words} (--debug shows where)"
    output.note(f"om: {words}")
    return FAILED


def _show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    output.note(f"om: warning: {' '.join(str(message).split())}")
