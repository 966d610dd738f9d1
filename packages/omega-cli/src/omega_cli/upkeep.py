"""``om gc``, ``om fsck``, ``om du``: garbage, damage and space."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from omega_cli import output, parsing, rooms
from omega_cli.session import Session

if TYPE_CHECKING:
    from omega_domain.upkeep.checking import UsageReport


def gc(
    ctx: typer.Context,
    grace: Annotated[
        str | None, Option(help="How long what was replaced or dropped is kept: 30m, 12h, 7d, 0s.")
    ] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only say what would be removed.")] = False,
    force: Annotated[
        bool,
        Option("--force", help="Remove also payloads of which nothing is known since what named them is lost."),
    ] = False,
) -> None:
    """Remove what nothing needs any more.

    In all buckets of the context. What was replaced or dropped is kept for the grace period.
    """
    kept = parsing.duration(grace, option="--grace")
    request = rooms.upkeep.CollectGarbage(grace=kept, dry_run=dry_run, force=force)
    output.answer(ctx, rooms.upkeep.gc, request, shown="collecting")


def fsck(
    ctx: typer.Context,
    quick: Annotated[bool, Option("--quick", help="Only see that payloads are there, without reading them.")] = False,
) -> None:
    """Check that nothing is missing, damaged, or somebody else's code.

    In all buckets of the context; the exit code is 1 if something is.
    """
    columns = ("severity", "where", "what", "remedy")
    request = rooms.upkeep.CheckObjects(quick=quick)
    found = output.answer(ctx, rooms.upkeep.fsck, request, columns, empty="all is well", shown="checking")
    if any(finding.severity != "garbage" for finding in found):
        raise typer.Exit(1)


def du(ctx: typer.Context) -> None:
    """Show what takes how much space.

    In all buckets of the context, or the one of --bucket.
    """
    output.answer(ctx, rooms.upkeep.du, rooms.upkeep.ShowUsage(bucket=Session.of(ctx).bucket), people=_show_usage)


def _show_usage(found: UsageReport) -> None:
    columns = ("bucket", "prefix", "name", "versions", "current", "total", "exclusive")
    output.print_rows(found.objects, columns, empty="nothing is stored")
    totals = {"live": found.live, "stored": found.stored, "reclaimable": found.reclaimable}
    output.print_line("\n" + ", ".join(f"{name} {output.size(count)}" for name, count in totals.items()))
