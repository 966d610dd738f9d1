"""``om config show``, ``om buckets``, ``om doctor``, ``om shell``: where one is, and whether all is well there."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

import typer

from omega_cli import output, rooms
from omega_cli.help import running
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.ports.diagnosis import Symptom

app = typer.Typer(no_args_is_help=True)


@app.callback()
def config() -> None:
    """Settings, and what set them."""


@app.command("show", cls=running("settings.show"))
def show(ctx: typer.Context) -> None:
    """Show every setting, and what set it."""
    output.answer(ctx, rooms.settings.show, rooms.settings.ShowSettings(), ["name", "value", "source"])


def buckets(ctx: typer.Context) -> None:
    """List the buckets that hold objects."""
    request = rooms.objects.ListBuckets()
    output.answer(ctx, rooms.objects.buckets, request, ["bucket"], empty="no bucket holds an object yet")


def doctor(ctx: typer.Context) -> None:
    """Look for what is wrong, and say how to mend it.

    Looks at the installation, the settings and the store; the exit code is 1 if something failed.
    """
    found = output.answer(ctx, rooms.doctor.examine, rooms.doctor.Examine(), people=_show, shown="examining")
    if any(symptom.state == "failed" for symptom in found):
        raise typer.Exit(1)


def shell(ctx: typer.Context) -> None:
    """Open a Python shell with om in it.

    That is this context and bucket. Uses IPython if it is installed.
    """
    names = {"om": Session.of(ctx).omega}
    banner = f"om = {names['om']!r}"
    if find_spec("IPython"):
        from IPython import start_ipython  # type: ignore[import-not-found, unused-ignore]

        output.note(banner)
        start_ipython(argv=["--no-banner"], user_ns=names)
    else:
        import code

        code.interact(banner=banner, local=names, exitmsg="")


def _show(found: Iterable[Symptom]) -> None:
    output.print_rows([symptom.row for symptom in found], ["state", "what", "detail"])
