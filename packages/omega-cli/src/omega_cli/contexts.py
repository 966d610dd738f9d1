"""``om context``: the contexts that are described in ``omega.toml``, and which one is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omega_cli import completion, output
from omega_cli.session import Session, ask, is_conversation

if TYPE_CHECKING:
    from omega_ml.contexts import Contexts, Whose

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the context.", autocompletion=completion.contexts)]
Described = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the context.", autocompletion=completion.described)
]
OfProject = Annotated[bool, typer.Option("--project", help="In the omega.toml of the project.")]
OfUser = Annotated[bool, typer.Option("--user", help="In the user's omega.toml.")]


@app.callback()
def context() -> None:
    """Contexts: whole environments by name.

    They are described in the omega.toml of the user or the project, where passwords stand as references:
    ${env:NAME}, ${file:/path} or ${keyring:SERVICE/USER}.
    """


@app.command("list")
def list_(ctx: typer.Context) -> None:
    """List the contexts, and which one is used.

    JSON: an array of {name, is_used, store, broker, is_protected, files, problem}.
    """
    session = Session.of(ctx)
    rows = [facts.to_plain() for facts in _contexts().list({"context": session.context, "home": session.home})]
    output.show_rows(session, rows if session.as_json else [_shown(row) for row in rows], _COLUMNS)
    for row in rows:
        if row["problem"] and not session.as_json:
            output.note(f"om: warning: {output.printable(row['problem'])}")


@app.command("show")
def show(
    ctx: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="Name; by default the one used.", autocompletion=completion.contexts),
    ] = None,
) -> None:
    """Show every setting of a context, and what set it.

    Nothing is connected, and references to secrets are shown as they are written.

    JSON: an array of {name, value, source}.
    """
    session = Session.of(ctx)
    settings = session.settings if name is None else _contexts().settings(name)
    output.show_rows(session, settings.to_plain(), ["name", "value", "source"])


@app.command("use")
def use(ctx: typer.Context, name: Name, project: OfProject = False, user: OfUser = False) -> None:
    """Use a context from now on, where no other is asked for.

    Written to the user's omega.toml, or to the project's if that is what chooses here.

    JSON: {name, file}.
    """
    chosen = _contexts().use(name, of=_whose(project=project, user=user))
    output.show_facts(Session.of(ctx), {"name": chosen.name, "file": str(chosen.file)})
    if chosen.but:
        output.note(f"om: warning: not used here: {output.printable(chosen.but)}")


@app.command("add")
def add(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the context.")],
    store: Annotated[
        str | None, typer.Option(metavar="URL", help="Where its data is: mongodb://host/database, file:///path.")
    ] = None,
    home: Annotated[str | None, typer.Option(metavar="FOLDER", help="Folder of its embedded store.")] = None,
    broker_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where messages of its tasks go: amqp://host, redis://host.")
    ] = None,
    bucket: Annotated[str | None, typer.Option(metavar="BUCKET", help="Bucket to work in there.")] = None,
    protected: Annotated[bool, typer.Option("--protected", help="Ask before a command changes it.")] = False,
    project: OfProject = False,
    user: OfUser = False,
) -> None:
    """Describe a context, in the user's omega.toml.

    Nothing is connected. A password is written as a reference, such as 'mongodb://ada:${env:PASSWORD}@host/database'.

    JSON: {name, file}.
    """
    session = Session.of(ctx)
    home, bucket = home or session.home, bucket or session.bucket
    if store and home:
        raise typer.BadParameter("say --store or --home: they mean the same", param_hint="--store")
    given = {"store": store, "home": home, "broker_url": broker_url, "bucket": bucket, "protected": protected or None}
    table = {key: value for key, value in given.items() if value is not None}
    path = _contexts().add(name, table, to=_whose(project=project, user=user) or "user")
    output.show_facts(session, {"name": name, "file": str(path)})


@app.command("remove")
def remove(ctx: typer.Context, name: Described, project: OfProject = False, user: OfUser = False) -> None:
    """Take the description of a context out of a file.

    Its data stays where it is. Asks before, unless --yes is given.

    JSON: {name, file}.
    """
    session, contexts, of = Session.of(ctx), _contexts(), _whose(project=project, user=user)
    path = contexts.removable(name, of=of)
    if not session.yes:
        _agree(name, str(path))
    output.show_facts(session, {"name": name, "file": str(contexts.remove(name, of=of))})


_COLUMNS = ["name", "used", "store", "broker", "protected", "file"]


def _contexts() -> Contexts:
    from omega_ml.contexts import Contexts

    return Contexts()


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shown = {"used": "yes" if row["is_used"] else None, "protected": "yes" if row["is_protected"] else None}
    return {**row, **shown, "file": [_short(path) for path in row["files"]]}


def _short(path: str) -> str:
    home = str(Path.home())
    return f"~{path.removeprefix(home)}" if path.startswith(f"{home}/") else path


def _whose(*, project: bool, user: bool) -> Whose | None:
    if project and user:
        raise typer.BadParameter("say --project or --user, not both", param_hint="--project")
    return "project" if project else "user" if user else None


def _agree(name: str, path: str) -> None:
    from omega_domain.errors import SettingsError

    if not is_conversation():
        raise SettingsError(f"say --yes to remove {name!r} from {path}; nothing was changed")
    if ask(f"Remove {name!r} from {output.printable(path)}? Its data stays. [y/N] ").lower() not in {"y", "yes"}:
        raise SettingsError("the answer was not yes; nothing was changed")
