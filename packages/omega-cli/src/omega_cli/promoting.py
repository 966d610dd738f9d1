"""``om promote`` and ``om datasets promote``: copying objects between buckets and contexts."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from omega_cli import completion, output
from omega_cli.session import STORES, Session, working

To = Annotated[str | None, typer.Option("--to", help="Bucket to copy to.", autocompletion=completion.buckets)]
ToContext = Annotated[
    str | None, typer.Option("--to-context", help="Context to copy to.", autocompletion=completion.contexts)
]
As = Annotated[str | None, typer.Option("--as", help="Name there; by default the same.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Tag of the new version there.")]


def promote(
    ctx: typer.Context,
    what: Annotated[
        Literal["datasets", "dataset", "models", "model", "jobs", "job", "scripts", "script"],
        typer.Argument(metavar="WHAT", show_choices=False, help="datasets, models, jobs or scripts."),
    ],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.promotable)
    ],
    to: To = None,
    to_context: ToContext = None,
    asname: As = None,
    tag: Tag = None,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there. Within a context no bytes are copied.

    JSON: the copy's metadata, as of the command metadata.
    """
    promote_object(Session.of(ctx), STORES[what], name, to=to, to_context=to_context, asname=asname, tag=tag)


def promote_here(
    ctx: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.objects)
    ],
    to: To = None,
    to_context: ToContext = None,
    asname: As = None,
    tag: Tag = None,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there. Within a context no bytes are copied.

    JSON: the copy's metadata, as of the command metadata.
    """
    store = str(ctx.parent.info_name if ctx.parent else "")
    promote_object(Session.of(ctx), store, name, to=to, to_context=to_context, asname=asname, tag=tag)


def promote_object(
    session: Session,
    store: str,
    name: str,
    *,
    to: str | None,
    to_context: str | None,
    asname: str | None,
    tag: str | None,
) -> None:
    """Promote an object and print the copy's metadata."""
    if to is None and to_context is None and asname is None:
        raise typer.BadParameter("say where to: --to BUCKET, --to-context CONTEXT, or --as NAME", param_hint="--to")
    target = session.other(bucket=to, context=to_context)
    options = {} if tag is None else {"tag": tag}
    with working(f"promoting {name}"):
        meta = getattr(session.omega, store).promote(name, getattr(target, store), asname=asname, **options)
    output.show_saved(session, meta)
