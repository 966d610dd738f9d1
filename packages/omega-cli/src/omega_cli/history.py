"""``om history``, ``om rollback``, ``om approve`` and ``om gates``: what became live when, why, and back again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from omega_cli import completion, output
from omega_cli.promoting import Name, What
from omega_cli.session import STORES, Session

if TYPE_CHECKING:
    from omega_domain.entities.promotion import HistoryEntry
    from omega_domain.stores import OmegaStore

In = Annotated[str | None, typer.Option("--in", help="Bucket that it is in.", autocompletion=completion.buckets)]


def history(ctx: typer.Context, what: What, name: Name, bucket: In = None) -> None:
    """Show what became live in a name: who, when, from where, and why.

    Promotions, rollbacks, approvals, imports and restores are on record. Every record names the one before, and is
    signed by who wrote it; what was changed or taken out is said on stderr.

    JSON: {records: [{n, action, time, author, version, digest, source, gates, forced, role, note, …}], problems}.
    """
    session = Session.of(ctx)
    store = _store(session, what, bucket)
    entries = store.history(name)
    problems = [f"record {problem.n}: {problem.what}" for problem in _problems(store, name)]
    if session.as_json:
        output.print_json({"records": [entry.to_plain() for entry in entries], "problems": problems})
    else:
        columns = ["when", "who", "did", "version", "from", "gates", "why"]
        output.show_rows(
            session, [_row(entry) for entry in entries], columns, empty=f"nothing is on record of {name!r}"
        )
    for problem in problems:
        output.note(f"om: warning: {problem}")


def rollback(
    ctx: typer.Context,
    what: What,
    name: Name,
    bucket: In = None,
    reason: Annotated[str, typer.Option("--reason", help="Why; it is recorded.")] = "",
) -> None:
    """Make what was live before the last promotion live again.

    It becomes a version of its own, and is recorded. Once more goes further back.

    JSON: the new version's metadata, as of the command metadata.
    """
    session = Session.of(ctx)
    session.changing()
    output.show_saved(session, _store(session, what, bucket).rollback(name, reason=reason))


def approve(
    ctx: typer.Context,
    what: What,
    name: Name,
    role: Annotated[str, typer.Option("--as", help="As what: release, or what the gate asks for.")],
    bucket: In = None,
    note: Annotated[str, typer.Option("--note", help="What else there is to say.")] = "",
    digest: Annotated[
        str | None, typer.Option("--digest", help="Approve the version of this digest, which need not be here yet.")
    ] = None,
) -> None:
    """Record an approval, for gates such as approved_by('release').

    JSON: the record, as of the command history.
    """
    session = Session.of(ctx)
    session.changing()
    entry = _store(session, what, bucket).approve(name, role, note, digest=digest)
    shown = {"name": entry.name, "version": entry.version, "digest": entry.digest, "role": entry.role}
    output.show_facts(session, entry.to_plain() if session.as_json else {**shown, "by": entry.author})


def gates(ctx: typer.Context, bucket: In = None) -> None:
    """List the gates that objects must pass to be promoted.

    Those of the bucket, and all that can be declared. They are declared in omega.toml, below [gates.BUCKET], or by the
    attribute gates of an object in the bucket.

    JSON: {bucket, declared: [{store, object, gate, by}], known: [{gate, demands}]}.
    """
    from omega_domain.promotion.gate_specs import known_gates

    session = Session.of(ctx)
    omega = session.other(bucket=bucket, context=None)
    declared = [row for name in dict.fromkeys(STORES.values()) for row in _declared(getattr(omega, name), name)]
    known = [{"gate": name, "demands": text} for name, text in known_gates(omega.context.gates).items()]
    if session.as_json:
        output.print_json({"bucket": omega.bucket, "declared": declared, "known": known})
        return
    output.show_section(f"gates of {omega.bucket}", declared, ["store", "object", "gate", "by"])
    output.show_section("known", known, ["gate", "demands"])


def _store(session: Session, what: str, bucket: str | None) -> OmegaStore:
    store: OmegaStore = getattr(session.other(bucket=bucket, context=None), STORES[what])
    return store


def _problems(store: OmegaStore, name: str) -> list[Any]:
    from omega_domain.repository.history import History

    return History(store.context).problems(store.key_of(name))


def _declared(store: OmegaStore, name: str) -> list[dict[str, Any]]:
    from omega_domain.promotion.gate_specs import GATES

    rows = [
        {"store": name, "object": None, "gate": str(spec), "by": "settings"}
        for spec in store.context.gates.of(store.bucket, store.prefix)
    ]
    for meta in store.list(raw=True, hidden=True):
        given = meta.attributes.get(GATES, ())
        specs = [given] if isinstance(given, str) else given
        rows += [{"store": name, "object": meta.name, "gate": str(spec), "by": "object"} for spec in specs]
    return rows


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
