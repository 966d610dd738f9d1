"""``om export``, ``om import``, ``om backup``, ``om restore``: objects in one signed file, and contexts in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from omega_cli import completion, output, parsing, rooms

if TYPE_CHECKING:
    from omega_domain.commands.archives import ArchiveFacts

_LISTED = ("object", "kind", "version", "versions", "tags", "size")
_LANDED = ("object", "bucket", "version", "outcome", "size")
_BACKUP = ("backup", "time", "objects", "versions", "size", "written")
_NOTHING = "nothing is in it"

Names = Annotated[
    list[str] | None,
    Argument(
        metavar="[NAMES]...", help="Such as models/m, datasets/sales.", autocompletion=completion.objects_by_store
    ),
]
Folder = Annotated[Path, Argument(metavar="FOLDER", help="Folder of backups.")]


def export(
    ctx: typer.Context,
    names: Annotated[
        list[str],
        Argument(
            metavar="NAMES...",
            help="Such as models/m, datasets/sales, models/m@v1.",
            autocompletion=completion.objects_by_store,
        ),
    ],
    path: Annotated[Path, Option("--path", help="File to write; what is there is replaced.")],
) -> None:
    """Write objects into one signed file.

    A name takes along all versions that are kept for good, a name with a version only that one. The file is a tar.
    """
    request = rooms.archives.ExportObjects(names=tuple(names), path=path)
    output.answer(ctx, rooms.archives.export, request, _LISTED, shown=f"writing {path.name}")


def import_(
    ctx: typer.Context,
    path: Annotated[Path, Argument(metavar="FILE", help="Archive.")],
    names: Names = None,
    only_list: Annotated[bool, Option("--list", help="Only show what is in it, and whose signature it has.")] = False,
    to_bucket: Annotated[
        str | None, Option("--to-bucket", help="Bucket to import into.", autocompletion=completion.buckets)
    ] = None,
) -> None:
    """Bring objects of an archive into this bucket.

    Each becomes the current version of its name. All is compared with its SHA-256 and signature before it is seen.
    """
    if only_list:
        output.answer(ctx, rooms.archives.describe, rooms.archives.DescribeArchive(path=path), people=_show_archive)
        return
    request = rooms.archives.ImportArchive(path=path, names=tuple(names or ()), to_bucket=to_bucket)
    output.answer(ctx, rooms.archives.import_, request, _LANDED, empty=_NOTHING, shown=f"reading {path.name}")


def backup(ctx: typer.Context, folder: Folder) -> None:
    """Add a backup of the whole context to a folder.

    All buckets; only what no earlier backup in the folder has is written. Records of tasks, logs and keys are not in.
    """
    output.answer(ctx, rooms.archives.backup, rooms.archives.BackUp(folder=folder), _BACKUP, shown="backing up")


def restore(
    ctx: typer.Context,
    folder: Folder,
    names: Names = None,
    at: Annotated[
        str | None, Option("--at", metavar="TIME", help="The last backup until then, such as 2030-01-31T18:00.")
    ] = None,
) -> None:
    """Make objects what they were at the last backup.

    In all buckets, with versions, tags and attributes. Objects that are not in the backup are left alone.
    """
    request = rooms.archives.Restore(folder=folder, names=tuple(names or ()), at=parsing.moment(at, option="--at"))
    output.answer(ctx, rooms.archives.restore, request, _LANDED, empty=_NOTHING, shown="restoring")


def _show_archive(found: ArchiveFacts) -> None:
    output.print_rows(found.objects, _LISTED)
    signer = f" by {found.signer}" if found.signer else ""
    signed = f"signed{signer}, {found.trust}" if found.trust != "unsigned" else "not signed"
    output.note(f"{found.archive}: from {found.context} at {output.moment(found.time)} UTC, {signed}")
