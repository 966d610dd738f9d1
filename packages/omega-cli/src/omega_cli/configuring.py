"""``om config show``, ``om buckets``, ``om doctor``, ``om shell``: where one is, and whether all is well there."""

from __future__ import annotations

import typer

from omega_cli import output
from omega_cli.session import Command, Session, working

app = typer.Typer(no_args_is_help=True, help="Settings.")


@app.callback()
def config() -> None:
    """Settings: arguments, environment, omega.toml, defaults."""


@app.command("show", cls=Command)
def show(ctx: typer.Context) -> None:
    """Show every setting, and what set it.

    JSON: an array of {name, value, source}.
    """
    output.show_rows(Session.of(ctx), Session.of(ctx).settings.to_plain(), ["name", "value", "source"])


def buckets(ctx: typer.Context) -> None:
    """List the buckets of the context that hold objects.

    JSON: an array of {bucket}.
    """
    session = Session.of(ctx)
    rows = [{"bucket": name} for name in session.omega.buckets]
    output.show_rows(session, rows, ["bucket"], empty="no bucket holds an object yet")


def doctor(ctx: typer.Context) -> None:
    """Look for what is wrong with the installation, the settings and the store; exit code 1 if something is.

    JSON: an array of {what, state, detail, remedy}; state is ok, warning or failed.
    """
    from omega_ml.doctor import examine

    session = Session.of(ctx)
    with working("examining"):
        found = [symptom.to_plain() for symptom in examine(lambda: session.settings)]
    output.show_rows(session, found, ["state", "what", "detail", "remedy"])
    if any(symptom["state"] == "failed" for symptom in found):
        raise typer.Exit(1)


def shell(ctx: typer.Context) -> None:
    """Open a Python shell in which om is this context and bucket. Uses IPython if it is installed."""
    names = {"om": Session.of(ctx).omega}
    banner = f"om = {names['om']!r}"
    try:
        from IPython import start_ipython
    except ImportError:
        import code

        code.interact(banner=banner, local=names, exitmsg="")
    else:
        output.note(banner)
        start_ipython(argv=["--no-banner"], user_ns=names)
