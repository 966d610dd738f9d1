"""Check: is everything that is needed there and undamaged (``om fsck``)? Usage: what takes the space (``om du``)?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Literal

from omega_domain.entities.version import Part, Version
from omega_domain.errors import CorruptPayloadError, OmegaError
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import PAYLOADS, Payloads
from omega_domain.upkeep.liveness import Lineage, reachable, survey
from omega_domain.upkeep.losses import REMEDY, losses

Severity = Literal["damage", "untrusted", "garbage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be.

    Attributes:
        severity: ``damage`` if something needed is missing or changed, ``untrusted`` if it would not be loaded as
            nobody who is trusted here has signed it, ``garbage`` if collect will remove it.
        where: the object and version, or the payload.
        what: what is wrong.
        remedy: how to mend it.
    """

    severity: Severity
    where: str
    what: str
    remedy: str

    def to_plain(self) -> dict[str, str]:
        """Return a dict for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What an object takes.

    Attributes:
        bucket: of the object.
        prefix: of its store.
        name: of the object.
        versions: how many live versions it has.
        current: bytes of the current version.
        total: bytes that its live versions reach, each blob counted once.
        exclusive: those of them that no other object reaches.
    """

    bucket: str
    prefix: str
    name: str
    versions: int
    current: int
    total: int
    exclusive: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """What a context takes: by object, and in bytes live, stored, and reclaimable by collect."""

    objects: list[Usage]
    live: int
    stored: int
    reclaimable: int

    def to_plain(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self)


def check(
    context: Context,
    *,
    deep: bool = True,
    grace: timedelta | None = None,
    progress: Callable[[str], None] | None = None,
) -> list[Finding]:
    """Return what is damaged or garbage in a context; nothing if all is well.

    Args:
        context: the context.
        deep: read every payload and compare its SHA-256; otherwise only see that it is there.
        grace: as for collect.
        progress: called with what is looked at next.
    """
    payloads = Payloads(context)
    found = survey(context, grace=grace)
    findings = [_damage(context.store.url, said, REMEDY) for said in losses(context, found, now=context.clock.now())]
    findings += [finding for lineage in found.lineages for finding in _check_lineage(context, lineage)]
    seen: set[str] = set()
    for version in found.live:
        if progress:
            progress(str(version.key))
        findings += _check_version(context, payloads, version, seen, deep)
    findings += [_garbage(f"version {stray.seq} of {stray.uid}", "was never committed") for stray in found.strays]
    return findings + list(_check_unreachable(context, seen))


def usage(context: Context, *, bucket: str | None = None, grace: timedelta | None = None) -> UsageReport:
    """Return what the objects of a context (or of one bucket) take, the largest first."""
    payloads = Payloads(context)
    lineages = [lineage for lineage in survey(context, grace=grace).lineages if lineage.live]
    reach = [reachable(payloads, iter(lineage.live)) for lineage in lineages]
    users: dict[str, int] = {}
    for parts in reach:
        for ref in parts:
            users[ref] = users.get(ref, 0) + 1
    objects = [_usage(*pair, users) for pair in zip(lineages, reach, strict=True)]
    live = {ref: part.size for parts in reach for ref, part in parts.items()}
    stored = {info.id: info.size for info in context.store.files.find()}
    return UsageReport(
        objects=sorted((u for u in objects if bucket in {None, u.bucket}), key=lambda u: (-u.total, u.name)),
        live=sum(live.values()),
        stored=sum(stored.values()) + sum(size for ref, size in live.items() if ref not in stored),
        reclaimable=sum(size for ref, size in stored.items() if ref not in live),
    )


def _usage(lineage: Lineage, parts: dict[str, Part], users: dict[str, int]) -> Usage:
    key = lineage.head.key
    current = next((version.size for version in lineage.live if version.id == lineage.head.current.id), 0)
    return Usage(
        bucket=key.bucket,
        prefix=key.prefix,
        name=key.name,
        versions=len(lineage.live),
        current=current,
        total=sum(part.size for part in parts.values()),
        exclusive=sum(part.size for ref, part in parts.items() if users[ref] == 1),
    )


def _check_lineage(context: Context, lineage: Lineage) -> Iterator[Finding]:
    if lineage.head.dropped is None:
        for where, what, remedy in context.trust.doubts(lineage.head, lineage.live):
            yield Finding(severity="untrusted", where=where, what=what, remedy=remedy)
    for ref in lineage.missing:
        yield _damage(
            f"{lineage.head.key} version {ref.seq}", "its record is missing", "drop this version, or restore it"
        )
    if lineage.is_gone:
        yield _garbage(str(lineage.head.key), "was dropped")
    elif lineage.superseded:
        yield _garbage(str(lineage.head.key), f"has {len(lineage.superseded)} version(s) that nobody needs")


def _check_version(
    context: Context,
    payloads: Payloads,
    version: Version,
    seen: set[str],
    deep: bool,  # noqa: FBT001 -- internal; one caller
) -> Iterator[Finding]:
    where = f"{version.key} version {version.seq}"
    try:
        for part in payloads.walk(version.parts):
            if part.ref not in seen:
                seen.add(part.ref)
                _check_part(context, payloads, part, deep)
    except OmegaError as error:
        yield _damage(where, str(error), "put the object again, or drop this version")


def _check_part(context: Context, payloads: Payloads, part: Part, deep: bool) -> None:  # noqa: FBT001
    if part.type in {"blob", "page"}:
        if deep:
            payloads.verify(part)
        else:
            payloads.open(part, verify=False).close()
    elif part.type == "documents" and part.sha256:
        payloads.read_documents(part)
    elif part.type == "documents":
        _check_rows(payloads, part)
    elif part.type == "collection":
        context.store.collection(part.ref).find_one()


def _check_rows(payloads: Payloads, part: Part) -> None:
    found, rows = payloads.count_rows(part), part.meta["rows"]
    if found != rows:
        raise CorruptPayloadError(
            f"{found} of {rows} rows {part.token} are in collection {part.collection!r}, which was changed outside of "
            "omega-ml"
        )


def _check_unreachable(context: Context, needed: set[str]) -> Iterator[Finding]:
    now = context.clock.now()
    for info in context.store.files.find():
        if info.id not in needed and info.leased_until < now:
            yield _garbage(f"blob {info.id[:12]}…", f"nothing needs its {info.size} bytes")
    for entry in context.store.collection(PAYLOADS).find():
        if entry["_id"] not in needed and entry["leased_until"] < now:
            yield _garbage(f"documents {entry['_id']}", "nothing needs them")


def _damage(where: str, what: str, remedy: str) -> Finding:
    return Finding(severity="damage", where=where, what=what, remedy=remedy)


def _garbage(where: str, what: str) -> Finding:
    return Finding(severity="garbage", where=where, what=what, remedy="run `om gc`")
