"""Planning a promotion: what it would copy and change, and what the gates say. Nothing is written for that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from omega_domain.entities.names import ObjectKey
from omega_domain.entities.promotion import Difference, Outcome, Place, PromotionPlan
from omega_domain.entities.version import Part, Version, VersionRef
from omega_domain.errors import OmegaError
from omega_domain.ports.gate import Candidate, GateSpec
from omega_domain.promotion.gate_specs import GATES, ask, required_gates
from omega_domain.promotion.gates import METRICS, SIGNATURE, schema_of
from omega_domain.repository.metadata import Home, Metadata
from omega_domain.repository.payloads import PAYLOADS

_PACKAGES = "packages"
_SCALARS = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be promoted, and how.

    Attributes:
        source: the version that is to be live in the target.
        version: its record.
        target: where to.
        key: its name there.
        tag: a tag that it is to have there.
        gates: gates that it must pass beside those that are declared.
        forced: why it is to be done even if a gate refuses.
        history: how many of the newest versions are to be in the target, it included; ``all`` of them.
        tags: whether tags of these versions travel.
        brings: requests of what is to be promoted before.
    """

    source: Metadata
    version: Version
    target: Home
    key: ObjectKey
    tag: str | None = None
    gates: tuple[GateSpec, ...] = ()
    forced: str | None = None
    history: int | Literal["all"] = 1
    tags: bool = False
    brings: tuple[Request, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A plan, and what it was made from.

    Attributes:
        plan: the plan.
        brings: the same of what is to be promoted before.
        revision: of the target's head that the plan was made for; None if there was none.
        versions: the versions to commit, oldest first.
        attributes: of the object there.
        tags: tags that the object is to have there -> its version there, or the source's that becomes one.
    """

    plan: PromotionPlan
    brings: tuple[Prepared, ...]
    revision: int | None
    versions: tuple[Version, ...]
    attributes: Mapping[str, Any]
    tags: Mapping[str, VersionRef | Version] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be committed in the target.

    Attributes:
        versions: of the source, oldest first; none if the target has it already.
        attributes: of the object there.
        tags: tags that the object is to have there -> the version of the source that they are for.
        places: digest of a version of the source -> its version there, or itself if it becomes one.
        is_done: whether the target has it already.
    """

    versions: tuple[Version, ...]
    attributes: Mapping[str, Any]
    tags: Mapping[str, Version]
    places: Mapping[str, VersionRef | Version]
    is_done: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """In what the promoted version differs from the live one, and how many bytes the target lacks."""

    differences: tuple[Difference, ...] = ()
    bytes_to_copy: int = 0


def prepare(request: Request, *, in_full: bool = False) -> Prepared:
    """Return the plan of a promotion, with those of what it brings along.

    Args:
        request: what is wanted.
        in_full: whether the plan is to say, too, in what the promoted version differs from the live one, and how many
            bytes are to be copied.
    """
    live = request.target.metadata(request.key.name)
    choice = choose_versions(request, live)
    comparison = compare(request, live, choice) if in_full else Comparison()
    brings = tuple(prepare(brought, in_full=in_full) for brought in request.brings)
    plan = PromotionPlan(
        source=place_of(request.source),
        target=_target_place(request, live),
        versions=tuple(version.seq for version in choice.versions),
        tags={tag: version.seq for tag, version in choice.tags.items()},
        differences=comparison.differences,
        size=request.source.size,
        bytes_to_copy=comparison.bytes_to_copy,
        outcomes=() if choice.is_done else judge(request, live),
        forced=request.forced,
        brings=tuple(brought.plan for brought in brings),
        is_done=choice.is_done,
    )
    return Prepared(
        plan=plan,
        brings=brings,
        revision=live.head.revision if live and live.head else None,
        versions=choice.versions,
        attributes=choice.attributes,
        tags={tag: choice.places[version.digest] for tag, version in choice.tags.items()},
    )


def choose_versions(request: Request, live: Metadata | None) -> Choice:
    """Choose what is to be committed in the target: the promoted version, and older ones that are not there."""
    attributes = _attributes(request.source, live)
    older = [record for meta in older_versions(request) if (record := meta.record)]
    there = _copies(request.target, live) if older or request.tags else {}
    missing = [version for version in older if version.digest not in there]
    is_done = live is not None and _is_copy_of(live, request.version, attributes) and not missing
    versions = () if is_done else (*missing, request.version)
    places: dict[str, VersionRef | Version] = {**there, **{version.digest: version for version in versions}}
    if is_done and live is not None:
        places[request.version.digest] = live.ref
    return Choice(
        versions=versions,
        attributes=attributes,
        tags=_tags(request, [*older, request.version]),
        places=places,
        is_done=is_done,
    )


def compare(request: Request, live: Metadata | None, choice: Choice) -> Comparison:
    """Compare the promoted version with what is live, and its payload with what the target has."""
    is_other = live is not None and not choice.is_done
    return Comparison(
        differences=tuple(differences(live, request.source, choice.attributes)) if live and is_other else (),
        bytes_to_copy=missing_bytes(choice.versions, request.source.objects, request.target),
    )


def judge(request: Request, live: Metadata | None) -> tuple[Outcome, ...]:
    """Ask all gates that apply."""
    candidate = Candidate(source=request.source, target=request.target, name=request.key.name, live=live)
    policy = request.target.context.gates
    return ask(required_gates(candidate, policy, request.gates), candidate, policy)


def older_versions(request: Request) -> list[Metadata]:
    """Return the versions of the source that are to be in the target before the promoted one, oldest first."""
    if request.history == 1:
        return []
    store, name = request.source.objects, request.source.name
    found = [meta for meta in store.versions(name) if (meta.version or 0) < request.version.seq]
    return found if request.history == "all" else found[-(request.history - 1) :]


def place_of(meta: Metadata) -> Place:
    """Return where a version is."""
    version = meta.record
    place = _place(meta.objects, meta.key)
    return replace(place, version=version.seq, digest=version.digest) if version else place


def differences(live: Metadata, source: Metadata, attributes: Mapping[str, Any]) -> Iterator[Difference]:
    """Iterate over what differs between what is live and what is promoted."""
    before = dict(_facts(live, live.attributes))
    after = dict(_facts(source, attributes))
    for what, name in [*after, *(fact for fact in before if fact not in after)]:
        old, new = before.get((what, name)), after.get((what, name))
        if old != new:
            yield Difference(what=what, name=name, live=old, promoted=new)


def missing_bytes(versions: Iterable[Version], source: Home, target: Home) -> int:
    """Return how many bytes of these versions the target lacks; no lease is renewed for that."""
    if source.context.store is target.context.store or source.context.store.url == target.context.store.url:
        return 0
    parts = {part.ref: part for version in versions for part in source.payloads.expand(version.parts)}
    return sum(part.size for part in parts.values() if not _has(target, part))


def _has(target: Home, part: Part) -> bool:
    if part.type == "blob":
        return target.context.store.files.exists(part.ref)
    if part.type == "uri":
        return True
    return target.context.store.collection(PAYLOADS).find_one({"_id": part.ref, "doomed": False}) is not None


def _attributes(source: Metadata, live: Metadata | None) -> dict[str, Any]:
    """The source's attributes; but which gates an object must pass is the target's business, once it has said so."""
    own = {GATES: live.attributes[GATES]} if live and GATES in live.attributes else {}
    return {**source.attributes, **own}


def _is_copy_of(live: Metadata, version: Version, attributes: Mapping[str, Any]) -> bool:
    return (live.provenance or {}).get("digest") == version.digest and live.attributes == attributes


def _copies(target: Home, live: Metadata | None) -> dict[str, VersionRef]:
    """Return the versions in the target by the digest of what they are copies of."""
    versions = [meta.record for meta in target.versions(live.name)] if live else []
    return {
        str(version.provenance["digest"]): version.ref
        for version in versions
        if version and version.provenance and "digest" in version.provenance
    }


def _tags(request: Request, selected: list[Version]) -> dict[str, Version]:
    own = {request.tag: request.version} if request.tag else {}
    head = request.source.head
    if not request.tags or head is None:
        return own
    by_id = {version.id: version for version in selected}
    return {tag: by_id[ref.id] for tag, ref in sorted(head.tags.items()) if ref.id in by_id} | own


def _target_place(request: Request, live: Metadata | None) -> Place:
    return place_of(live) if live is not None else _place(request.target, request.key)


def _place(store: Home, key: ObjectKey) -> Place:
    context = store.context
    return Place(context=context.name, store=context.store.url, bucket=key.bucket, prefix=key.prefix, name=key.name)


def _facts(meta: Metadata, attributes: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Iterate over what is compared of a version: (what, name) and value."""
    yield ("kind", "kind"), meta.kind
    yield ("size", "size"), meta.size
    for name, value in attributes.items():
        what = {METRICS: "metrics", SIGNATURE: "signature"}.get(name)
        if what and isinstance(value, Mapping):
            yield from (((what, str(item)), one) for item, one in value.items())
        else:
            yield ("attributes", name), value
    kind_meta = meta.kind_meta
    packages = kind_meta.get(_PACKAGES)
    if isinstance(packages, Mapping):
        yield from (((_PACKAGES, str(name)), version) for name, version in packages.items())
    yield from ((("schema", name), dtype) for name, dtype in _schema(meta).items())
    yield from ((("kind_meta", name), value) for name, value in kind_meta.items() if isinstance(value, _SCALARS))


def _schema(meta: Metadata) -> dict[str, str]:
    try:
        return schema_of(meta)
    except OmegaError:  # its kind is not known here, or it can not be read: that is for promotion itself to say
        return {}
