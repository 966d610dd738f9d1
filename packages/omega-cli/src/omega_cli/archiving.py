"""``om export``, ``om import``, ``om backup``, ``om restore``: objects in one signed file, and contexts in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from omega_cli import completion, output, parsing
from omega_cli.session import Session, working

if TYPE_CHECKING:
    from collections.abc import Iterable

    from omega_domain.archives.importing import Imported

_NAMES = {"data/": "datasets/"}
_LISTED = ["object", "kind", "version", "versions", "tags", "size"]
_LANDED = ["object", "bucket", "version", "outcome", "size"]

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAMES]...", help="Such as models/m, datasets/sales.", autocompletion=completion.objects_by_store
    ),
]
Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of backups.")]


def export(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAMES...",
            help="Such as models/m, datasets/sales, models/m@v1.",
            autocompletion=completion.objects_by_store,
        ),
    ],
    path: Annotated[Path, typer.Option("--path", help="File to write; what is there is replaced.")],
) -> None:
    """Write objects into one signed file.

    A name takes along all versions that are kept for good, a name with a version only that one. The file is a tar.

    JSON: an array of {bucket, prefix, name, kind, version, versions, tags, size, created, author, digest}.
    """
    session = Session.of(ctx)
    with working(f"writing {path.name}"):
        facts = session.omega.export(names, path)
    _show_objects(session, facts)


def import_(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(metavar="FILE", help="Archive.")],
    names: Names = None,
    only_list: Annotated[
        bool, typer.Option("--list", help="Only show what is in it, and whose signature it has.")
    ] = False,
    to_bucket: Annotated[
        str | None, typer.Option("--to-bucket", help="Bucket to import into.", autocompletion=completion.buckets)
    ] = None,
) -> None:
    """Bring objects of an archive into this bucket.

    Each becomes the current version of its name. All is compared with its SHA-256 and signature before it is seen.

    JSON: an array of {bucket, prefix, name, version, versions, size, outcome}; with --list {archive, form, context,
    author, time, signer, trust, size, objects}.
    """
    session = Session.of(ctx)
    if only_list:
        _list(session, path)
        return
    omega = session.omega if to_bucket is None else session.omega[to_bucket]
    session.changing()
    with working(f"reading {path.name}"):
        done = omega.import_archive(path, names or ())
    _show_landed(session, done)


def backup(ctx: typer.Context, folder: Folder) -> None:
    """Add a backup of the whole context to a folder.

    All buckets; only what no earlier backup in the folder has is written. Records of tasks, logs and keys are not in.

    JSON: {backup, time, objects, versions, size, written}.
    """
    session = Session.of(ctx)
    with working("backing up"):
        report = session.omega.backup(folder)
    facts = report.to_plain()
    if not session.as_json:
        facts |= {"time": output.moment(facts["time"]), "written": output.size(facts["written"])}
    output.show_facts(session, facts)


def restore(
    ctx: typer.Context,
    folder: Folder,
    names: Names = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="TIME", help="The last backup until then, such as 2030-01-31T18:00.")
    ] = None,
) -> None:
    """Make objects what they were at the last backup.

    In all buckets, with versions, tags and attributes. Objects that are not in the backup are left alone.

    JSON: an array of {bucket, prefix, name, version, versions, size, outcome}.
    """
    session = Session.of(ctx)
    until = parsing.moment(at, option="--at")
    session.changing()
    with working("restoring"):
        done = session.omega.restore(folder, at=until, names=names or ())
    _show_landed(session, done)


def _list(session: Session, path: Path) -> None:
    found = session.omega.describe_archive(path)
    if session.as_json:
        output.print_json(found)
        return
    _show_objects(session, found["objects"])
    signer = f" by {found['signer']}" if found["signer"] else ""
    signed = f"signed{signer}, {found['trust']}" if found["trust"] != "unsigned" else "not signed"
    output.note(f"{found['archive']}: from {found['context']} at {output.moment(found['time'])} UTC, {signed}")


def _show_objects(session: Session, facts: list[dict[str, Any]]) -> None:
    rows = facts if session.as_json else [{**row, "object": _name(row)} for row in facts]
    output.show_rows(session, rows, _LISTED)


def _show_landed(session: Session, done: Iterable[Imported]) -> None:
    facts = [each.to_plain() for each in done]
    rows = facts if session.as_json else [{**row, "object": _name(row)} for row in facts]
    output.show_rows(session, rows, _LANDED, empty="nothing is in it")


def _name(row: dict[str, Any]) -> str:
    return f"{_NAMES.get(row['prefix'], row['prefix'])}{row['name']}"
