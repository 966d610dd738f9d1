"""``om gc``, ``om fsck``, ``om du``: garbage, damage and space."""

from __future__ import annotations

from typing import Annotated

import typer

from omega_cli import output, parsing
from omega_cli.session import Session, working


def gc(
    ctx: typer.Context,
    grace: Annotated[
        str | None, typer.Option(help="How long what was replaced or dropped is kept: 30m, 12h, 7d, 0s.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Remove also payloads of which nothing is known since what named them is lost."),
    ] = False,
) -> None:
    """Remove what nothing needs any more.

    In all buckets of the context. What was replaced or dropped is kept for the grace period.

    JSON: {objects, versions, blobs, documents, size, leftovers, is_dry_run}.
    """
    session = Session.of(ctx)
    kept = parsing.duration(grace, option="--grace")
    if not dry_run:
        session.changing()
    with working("collecting"):
        report = session.omega.collect(grace=kept, dry_run=dry_run, force=force)
    output.show_facts(session, report.to_plain())


def fsck(
    ctx: typer.Context,
    quick: Annotated[
        bool, typer.Option("--quick", help="Only see that payloads are there, without reading them.")
    ] = False,
) -> None:
    """Check that nothing is missing, damaged, or somebody else's code.

    In all buckets of the context; the exit code is 1 if something is.

    JSON: an array of {severity, where, what, remedy}.
    """
    session = Session.of(ctx)
    with working("checking"):
        findings = [finding.to_plain() for finding in session.omega.check(deep=not quick)]
    output.show_rows(session, findings, ["severity", "where", "what", "remedy"], empty="all is well")
    if any(finding["severity"] != "garbage" for finding in findings):
        raise typer.Exit(1)


def du(ctx: typer.Context) -> None:
    """Show what takes how much space.

    In all buckets of the context, or the one of --bucket.

    JSON: {objects: [{bucket, prefix, name, versions, current, total, exclusive}], live, stored, reclaimable}.
    """
    session = Session.of(ctx)
    report = session.omega.usage(session.bucket).to_plain()
    if session.as_json:
        output.print_json(report)
        return
    columns = ["bucket", "prefix", "name", "versions", "current", "total", "exclusive"]
    output.show_rows(session, report["objects"], columns, empty="nothing is stored")
    totals = ", ".join(f"{name} {output.size(report[name])}" for name in ("live", "stored", "reclaimable"))
    output.print_line(f"\n{totals}")
