"""``om promote``, ``om rollback``, ``om history``, ``om approve``, ``om gates``: what becomes live, and back again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from inspect import signature
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from omega_cli import completion, output
from omega_cli.help import running
from omega_cli.session import STORES, store_name

if TYPE_CHECKING:
    from omega_domain.commands.promotion import GateFacts, HistoryFacts, PromotionFacts
    from omega_domain.entities.promotion import HistoryEntry

What = Annotated[
    Literal["datasets", "dataset", "models", "model", "jobs", "job", "scripts", "script"],
    typer.Argument(metavar="WHAT", show_choices=False, help="datasets, models, jobs or scripts."),
]
Name = Annotated[
    str, typer.Argument(metavar="NAME", help="Name; also name@tag, name@3.", autocompletion=completion.objects)
]
In = Annotated[str | None, typer.Option("--in", help="Bucket that it is in.", autocompletion=completion.buckets)]

PROMOTING = running("promotion.promote", plan="--dry-run")
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
    to: Annotated[
        str | None, typer.Option("--to", help="Bucket to copy to.", autocompletion=completion.buckets)
    ] = None,
    to_context: Annotated[
        str | None,
        typer.Option(help="Context to copy to; also --context, behind promote.", autocompletion=completion.contexts),
    ] = None,
    asname: Annotated[str | None, typer.Option("--as", help="Name there; by default the same.")] = None,
    tag: Annotated[str | None, typer.Option("--tag", help="Tag of the new version there.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    gates: Annotated[
        list[str] | None,
        typer.Option("--gate", help="A gate that must let it pass, too: \"metric('r2', '>=', 0.8)\"."),
    ] = None,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Do it though a gate refuses; the reason is recorded.")
    ] = None,
    with_data: Annotated[
        bool, typer.Option("--with-data", help="Take the datasets along that a model was fitted on.")
    ] = False,
    versions: Annotated[
        str, typer.Option(metavar="N|all", help="How many of its versions to take.", show_default=False)
    ] = "1",
    tags: Annotated[bool, typer.Option("--tags", help="Take its tags along.")] = False,
) -> None:
    """Copy an object to another bucket or context.

    It replaces what has its name there, if the gates that are declared for it there let it pass: om gates lists them,
    and om rollback undoes it. Within a context no bytes are copied.
    """
    from omega_ml.commands import promotion

    if to is None and to_context is None and asname is None:
        raise typer.BadParameter("say where to: --to BUCKET, --to-context CONTEXT, or --as NAME", param_hint="--to")
    request = promotion.PromoteObject(
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
        output.answer(ctx, promotion.plan, request, people=_show_plan, shown=f"planning to promote {name}")
    else:
        output.answer(ctx, promotion.promote, request, output.SAVED, shown=f"promoting {name}")


def history(ctx: typer.Context, store: What, name: Name, bucket: In = None) -> None:
    """Show what became live in a name: who, when, from where, and why.

    Promotions, rollbacks, approvals, imports and restores are on record. Every record names the one before, and is
    signed by who wrote it; what was changed or taken out is said on stderr.
    """
    from omega_domain.commands import promotion

    def show(found: HistoryFacts) -> None:
        rows = [_row(entry) for entry in found.records]
        output.print_rows(rows, _RECORD, empty=f"nothing is on record of {name!r}")

    request = promotion.ShowHistory(store=STORES[store], name=name, bucket=bucket)
    for problem in output.answer(ctx, promotion.history, request, people=show).problems:
        output.note(f"om: warning: {problem}")


def rollback(
    ctx: typer.Context,
    store: What,
    name: Name,
    bucket: In = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "",
) -> None:
    """Make what was live before the last promotion live again.

    It becomes a version of its own, and is recorded. Once more goes further back.
    """
    from omega_domain.commands import promotion

    request = promotion.RollBack(store=STORES[store], name=name, bucket=bucket, reason=reason)
    output.answer(ctx, promotion.rollback, request, output.SAVED)


def approve(
    ctx: typer.Context,
    store: What,
    name: Name,
    role: Annotated[str, typer.Option("--as", help="As what: release, or what the gate asks for.")],
    bucket: In = None,
    note: Annotated[str, typer.Option("--note", help="What else there is to say.")] = "",
    digest: Annotated[
        str | None, typer.Option("--digest", help="Approve the version of this digest, which need not be here yet.")
    ] = None,
) -> None:
    """Record an approval, for gates such as approved_by('release')."""
    from omega_domain.commands import promotion

    request = promotion.ApproveObject(
        store=STORES[store], name=name, bucket=bucket, role=role, note=note, digest=digest
    )
    output.answer(ctx, promotion.approve, request, people=_show_approval)


def gates(ctx: typer.Context, bucket: In = None) -> None:
    """List the gates that objects must pass to be promoted.

    Those of the bucket, and all that can be declared. They are declared in omega.toml, below [gates.BUCKET], or by the
    attribute gates of an object in the bucket.
    """
    from omega_domain.commands import promotion

    output.answer(ctx, promotion.gates, promotion.ListGates(bucket=bucket), people=_show_gates)


def _count(versions: str) -> int | Literal["all"]:
    if versions == "all":
        return "all"
    if not versions.isdecimal():
        raise typer.BadParameter("write a number, or all", param_hint="--versions")
    return int(versions)


def _show_plan(found: PromotionFacts) -> None:
    facts = {
        "from": str(found.source),
        "to": f"{found.target}{' (new)' if found.target.version is None else ''}",
        "takes": [str(version) for version in found.versions],
        "size": found.size,
        "to copy": output.size(sum(one.bytes_to_copy for one in found.whole)),
        "tags": [f"{tag}@{version}" for tag, version in found.tags.items()],
        "brings": [f"{one.source} -> {one.target}" for one in found.brings],
        "would": found.would,
    }
    output.print_facts({name: value for name, value in facts.items() if value or name not in {"tags", "brings"}})
    if found.is_done:
        return
    if found.target.version is not None:
        changes = [
            {
                "what": one.what if one.name == one.what else f"{one.what} {one.name}",
                "live": one.live,
                "promoted": one.promoted,
            }
            for one in found.differences
        ]
        output.show_section("changes", changes, ["what", "live", "promoted"])
    said = [
        {"gate": one.gate, "of": facts.source.name, "says": "yes" if one.passed else "no", "why": one.reason}
        for facts in found.whole
        for one in facts.gates
    ]
    output.show_section("gates", said, ["gate", "of", "says", "why"])


def _show_gates(found: GateFacts) -> None:
    output.show_section(f"gates of {found.bucket}", found.declared, ["store", "object", "gate", "by"])
    output.show_section("known", found.known, ["gate", "demands"])


def _show_approval(found: HistoryEntry) -> None:
    shown = {"name": found.name, "version": found.version, "digest": found.digest, "role": found.role}
    output.print_facts({**shown, "by": found.author})


def _row(entry: HistoryEntry) -> dict[str, Any]:
    passed = sum(1 for gate in entry.gates if gate["passed"])
    return {
        "when": output.moment(entry.time),
        "who": entry.author,
        "did": f"approve as {entry.role}" if entry.role else entry.action,
        "version": entry.version,
        "from": _origin(entry),
        "gates": f"{passed} of {len(entry.gates)}" if entry.gates else None,
        "why": f"forced: {entry.forced}" if entry.forced else entry.note,
    }


def _origin(entry: HistoryEntry) -> str | None:
    source = entry.source
    if not source:
        return None
    if "restores" in source:
        return f"version {source['restores']['version']}"
    if "archive" in source:
        return str(source["archive"]["name"])
    return f"{source['context']}:{source['bucket']}/{source['name']}@{source['version']}"
