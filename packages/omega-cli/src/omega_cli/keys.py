"""``om keys``: the key that a context signs with, and the keys of others that it trusts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omega_cli import output
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_ml.keys import FolderKeyRing
    from omega_ml.public_keys import PublicKey

app = typer.Typer(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Keys that sign what is stored, and those that are trusted.

    Models, functions and scripts are loaded if a key that is trusted has signed them.
    """


@app.command("list")
def list_keys(ctx: typer.Context) -> None:
    """List the keys that are trusted in this context.

    JSON: an array of {id, role, name, public}; role is own, trusted or settings.
    """
    session = Session.of(ctx)
    rows = [_facts(known.key, known.role) for known in _ring(session).known()]
    output.show_rows(session, rows, ["id", "role", "name"], empty="no key yet; it is made with the first put")


@app.command("show")
def show(ctx: typer.Context) -> None:
    """Show the own key of this context; it is made if there is none.

    JSON: {id, role, name, public, folder}.
    """
    session = Session.of(ctx)
    ring = _ring(session)
    output.show_facts(session, {**_facts(ring.public, "own"), "folder": str(ring.folder)})


@app.command("export")
def export(
    ctx: typer.Context,
    path: Annotated[Path | None, typer.Option("--path", help="File to write to; by default stdout.")] = None,
) -> None:
    """Print the public part of the own key: a line that others trust by om keys trust."""
    line = _ring(Session.of(ctx)).public.to_line()
    if path is None:
        output.print_line(line)
    else:
        path.write_text(f"{line}\n", encoding="utf-8")


@app.command("trust")
def trust(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="What om keys export wrote; - reads stdin.")],
) -> None:
    """Trust what the keys in a file have signed, from now on.

    Do so only if you know whose they are: who signs may run code where it is loaded.

    JSON: an array of {id, role, name, public}.
    """
    session = Session.of(ctx)
    ring = _ring(session)
    found = [ring.trust(key) for key in _read(path)]
    output.show_rows(session, [_facts(key, "trusted") for key in found], ["id", "role", "name"])


@app.command("distrust")
def distrust(
    ctx: typer.Context, key: Annotated[str, typer.Argument(metavar="ID", help="As om keys list says.")]
) -> None:
    """Trust a key no longer. Workers that run notice it when they are started again.

    JSON: {id, role, name, public}.
    """
    session = Session.of(ctx)
    output.show_facts(session, _facts(_ring(session).distrust(key), "distrusted"))


@app.command("rotate")
def rotate(
    ctx: typer.Context,
    distrust: Annotated[
        bool, typer.Option("--distrust", help="Trust what the former key has signed no longer.")
    ] = False,
) -> None:
    """Make a new own key. What the former one has signed stays trusted here.

    JSON: {id, role, name, public, folder}.
    """
    session = Session.of(ctx)
    ring = _ring(session)
    output.show_facts(session, {**_facts(ring.rotate(distrust=distrust), "own"), "folder": str(ring.folder)})


def _ring(session: Session) -> FolderKeyRing:
    from omega_ml.composition import key_ring

    return key_ring(session.settings)


def _read(path: Path) -> list[PublicKey]:
    from omega_domain.errors import KeysError
    from omega_ml.public_keys import PublicKey

    if str(path) != "-" and not path.exists():
        raise typer.BadParameter(f"there is no file {path}", param_hint="FILE")
    text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        raise KeysError(f"{path} holds no key: write there what om keys export prints")
    return [PublicKey.from_line(line) for line in lines]


def _facts(key: PublicKey, role: str) -> dict[str, Any]:
    return {"id": key.id, "role": role, "name": key.name, "public": key.to_line()}
