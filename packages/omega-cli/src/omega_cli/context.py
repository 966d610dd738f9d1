"""``om context``: the contexts that are described in ``omega.toml``, and which one is used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from omega_cli import completion, output, rooms
from omega_cli.help import running
from omega_cli.session import Session, ask, is_conversation

if TYPE_CHECKING:
    from omega_ml.contexts import ContextFacts, Whose

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, Argument(metavar="NAME", help="Name of the context.", autocompletion=completion.contexts)]
Described = Annotated[str, Argument(metavar="NAME", help="Name of the context.", autocompletion=completion.described)]
OfProject = Annotated[bool, Option("--project", help="In the omega.toml of the project.")]
OfUser = Annotated[bool, Option("--user", help="In the user's omega.toml.")]


@app.callback()
def context() -> None:
    """Contexts: whole environments by name.

    They are described in the omega.toml of the user or the project, where passwords stand as references:
    ${env:NAME}, ${file:/path} or ${keyring:SERVICE/USER}.
    """


@app.command("list", cls=running("contexts.list"))
def list_(ctx: typer.Context) -> None:
    """List the contexts, and which one is used."""
    output.answer(ctx, rooms.contexts.list_contexts, rooms.contexts.ListContexts(), people=_show)


@app.command("show", cls=running("contexts.show"))
def show(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        Argument(metavar="[NAME]", help="Name; by default the one used.", autocompletion=completion.contexts),
    ] = None,
) -> None:
    """Show every setting of a context, and what set it.

    Nothing is connected, and references to secrets are shown as they are written.
    """
    output.answer(ctx, rooms.contexts.show, rooms.contexts.ShowContext(name=name), ["name", "value", "source"])


@app.command("use", cls=running("contexts.use"))
def use(ctx: typer.Context, name: Name, project: OfProject = False, user: OfUser = False) -> None:
    """Use a context from now on, where no other is asked for.

    Written to the user's omega.toml, or to the project's if that is what chooses here.
    """
    request = rooms.contexts.UseContext(name=name, of=_whose(project=project, user=user))
    chosen = output.answer(ctx, rooms.contexts.use, request)
    if chosen.but:
        output.note(f"om: warning: not used here: {chosen.but}")


@app.command("add", cls=running("contexts.add"))
def add(
    ctx: typer.Context,
    name: Annotated[str, Argument(metavar="NAME", help="Name of the context.")],
    store: Annotated[
        str | None, Option(metavar="URL", help="Where its data is: mongodb://host/database, file:///path.")
    ] = None,
    home: Annotated[str | None, Option(metavar="FOLDER", help="Folder of its embedded store.")] = None,
    broker_url: Annotated[
        str | None, Option(metavar="URL", help="Where messages of its tasks go: amqp://host, redis://host.")
    ] = None,
    bucket: Annotated[str | None, Option(metavar="BUCKET", help="Bucket to work in there.")] = None,
    protected: Annotated[bool, Option("--protected", help="Ask before a command changes it.")] = False,
    project: OfProject = False,
    user: OfUser = False,
) -> None:
    """Describe a context, in the user's omega.toml.

    Nothing is connected. A password is written as a reference, such as 'mongodb://ada:${env:PASSWORD}@host/database'.
    """
    session = Session.of(ctx)
    home, bucket = home or session.home, bucket or session.bucket
    if store and home:
        raise typer.BadParameter("say --store or --home: they mean the same", param_hint="--store")
    request = rooms.contexts.AddContext(
        name=name,
        of=_whose(project=project, user=user),
        store=store,
        home=home,
        broker_url=broker_url,
        bucket=bucket,
        protected=protected,
    )
    output.answer(ctx, rooms.contexts.add, request)


@app.command("allow", cls=running("contexts.allow"))
def allow(
    ctx: typer.Context,
    file: Annotated[Path | None, Argument(metavar="[FILE]", help="By default the nearest omega.toml.")] = None,
) -> None:
    """Let the omega.toml of a project say everything, until it is changed. Read it before."""
    output.answer(ctx, rooms.contexts.allow, rooms.contexts.AllowFile(file=file))


@app.command("remove", cls=running("contexts.remove"))
def remove(ctx: typer.Context, name: Described, project: OfProject = False, user: OfUser = False) -> None:
    """Take the description of a context out of a file.

    Its data stays where it is. Asks before, unless --yes is given.
    """
    session, of = Session.of(ctx), _whose(project=project, user=user)
    if not session.yes:
        would = rooms.contexts.RemoveContext(name=name, of=of, dry_run=True)
        _agree(name, str(session.run(rooms.contexts.remove, would).file))
    output.answer(ctx, rooms.contexts.remove, rooms.contexts.RemoveContext(name=name, of=of))


def _show(found: Sequence[ContextFacts]) -> None:
    output.print_rows([facts.row for facts in found], ["name", "used", "store", "broker", "protected", "file"])
    for facts in found:
        if facts.problem:
            output.note(f"om: warning: {facts.problem}")


def _whose(*, project: bool, user: bool) -> Whose | None:
    if project and user:
        raise typer.BadParameter("say --project or --user, not both", param_hint="--project")
    return "project" if project else "user" if user else None


def _agree(name: str, path: str) -> None:
    from omega_domain.errors import SettingsError

    if not is_conversation():
        raise SettingsError(f"say --yes to remove {name!r} from {path}; nothing was changed")
    if ask(f"Remove {name!r} from {path}? Its data stays. [y/N] ").lower() not in {"y", "yes"}:
        raise SettingsError("the answer was not yes; nothing was changed")
