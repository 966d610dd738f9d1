"""``om demo``: the story of omega-ml on real data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from omega_cli import output
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.omega import Omega

HOME = Path("~/.omega-demo")


def demo(ctx: typer.Context) -> None:
    """Tell the story of omega-ml on real data.

    From CSV files to predictions in production. Works in the folder of --home or OMEGA_HOME, else in ~/.omega-demo, and
    leaves its objects there to play with.

    JSON: {store, steps: [{step, seconds}]}.
    """
    from rich.console import Console

    from omega_cli.demo.narration import tell, tell_end

    session = Session.of(ctx)
    om = _omega(session)
    console = Console(quiet=session.as_json, highlight=False, width=80)
    seconds = tell(om, console)
    if session.as_json:
        steps = [{"step": step, "seconds": round(taken, 3)} for step, taken in seconds.items()]
        output.print_json({"store": om.context.store.url, "steps": steps})
    else:
        tell_end(om, console, sum(seconds.values()))


def _omega(session: Session) -> Omega:
    """Open the bucket dev of a store that was named for this, or else of one of the demo's own: never of the user's."""
    from omega_ml.composition import setup

    source = session.workplace.settings.store.source
    is_named = source == "argument" or source.startswith("OMEGA_") or session.context is not None
    if is_named:
        session.changing()
        return session.omega["dev"]
    return setup(home=HOME.expanduser(), bucket="dev")
