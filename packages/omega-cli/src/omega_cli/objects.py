"""``om datasets``, ``om models``, ``om jobs``, ``om scripts``: objects by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from omega_cli import completion, output, parsing, promotion, rooms
from omega_cli.help import running
from omega_cli.session import Session, reading, store_name

GROUPS = {
    "datasets": "Datasets: frames, arrays, files, Python data.",
    "models": "Models: estimators, pipelines, functions.",
    "jobs": "Jobs: notebooks.",
    "scripts": "Scripts: packages of code.",
}
_COLUMNS = ("name", "kind", "version", "tags", "modified")
_OF_METADATA = (
    *("name", "bucket", "prefix", "kind", "version", "tags", "size", "created", "modified", "author", "digest"),
    *("attributes", "provenance"),
)
_OF_VERSIONS = ("version", "tags", "size", "created", "author", "from")

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str,
    Argument(
        metavar="NAME", help="Name of the object; also name@tag, name@3, name^.", autocompletion=completion.objects
    ),
]
PlainName = Annotated[str, Argument(metavar="NAME", help="Name of the object.", autocompletion=completion.objects)]
Attributes = Annotated[
    list[str], Option("--attribute", "-a", metavar="KEY=VALUE", help="Attribute to set; VALUE is JSON or text.")
]


@app.command("list", cls=running("objects.list"))
def list_(
    ctx: typer.Context,
    pattern: Annotated[str | None, Argument(metavar="PATTERN", help="Pattern as of a shell: 'sales/*'.")] = None,
    regexp: Annotated[str | None, Option(help="Regular expression, found anywhere in the name.")] = None,
    kind: Annotated[str | None, Option(help="Only this kind.", autocompletion=completion.kinds)] = None,
    hidden: Annotated[bool, Option("--hidden", help="Also names of which a part starts with . or _.")] = False,
    long: Annotated[bool, Option("--long", "-l", help="Also size and author.")] = False,
) -> None:
    """List the objects of the bucket."""
    request = rooms.objects.ListObjects(
        store=store_name(ctx), pattern=pattern, regexp=regexp, kind=kind, hidden=hidden, long=long
    )
    columns = (*_COLUMNS, "size", "author") if long else _COLUMNS
    output.answer(ctx, rooms.objects.list_objects, request, columns, empty=lambda: _nothing_found(Session.of(ctx)))


@app.command("put", cls=running("objects.put"))
def put(
    ctx: typer.Context,
    file: Annotated[Path, Argument(metavar="FILE", help="A file or folder; - reads stdin.")],
    name: Annotated[str, Argument(metavar="NAME", help="Name to put it under.", autocompletion=completion.objects)],
    format_: Annotated[
        str | None,
        Option("--format", help="csv, tsv, jsonl, json, parquet, npy or file; else by the file's ending."),
    ] = None,
    kind: Annotated[str | None, Option(help="Kind to store it as.", autocompletion=completion.kinds)] = None,
    append: Annotated[bool, Option("--append", help="Add to what is there, instead of replacing it.")] = False,
    tag: Annotated[str | None, Option(help="Tag of the new version.")] = None,
    attributes: Attributes = [],  # noqa: B006 -- typer copies it
    dates: Annotated[list[str], Option("--date", metavar="COLUMN", help="Column of a CSV to read as dates.")] = [],  # noqa: B006 -- typer copies it
) -> None:
    """Put a file under a name.

    CSV, TSV, Parquet and JSON lines are put as frames, JSON as data, npy as an array, anything else as a file. Among
    the scripts, a .py file or a folder is put as code that can be run.
    """
    store = store_name(ctx)
    is_code = store in {"jobs", "scripts"} and file.suffix == ".py" and format_ is None and kind != "python.file"
    with reading(file) as source:
        request = rooms.files.PutFile(
            store=store,
            file=file.name,
            name=name,
            format_=format_,
            kind=kind,
            append=append,
            tag=tag,
            attributes=parsing.pairs(attributes, option="--attribute"),
            dates=tuple(dates),
            content=file if is_code else source,
        )
        output.answer(ctx, rooms.files.put, request, output.SAVED)


@app.command("get", cls=running("objects.get", save="FILE"))
def get(
    ctx: typer.Context,
    name: Annotated[
        str,
        Argument(
            metavar="NAME",
            help="Name; also name[a,b], name@tag, name#rows:start=0,end=9.",
            autocompletion=completion.objects,
        ),
    ],
    file: Annotated[Path | None, Argument(metavar="FILE", help="File to write, in the format of its ending.")] = None,
    where: Annotated[
        list[str],
        Option("--where", "-w", metavar="CONDITION", help="Filter: distance__gt=500, carrier__in=UA,AA."),
    ] = [],  # noqa: B006 -- typer reads it, nobody changes it
    limit: Annotated[int, Option(min=0, help="Rows to print; 0 prints all.")] = 20,
    force: Annotated[bool, Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Print an object, or write it to a file."""
    store, met = store_name(ctx), parsing.conditions(where)
    if file is None:
        session = Session.of(ctx)
        found = session.run(rooms.files.get, rooms.files.GetObject(store=store, name=name, where=met, limit=limit))
        facts = {"name": found.name, "kind": found.kind, "version": found.version}
        output.show_object(session, facts, found.value, is_cut=found.is_cut)
    else:
        saved = rooms.files.SaveObject(store=store, name=name, where=met, file=file, force=force)
        output.answer(ctx, rooms.files.save, saved, shown=f"writing {file}")


@app.command("drop", cls=running("objects.drop"))
def drop(
    ctx: typer.Context,
    name: Name,
    force: Annotated[bool, Option("--force", help="No error if it is missing.")] = False,
) -> None:
    """Drop an object, or one version of it.

    With name@version that version only.
    """
    output.answer(ctx, rooms.objects.drop, rooms.objects.DropObject(store=store_name(ctx), name=name, force=force))


@app.command("metadata", cls=running("objects.metadata", set_attributes="--attribute"))
def metadata(ctx: typer.Context, name: Name, attributes: Attributes = []) -> None:  # noqa: B006 -- typer copies it
    """Show what is known of an object.

    With --attribute, attributes are set first.
    """
    session, store = Session.of(ctx), store_name(ctx)
    if attributes:
        given = parsing.pairs(attributes, option="--attribute")
        session.run(rooms.objects.set_attributes, rooms.objects.SetAttributes(store=store, name=name, attributes=given))
    output.answer(ctx, rooms.objects.metadata, rooms.objects.ShowMetadata(store=store, name=name), _OF_METADATA)


@app.command("versions", cls=running("objects.versions"))
def versions(ctx: typer.Context, name: PlainName) -> None:
    """List the versions of an object, oldest first."""
    output.answer(
        ctx, rooms.objects.versions, rooms.objects.ListVersions(store=store_name(ctx), name=name), _OF_VERSIONS
    )


@app.command("tag", cls=running("objects.tag"))
def tag(ctx: typer.Context, name: Name, tag: Annotated[str, Argument(metavar="TAG", help="The tag.")]) -> None:
    """Give a version a tag.

    The current one, or that of name@3. A tag moves if it was somewhere else.
    """
    output.answer(
        ctx, rooms.objects.tag, rooms.objects.TagObject(store=store_name(ctx), name=name, tag=tag), output.SAVED
    )


app.command("promote", cls=promotion.PROMOTING)(promotion.here(promotion.promote))


@app.command("help", cls=running("objects.help"))
def help_(
    ctx: typer.Context,
    name: Annotated[str | None, Argument(metavar="NAME", autocompletion=completion.objects)] = None,
) -> None:
    """Explain an object, or every kind.

    What it stores, and its options.
    """
    request = rooms.objects.ExplainKinds(store=store_name(ctx), name=name)
    output.answer(ctx, rooms.objects.explain, request, people=lambda found: output.print_line(found.help))


@app.command("compact", cls=running("objects.compact"))
def compact(ctx: typer.Context, name: PlainName) -> None:
    """Merge what was appended piece by piece.

    As a new version with the same content.
    """
    request = rooms.objects.CompactObject(store=store_name(ctx), name=name)
    output.answer(ctx, rooms.objects.compact, request, output.SAVED, shown=f"compacting {name}")


@app.command("summary", cls=running("objects.summary"))
def summary(ctx: typer.Context, name: Name) -> None:
    """Show facts about an object.

    Rows and columns of a frame, parameters of a model; they depend on the kind.
    """
    output.answer(ctx, rooms.objects.summary, rooms.objects.SummarizeObject(store=store_name(ctx), name=name))


def _nothing_found(session: Session) -> str:
    buckets = ", ".join(session.omega.buckets) or "none yet"
    return f"nothing found in bucket {session.omega.bucket!r}; buckets with objects: {buckets}"
