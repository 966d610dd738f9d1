"""``om keys``: the key that a context signs with, and the keys of others that it trusts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from typer import Argument, Option

from omega_cli import output, rooms
from omega_cli.help import running

if TYPE_CHECKING:
    from omega_ml.commands.keys import KeyFacts

app = typer.Typer(no_args_is_help=True)

_COLUMNS: Final = ("id", "role", "name")


@app.callback()
def keys() -> None:
    """Keys that sign what is stored, and those that are trusted.

    Models, functions and scripts are loaded if a key that is trusted has signed them.
    """


@app.command("list", cls=running("keys.list"))
def list_keys(ctx: typer.Context) -> None:
    """List the keys that are trusted in this context."""
    request = rooms.keys.ListKeys()
    output.answer(ctx, rooms.keys.list_keys, request, _COLUMNS, empty="no key yet; it is made with the first put")


@app.command("show", cls=running("keys.show"))
def show(ctx: typer.Context) -> None:
    """Show the own key of this context; it is made if there is none."""
    output.answer(ctx, rooms.keys.show, rooms.keys.ShowOwnKey())


@app.command("export", cls=running("keys.export"))
def export(
    ctx: typer.Context,
    path: Annotated[Path | None, Option("--path", help="File to write to; by default stdout.")] = None,
) -> None:
    """Print the public part of the own key: a line that others trust by om keys trust."""

    def show_line(found: KeyFacts) -> None:
        if path is None:
            output.print_line(found.public)

    output.answer(ctx, rooms.keys.export, rooms.keys.ExportKey(path=path), people=show_line)


@app.command("trust", cls=running("keys.trust"))
def trust(
    ctx: typer.Context,
    file: Annotated[Path, Argument(metavar="FILE", help="What om keys export wrote; - reads stdin.")],
) -> None:
    """Trust what the keys in a file have signed, from now on.

    Do so only if you know whose they are: who signs may run code where it is loaded.
    """
    if str(file) != "-" and not file.exists():
        raise typer.BadParameter(f"there is no file {file}", param_hint="FILE")
    text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8", errors="replace")
    output.answer(ctx, rooms.keys.trust, rooms.keys.TrustKeys(text=text, file=str(file)), _COLUMNS)


@app.command("distrust", cls=running("keys.distrust"))
def distrust(ctx: typer.Context, key: Annotated[str, Argument(metavar="ID", help="As om keys list says.")]) -> None:
    """Trust a key no longer. Workers that run notice it when they are started again."""
    output.answer(ctx, rooms.keys.distrust, rooms.keys.DistrustKey(key=key))


@app.command("rotate", cls=running("keys.rotate"))
def rotate(
    ctx: typer.Context,
    distrust: Annotated[bool, Option("--distrust", help="Trust what the former key has signed no longer.")] = False,
) -> None:
    """Make a new own key. What the former one has signed stays trusted here."""
    output.answer(ctx, rooms.keys.rotate, rooms.keys.RotateKey(distrust=distrust))
