"""``om datasets``, ``om models``, ``om jobs``, ``om scripts``: objects by name."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from omega_cli import completion, output, parsing, promoting
from omega_cli.help import running
from omega_cli.session import Session, reading, store_name, store_of, working

if TYPE_CHECKING:
    from omega_domain.repository.objects import OmegaStore

GROUPS = {
    "datasets": "Datasets: frames, arrays, files, Python data.",
    "models": "Models: estimators, pipelines, functions.",
    "jobs": "Jobs: notebooks.",
    "scripts": "Scripts: packages of code.",
}

app = typer.Typer(no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="Name of the object; also name@tag, name@3, name^.", autocompletion=completion.objects
    ),
]
PlainName = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the object.", autocompletion=completion.objects)
]
Attributes = Annotated[
    list[str], typer.Option("--attribute", "-a", metavar="KEY=VALUE", help="Attribute to set; VALUE is JSON or text.")
]


@app.command("list", cls=running("objects.list"))
def list_(
    ctx: typer.Context,
    pattern: Annotated[str | None, typer.Argument(metavar="PATTERN", help="Pattern as of a shell: 'sales/*'.")] = None,
    regexp: Annotated[str | None, typer.Option(help="Regular expression, found anywhere in the name.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only this kind.", autocompletion=completion.kinds)] = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Also names of which a part starts with . or _.")] = False,
    long: Annotated[bool, typer.Option("--long", "-l", help="Also size and author.")] = False,
) -> None:
    """List the objects of the bucket."""
    from omega_domain.commands import objects

    session = Session.of(ctx)
    request = objects.ListObjects(
        store=store_name(ctx), pattern=pattern, regexp=regexp, kind=kind, hidden=hidden, long=long
    )
    columns = ["name", "kind", "version", "tags", "modified"] + (["size", "author"] if long else [])
    found = session.run(objects.list_objects, request)
    output.show(session, found, columns, empty=lambda: _nothing_found(session))


@app.command("put")
def put(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file or folder; - reads stdin.")],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name to put it under.", autocompletion=completion.objects)
    ],
    format_: Annotated[
        str | None,
        typer.Option("--format", help="csv, tsv, jsonl, json, parquet, npy or file; else by the file's ending."),
    ] = None,
    kind: Annotated[str | None, typer.Option(help="Kind to store it as.", autocompletion=completion.kinds)] = None,
    append: Annotated[bool, typer.Option("--append", help="Add to what is there, instead of replacing it.")] = False,
    tag: Annotated[str | None, typer.Option(help="Tag of the new version.")] = None,
    attribute: Attributes = [],  # noqa: B006 -- typer copies it
    date: Annotated[list[str], typer.Option("--date", metavar="COLUMN", help="Column of a CSV to read as dates.")] = [],  # noqa: B006
) -> None:
    """Put a file under a name.

    CSV, TSV, Parquet and JSON lines are put as frames, JSON as data, npy as an array, anything else as a file. Among
    the scripts, a .py file or a folder is put as code that can be run.

    JSON: the object's metadata, as of the command metadata.
    """
    from omega_ml.file_formats import read_object

    session, store = Session.of(ctx), store_of(ctx)
    attributes = parsing.pairs(attribute, option="--attribute")
    form = "file" if kind == "python.file" else format_
    session.changing()
    with reading(file) as source:
        obj = file if _is_code(store, file, form) else read_object(source, file.name, form=form, dates=date)
        meta = store.put(obj, name, kind=kind, append=append, tag=tag, attributes=attributes or None)
    output.show_saved(session, meta)


@app.command("get")
def get(
    ctx: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name; also name[a,b], name@tag, name#rows:start=0,end=9.",
            autocompletion=completion.objects,
        ),
    ],
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="File to write, in the format of its ending.")
    ] = None,
    where: Annotated[
        list[str],
        typer.Option("--where", "-w", metavar="CONDITION", help="Filter: distance__gt=500, carrier__in=UA,AA."),
    ] = [],  # noqa: B006 -- typer reads it, nobody changes it
    limit: Annotated[int, typer.Option(min=0, help="Rows to print; 0 prints all.")] = 20,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Print an object, or write it to a file.

    JSON: {name, kind, version, value}; a frame is an array of records. With a file: {name, kind, version, file, size}.
    """
    from omega_ml.file_formats import excerpt, write_object

    session, store = Session.of(ctx), store_of(ctx)
    meta = store.locate(name)
    query = parsing.filter_of(where, typed=meta.kind.startswith("pandas."))
    facts = {"name": meta.name, "kind": meta.kind, "version": meta.version}
    if file is None:
        found = excerpt(store, name, query=query, limit=limit)
        output.show_object(session, facts, found.value, is_cut=found.is_cut)
    else:
        with working(f"writing {file}"):
            write_object(store, name, file, query=query, overwrite=force)
        output.show_facts(session, {**facts, "file": str(file), "size": file.stat().st_size})


@app.command("drop")
def drop(
    ctx: typer.Context,
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="No error if it is missing.")] = False,
) -> None:
    """Drop an object, or one version of it.

    With name@version that version only.

    JSON: {name, dropped}.
    """
    session = Session.of(ctx)
    session.changing()
    output.show_facts(session, {"name": name, "dropped": store_of(ctx).drop(name, force=force)})


@app.command("metadata", cls=running("objects.metadata"))
def metadata(ctx: typer.Context, name: Name, attribute: Attributes = []) -> None:  # noqa: B006 -- typer copies it
    """Show what is known of an object.

    With --attribute, attributes are set first.
    """
    from omega_domain.commands import objects

    session, store = Session.of(ctx), store_name(ctx)
    if attribute:
        meta = store_of(ctx).resolve(name)
        meta.attributes.update(parsing.pairs(attribute, option="--attribute"))
        session.changing()
        meta.save()
    found = session.run(objects.metadata, objects.ShowMetadata(store=store, name=name))
    output.show(session, found, [each.name for each in fields(found) if each.name != "kind_meta"])


@app.command("versions")
def versions(ctx: typer.Context, name: PlainName) -> None:
    """List the versions of an object, oldest first.

    JSON: an array of what the command metadata shows, and from: where a version was promoted from.
    """
    rows = [meta.to_plain() for meta in store_of(ctx).versions(name)]
    for row in rows:
        origin = row["provenance"]
        row["from"] = f"{origin['context']}:{origin['bucket']}/{origin['name']}@{origin['version']}" if origin else None
    output.show_rows(Session.of(ctx), rows, ["version", "tags", "size", "created", "author", "from"])


@app.command("tag")
def tag(ctx: typer.Context, name: Name, tag: Annotated[str, typer.Argument(metavar="TAG", help="The tag.")]) -> None:
    """Give a version a tag.

    The current one, or that of name@3. A tag moves if it was somewhere else.

    JSON: the version's metadata.
    """
    session = Session.of(ctx)
    session.changing()
    output.show_saved(session, store_of(ctx).tag(name, tag))


app.command("promote")(promoting.promote_here)


@app.command("help")
def help_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", autocompletion=completion.objects)] = None,
) -> None:
    """Explain an object, or every kind.

    What it stores, and its options.

    JSON: {help}.
    """
    output.show_text(Session.of(ctx), "help", store_of(ctx).help(name))


@app.command("compact")
def compact(ctx: typer.Context, name: PlainName) -> None:
    """Merge what was appended piece by piece.

    As a new version with the same content.

    JSON: the new version's metadata.
    """
    session = Session.of(ctx)
    session.changing()
    with working(f"compacting {name}"):
        meta = store_of(ctx).compact(name)
    output.show_saved(session, meta)


@app.command("summary")
def summary(ctx: typer.Context, name: Name) -> None:
    """Show facts about an object.

    Rows and columns of a frame, parameters of a model.

    JSON: an object that depends on the kind.
    """
    output.show_facts(Session.of(ctx), store_of(ctx).summary(name))


def _is_code(store: OmegaStore, file: Path, form: str | None) -> bool:
    from omega_domain.entities.names import JOBS, SCRIPTS

    return store.prefix in {JOBS, SCRIPTS} and form is None and (file.is_dir() or file.suffix == ".py")


def _nothing_found(session: Session) -> str:
    buckets = ", ".join(session.omega.buckets) or "none yet"
    return f"nothing found in bucket {session.omega.bucket!r}; buckets with objects: {buckets}"
