"""``om config show``, ``om buckets``, ``om doctor``, ``om shell``: where one is, and whether all is well there."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec

import typer

from omega_cli import output
from omega_cli.session import Session, working

app = typer.Typer(no_args_is_help=True)


@app.callback()
def config() -> None:
    """Settings, and what set them."""


@app.command("show")
def show(ctx: typer.Context) -> None:
    """Show every setting, and what set it.

    JSON: an array of {name, value, source}.
    """
    output.show_rows(Session.of(ctx), Session.of(ctx).settings.to_plain(), ["name", "value", "source"])


def buckets(ctx: typer.Context) -> None:
    """List the buckets that hold objects.

    JSON: an array of {bucket}.
    """
    session = Session.of(ctx)
    rows = [{"bucket": name} for name in session.omega.buckets]
    output.show_rows(session, rows, ["bucket"], empty="no bucket holds an object yet")


def doctor(ctx: typer.Context) -> None:
    """Look for what is wrong, and say how to mend it.

    Looks at the installation, the settings and the store; the exit code is 1 if something failed.

    JSON: an array of {what, state, detail, remedy}; state is ok, warning or failed.
    """
    from omega_ml.doctor import examine

    session = Session.of(ctx)
    with working("examining"):
        found = [symptom.to_plain() for symptom in examine(lambda: session.settings)]
    rows = found if session.as_json else [{**one, "detail": _with_remedy(one)} for one in found]
    output.show_rows(session, rows, ["state", "what", "detail"])
    if any(symptom["state"] == "failed" for symptom in found):
        raise typer.Exit(1)


def _with_remedy(symptom: Mapping[str, str]) -> str:
    return f"{symptom['detail']}. Mend: {symptom['remedy']}" if symptom["remedy"] else symptom["detail"]


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
