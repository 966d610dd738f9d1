"""``om promote``, ``om rollback``, ``om history``, ``om approve``, ``om gates``: what becomes live, and back again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer import Argument, Option

from omega_cli import completion, output, rooms
from omega_cli.help import running
from omega_cli.session import STORES, store_name

if TYPE_CHECKING:
    from omega_domain.commands.promotion import GateFacts
    from omega_domain.commands.promotion_facts import HistoryFacts, PromotionFacts
    from omega_domain.entities.promotion import HistoryEntry

What = Annotated[
    Literal["datasets", "dataset", "models", "model", "jobs", "job", "scripts", "script"],
    Argument(metavar="WHAT", show_choices=False, help="datasets, models, jobs or scripts."),
]
Name = Annotated[str, Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.objects)]
In = Annotated[str | None, Option("--in", help="Bucket that it is in.", autocompletion=completion.buckets)]

PROMOTING = running("promotion.promote", plan="--dry-run")
_RECEIVED = ("time", "object", "bucket", "outcome", "version", "reason")
_RECORD = ("when", "who", "did", "version", "from", "gates", "why")


def here(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for the group of a store: the same, without the argument WHAT."""
    whole = signature(command, eval_str=True)

    @wraps(command)
    def run(ctx: typer.Context, **given: Any) -> None:
        command(ctx, store_name(ctx), **given)

    rest = [parameter for name, parameter in whole.parameters.items() if name != "store"]
    vars(run)["__signature__"] = whole.replace(parameters=rest)
    return run


def promote(
    ctx: typer.Context,
    store: What,
    name: Name,
    to: Annotated[str | None, Option("--to", help="Bucket to copy to.", autocompletion=completion.buckets)] = None,
    to_context: Annotated[
        str | None,
        Option(help="Context to copy to; also --context, behind promote.", autocompletion=completion.contexts),
    ] = None,
    asname: Annotated[str | None, Option("--as", help="Name there; by default the same.")] = None,
    tag: Annotated[str | None, Option("--tag", help="Tag of the new version there.")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="Only show what would be done.")] = False,
    gates: Annotated[
        list[str] | None,
        Option("--gate", help="A gate that must let it pass, too: \"metric('r2', '>=', 0.8)\"."),
    ] = None,
    force: Annotated[
        str | None, Option(metavar="REASON", help="Do it though a gate refuses; the reason is recorded.")
    ] = None,
    with_data: Annotated[
        bool, Option("--with-data", help="Take the datasets along that a model was fitted on.")
    ] = False,
    versions: Annotated[
        str, Option(metavar="N|all", help="How many of its versions to take; by default one.", show_default=False)
    ] = "1",
    tags: Annotated[bool, Option("--tags", help="Take its tags along.")] = False,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there, if the gates that are declared for it there let it pass: om gates lists them,
    and om rollback undoes it. Within a context no bytes are copied.
    """
    if to is None and to_context is None and asname is None:
        raise typer.BadParameter("say where to: --to BUCKET, --to-context CONTEXT, or --as NAME", param_hint="--to")
    request = rooms.promoting.PromoteObject(
        store=STORES[store],
        name=name,
        to=to,
        to_context=to_context,
        asname=asname,
        tag=tag,
        gates=tuple(gates or ()),
        force=force,
        with_data=with_data,
        versions=_count(versions),
        tags=tags,
    )
    if dry_run:
        output.answer(ctx, rooms.promoting.plan, request, people=_show_plan, shown=f"planning to promote {name}")
    else:
        output.answer(ctx, rooms.promoting.promote, request, output.SAVED, shown=f"promoting {name}")


def history(ctx: typer.Context, store: What, name: Name, bucket: In = None) -> None:
    """Show what became live in a name: who, when, from where, and why.

    Promotions, rollbacks, approvals, imports and restores are on record. Every record names the one before, and is
    signed by who wrote it; what was changed or taken out is said on stderr.
    """

    def show(found: HistoryFacts) -> None:
        output.print_rows(found.rows, _RECORD, empty=f"nothing is on record of {name!r}")

    request = rooms.promotion.ShowHistory(store=STORES[store], name=name, bucket=bucket)
    for problem in output.answer(ctx, rooms.promotion.history, request, people=show).problems:
        output.note(f"om: warning: {problem}")


def rollback(
    ctx: typer.Context,
    store: What,
    name: Name,
    bucket: In = None,
    reason: Annotated[str, Option("--reason", help="Why; it is recorded.")] = "",
) -> None:
    """Make what was live before the last promotion live again.

    It becomes a version of its own, and is recorded. Once more goes further back.
    """
    request = rooms.promotion.RollBack(store=STORES[store], name=name, bucket=bucket, reason=reason)
    output.answer(ctx, rooms.promotion.rollback, request, output.SAVED)


def approve(
    ctx: typer.Context,
    store: What,
    name: Name,
    role: Annotated[str, Option("--as", help="As what: release, or what the gate asks for.")],
    bucket: In = None,
    note: Annotated[str, Option("--note", help="What else there is to say.")] = "",
    digest: Annotated[
        str | None, Option("--digest", help="Approve the version of this digest, which need not be here yet.")
    ] = None,
) -> None:
    """Record an approval, for gates such as approved_by('release')."""
    request = rooms.promotion.ApproveObject(
        store=STORES[store], name=name, bucket=bucket, role=role, note=note, digest=digest
    )
    output.answer(ctx, rooms.promotion.approve, request, people=_show_approval)


def receive(
    ctx: typer.Context,
    folder: Annotated[Path, Argument(metavar="FOLDER", help="Folder with what was sent.")],
    dry_run: Annotated[bool, Option("--dry-run", help="Only ask the gates.")] = False,
    force: Annotated[
        str | None, Option(metavar="REASON", help="Do it though a gate refuses; the reason is recorded.")
    ] = None,
) -> None:
    """Promote what others have sent by files in a folder.

    They promote to a context with promotion = "folder:FOLDER". The gates here are asked; what they refuse changes
    nothing, and can be received later. The exit code is 1 if something was refused.
    """
    request = rooms.promotion.Receive(folder=folder, dry_run=dry_run, force=force)
    found = output.answer(ctx, rooms.promotion.receive, request, _RECEIVED, empty="nothing was sent", shown="receiving")
    if any(each.outcome == "refused" for each in found):
        raise typer.Exit(1)


def gates(ctx: typer.Context, bucket: In = None) -> None:
    """List the gates that objects must pass to be promoted.

    Those of the bucket, and all that can be declared. They are declared in omega.toml, below [gates.BUCKET], or by the
    attribute gates of an object in the bucket.
    """
    output.answer(ctx, rooms.promotion.gates, rooms.promotion.ListGates(bucket=bucket), people=_show_gates)


def _count(versions: str) -> int | Literal["all"]:
    if versions == "all":
        return "all"
    if not versions.isdecimal():
        raise typer.BadParameter("write a number, or all", param_hint="--versions")
    return int(versions)


def _show_plan(found: PromotionFacts) -> None:
    output.print_facts(found.outline)
    if not found.is_done:
        if found.target.version is not None:
            output.show_section("changes", found.changes, ["what", "live", "promoted"])
        output.show_section("gates", found.said, ["gate", "of", "says", "why"])


def _show_approval(found: HistoryEntry) -> None:
    said = {name: getattr(found, name) for name in ("name", "version", "digest", "role")}
    output.print_facts({**said, "by": found.author})


def _show_gates(found: GateFacts) -> None:
    output.show_section(f"gates of {found.bucket}", found.declared, ["store", "object", "gate", "by"])
    output.show_section("known", found.known, ["gate", "demands"])
