"""``om promote`` and ``om datasets promote``: copying objects between buckets and contexts, if their gates let them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from omega_cli import completion, output
from omega_cli.session import STORES, Session, working

if TYPE_CHECKING:
    from omega_domain.entities.promotion import PromotionPlan

What = Annotated[
    Literal["datasets", "dataset", "models", "model", "jobs", "job", "scripts", "script"],
    typer.Argument(metavar="WHAT", show_choices=False, help="datasets, models, jobs or scripts."),
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.promotable)
]
NameHere = Annotated[
    str, typer.Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.objects)
]
To = Annotated[str | None, typer.Option("--to", help="Bucket to copy to.", autocompletion=completion.buckets)]
ToContext = Annotated[
    str | None,
    typer.Option(
        "--to-context", help="Context to copy to; also --context, behind promote.", autocompletion=completion.contexts
    ),
]
As = Annotated[str | None, typer.Option("--as", help="Name there; by default the same.")]
Tag = Annotated[str | None, typer.Option("--tag", help="Tag of the new version there.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")]
Gates = Annotated[
    list[str] | None, typer.Option("--gate", help="A gate that must let it pass, too: \"metric('r2', '>=', 0.8)\".")
]
Force = Annotated[
    str | None, typer.Option("--force", metavar="REASON", help="Do it though a gate refuses; the reason is recorded.")
]
WithData = Annotated[bool, typer.Option("--with-data", help="Take the datasets along that a model was fitted on.")]
Versions = Annotated[
    str | None, typer.Option("--versions", metavar="N|all", help="How many of its versions to take; by default one.")
]
Tags = Annotated[bool, typer.Option("--tags", help="Take its tags along.")]


def promote(
    ctx: typer.Context,
    what: What,
    name: Name,
    to: To = None,
    to_context: ToContext = None,
    asname: As = None,
    tag: Tag = None,
    dry_run: DryRun = False,
    gate: Gates = None,
    force: Force = None,
    with_data: WithData = False,
    versions: Versions = None,
    tags: Tags = False,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there, if the gates that are declared for it there let it pass: om gates lists them,
    and om rollback undoes it. Within a context no bytes are copied.

    JSON: the copy's metadata, as of the command metadata; with --dry-run {source, target, versions, tags, differences,
    size, bytes_to_copy, gates, forced, brings, is_done, is_allowed}.
    """
    options = _options(tag, gate, force, with_data=with_data, versions=versions, tags=tags)
    session = Session.of(ctx)
    promote_object(session, STORES[what], name, to=to, to_context=to_context, asname=asname, dry_run=dry_run, **options)


def promote_here(
    ctx: typer.Context,
    name: NameHere,
    to: To = None,
    to_context: ToContext = None,
    asname: As = None,
    tag: Tag = None,
    dry_run: DryRun = False,
    gate: Gates = None,
    force: Force = None,
    with_data: WithData = False,
    versions: Versions = None,
    tags: Tags = False,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there, if the gates that are declared for it there let it pass: om gates lists them,
    and om rollback undoes it. Within a context no bytes are copied.

    JSON: the copy's metadata, as of the command metadata; with --dry-run what om promote --dry-run prints.
    """
    store = str(ctx.parent.info_name if ctx.parent else "")
    options = _options(tag, gate, force, with_data=with_data, versions=versions, tags=tags)
    session = Session.of(ctx)
    promote_object(session, store, name, to=to, to_context=to_context, asname=asname, dry_run=dry_run, **options)


def promote_object(
    session: Session,
    store: str,
    name: str,
    *,
    to: str | None,
    to_context: str | None,
    asname: str | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """Promote an object and print the copy's metadata, or print what would be done."""
    if to is None and to_context is None and asname is None:
        raise typer.BadParameter("say where to: --to BUCKET, --to-context CONTEXT, or --as NAME", param_hint="--to")
    target = session.other(bucket=to, context=to_context)
    source, there = getattr(session.omega, store), getattr(target, store)
    if dry_run:
        with working(f"planning to promote {name}"):
            plan = source.promote(name, there, asname, dry_run=True, **options)
        show_plan(session, plan)
        return
    session.changing(target)
    with working(f"promoting {name}"):
        meta = source.promote(name, there, asname, **options)
    output.show_saved(session, meta)


def show_plan(session: Session, plan: PromotionPlan) -> None:
    """Print what a promotion would do: facts, differences and gates, or all as JSON."""
    if session.as_json:
        output.print_json(plan.to_plain())
        return
    output.show_facts(session, _facts(plan))
    if plan.is_done:
        return
    outcomes = [_outcome_row(one.source.name, outcome) for one in plan.whole for outcome in one.outcomes]
    changes = [
        {**one.to_plain(), "what": one.what if one.name == one.what else f"{one.what} {one.name}"}
        for one in plan.differences
    ]
    if plan.target.version is not None:
        output.show_section("changes", changes, ["what", "live", "promoted"])
    output.show_section("gates", outcomes, ["gate", "of", "says", "why"])


def _facts(plan: PromotionPlan) -> dict[str, Any]:
    live = plan.target.version
    facts: dict[str, Any] = {
        "from": str(plan.source),
        "to": str(plan.target) if live is not None else f"{plan.target} (new)",
        "takes": [str(version) for version in plan.versions],
        "size": plan.size,
        "to copy": output.size(sum(one.bytes_to_copy for one in plan.whole)),
    }
    if plan.tags:
        facts["tags"] = [f"{tag}@{version}" for tag, version in plan.tags.items()]
    if plan.brings:
        facts["brings"] = [f"{one.source} -> {one.target}" for one in plan.brings]
    return facts | {"would": _verdict(plan)}


def _verdict(plan: PromotionPlan) -> str:
    if plan.is_done and all(one.is_done for one in plan.whole):
        return "change nothing: it is there already"
    if not plan.refusals:
        return "be done"
    return "be forced, which is recorded" if plan.is_allowed else "be refused"


def _outcome_row(name: str, outcome: Any) -> dict[str, Any]:
    return {"gate": outcome.gate, "of": name, "says": "yes" if outcome.passed else "no", "why": outcome.reason}


def _options(
    tag: str | None, gates: list[str] | None, force: str | None, *, with_data: bool, versions: str | None, tags: bool
) -> dict[str, Any]:
    """Return the options of promote that were given."""
    if versions is not None and versions != "all" and not versions.isdecimal():
        raise typer.BadParameter("write a number, or all", param_hint="--versions")
    count = int(versions) if versions is not None and versions.isdecimal() else versions
    given = {"tag": tag, "gates": gates, "force": force, "with_data": with_data, "versions": count, "tags": tags}
    return {name: value for name, value in given.items() if value not in (None, False, [])}
