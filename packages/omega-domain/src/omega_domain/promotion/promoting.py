"""Promotion: copying an object to another bucket or context, if its gates let it pass.

What the target already has is not copied again: within a context that is everything, so no byte moves. The copy is a
version of its own with its own references; dropping or collecting the source never harms it. It becomes live by one
commit, and why it may is part of what is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from omega_domain.entities.head import Head
from omega_domain.entities.names import MODELS, ObjectKey, ObjectRef, validate_new_name, validate_tag
from omega_domain.entities.promotion import PROMOTE, PromotionPlan
from omega_domain.entities.version import Part, Payload, Version, VersionRef
from omega_domain.errors import CorruptPayloadError, PromotionError, PromotionRefusedError
from omega_domain.ports.objects import StoredObject
from omega_domain.ports.promotion import Promotion, PromotionRequest
from omega_domain.promotion.planning import Prepared, Request, older_versions, place_of, prepare
from omega_domain.promotion.rolling_back import roll_back
from omega_domain.promotion.training_data import data_of
from omega_domain.repository.committing import LONG_AGO, Parked
from omega_domain.repository.history import ACTION, ARCHIVED, PROMOTION, History
from omega_domain.repository.metadata import Home, Metadata
from omega_domain.repository.objects import Objects, sibling
from omega_domain.repository.payloads import has_rows


class CopyingPromotion(Promotion):
    """Copies what the target lacks from store to store, whichever two they are; the promotion of every context.

    Args:
        noted: returns what the provenance of a copy is to say beside, or instead of, where the version is.
    """

    def __init__(self, noted: Callable[[Version], Mapping[str, Any]] = lambda _: {}) -> None:
        self._noted = noted

    def plan(self, request: PromotionRequest) -> PromotionPlan:
        """Return what a promotion would do, and what the gates say; nothing is written."""
        return prepare(request_of(request), in_full=True).plan

    def promote(self, request: PromotionRequest) -> Metadata:
        """Make a version the current one of its name in another store; return its metadata there."""
        wanted = request_of(request)
        prepared = prepare(wanted)
        require_allowed(prepared.plan)
        for brought, its_plan in zip(wanted.brings, prepared.brings, strict=True):
            _Copying(brought, its_plan, self._noted).run()
        _Copying(replace(wanted, brings=()), prepared, self._noted).run()
        return wanted.target.metadata(wanted.key.name, required=True)

    def roll_back(self, live: StoredObject, *, reason: str = "") -> Metadata:
        """Make what was live before the current version live again; return its metadata."""
        return roll_back(own_metadata(live), reason=reason)


def require_allowed(plan: PromotionPlan) -> None:
    """See that all gates let it pass, or that it is forced. Raises PromotionRefusedError."""
    if plan.is_allowed:
        return
    reasons = "; ".join(f"{outcome.gate}: {outcome.reason}" for outcome in plan.refusals)
    raise PromotionRefusedError(
        f"{plan.source.name!r} was not promoted to {plan.target}, nothing was changed: {reasons}. Mend that, or force "
        "it with a reason, which is recorded",
        plan,
    )


def transfer(parts: tuple[Part, ...], source: Home, target: Home) -> tuple[Part, ...]:
    """Copy what the target lacks of these parts; return the parts as the target has them."""
    if not target.payloads.missing(parts):
        return parts
    listed = list(source.payloads.expand(parts))
    if has_rows(listed):
        copied = target.payloads.copy_rows(source.payloads, listed)
        return tuple(_copy_blob(part, source, target) if part.type == "blob" else part for part in copied)
    missing = target.payloads.missing(listed)
    return tuple(_copy_part(part, source, target) if part.ref in missing else part for part in listed)


class _Copying:
    """Carries out one request; again, with a new plan, if the target changes meanwhile."""

    def __init__(self, request: Request, prepared: Prepared, noted: Callable[[Version], Mapping[str, Any]]) -> None:
        self._request = request
        self._noted = noted
        self._prepared: Prepared | None = prepared
        self._source, self._target = request.source.objects, request.target
        self._context = request.target.context
        self._copied: dict[str, Payload] = {}

    def run(self) -> None:
        self._target.commits.until_done(self._attempt, self._request.key)
        History(self._context).record(self._request.key)

    def _attempt(self) -> object:
        prepared, self._prepared = self._prepared or self._prepare_again(), None
        if prepared.plan.is_done:
            return self._retag(prepared)
        for version in prepared.versions:
            if version.id not in self._copied:
                parts = transfer(version.parts, self._source, self._target)
                self._copied[version.id] = Payload(parts, version.kind_meta)
        head = self._context.metadata.head(self._request.key)
        if (head.revision if head else None) != prepared.revision:
            return None  # somebody was faster: the gates must be asked again
        return self._commit(head, prepared)

    def _prepare_again(self) -> Prepared:
        prepared = prepare(self._request)
        require_allowed(prepared.plan)
        return prepared

    def _commit(self, head: Head | None, prepared: Prepared) -> object:
        *older, version = prepared.versions
        self._context.check_clock()
        copied = [part for payload in self._copied.values() for part in payload.parts]
        hold = self._target.payloads.lease({part.ref: part for part in copied}.values())
        parked = self._park(head, older, prepared)
        return self._target.commits.try_commit(
            self._request.key,
            head,
            kind=version.kind,
            payload=self._copied[version.id],
            hold=hold,
            attributes=prepared.attributes,
            tags=tuple(tag for tag, tagged in prepared.tags.items() if tagged is version),
            provenance=self._provenance(version, prepared.plan),
            parked=parked,
        )

    def _park(self, head: Head | None, versions: Iterable[Version], prepared: Prepared) -> Parked:
        """Store older versions unseen; the head of the last one leads to them."""
        tip = head.tip if head else None
        uid = head.uid if head else self._context.new_id()
        tags = {tag: ref for tag, ref in prepared.tags.items() if isinstance(ref, VersionRef)}
        for version in versions:
            copy = self._copy_of(version, uid, tip)
            _store_unseen(copy, self._target)
            tip = copy.ref
            tags |= {tag: tip for tag, tagged in prepared.tags.items() if tagged is version}
        return Parked(uid=uid, tip=tip, tags=tags)

    def _copy_of(self, version: Version, uid: str, parent: VersionRef | None) -> Version:
        payload = self._copied[version.id]
        copy = replace(
            version,
            id=self._context.new_id(),
            uid=uid,
            key=self._request.key,
            seq=parent.seq + 1 if parent else 1,
            parts=self._target.payloads.pack(payload.parts),
            parent=parent,
            author=self._context.author,
            created=self._context.clock.now(),
            provenance={**self._origin(version), ARCHIVED: True},
        )
        return self._context.trust.sign_version(copy)

    def _origin(self, version: Version) -> dict[str, Any]:
        place = place_of(self._request.source).to_plain() | {"version": version.seq, "digest": version.digest}
        return {**place, **self._noted(version)}

    def _provenance(self, version: Version, plan: PromotionPlan) -> Mapping[str, Any]:
        return {
            **self._origin(version),
            ACTION: PROMOTE,
            PROMOTION: self._context.new_id(),
            "gates": [outcome.to_plain() for outcome in plan.outcomes],
            "forced": plan.forced if plan.refusals else None,
        }

    def _retag(self, prepared: Prepared) -> object:
        wanted = {tag: ref for tag, ref in prepared.tags.items() if isinstance(ref, VersionRef)}
        head = self._context.metadata.head(self._request.key)

        def tagged(head: Head) -> Head:
            there = {tag: ref for tag, ref in wanted.items() if ref.id not in head.dropped_versions}
            return replace(head, tags={**head.tags, **there})

        if head is not None and any(head.tags.get(tag) != ref for tag, ref in wanted.items()):
            self._target.commits.update(head.key, tagged, uid=head.uid)
        return prepared


def own_metadata(meta: StoredObject) -> Metadata:
    """Return metadata as what it is here.

    Raises:
        PromotionError: it belongs to a store of another make.
    """
    if not isinstance(meta, Metadata):
        raise PromotionError(f"{meta.name!r} is in a store that can not be copied from: give one of an Omega")
    return meta


def request_of(wanted: PromotionRequest) -> Request:
    """Look at what is wanted, and what it brings along. Raises PromotionError if it can not be done."""
    source, target = own_metadata(wanted.source), wanted.target
    if not isinstance(target, Objects):
        raise PromotionError(f"{source.name!r} can not be copied to {target!r}: give a store of an Omega")
    version = source.record
    if version is None:
        raise PromotionError(f"{source.name!r} is not saved yet; save it before it is promoted")
    if wanted.tag is not None:
        validate_tag(wanted.tag)
    _check_options(wanted.force, wanted.versions)
    request = Request(
        source=source,
        version=version,
        target=target,
        key=_target_key(source, target, wanted.asname),
        tag=wanted.tag,
        gates=tuple(wanted.gates),
        forced=wanted.force,
        history=wanted.versions or 1,
        tags=wanted.tags,
    )
    _require_trusted(request)
    return replace(request, brings=tuple(_brought(request)) if wanted.with_data else ())


def _check_options(force: object, versions: object) -> None:
    if force is not None and not (isinstance(force, str) and force.strip()):
        raise PromotionError("a promotion is forced by a reason, which is recorded: force='why it must be'")
    if versions not in {None, "all"} and not (type(versions) is int and versions > 0):
        raise PromotionError(f"versions={versions!r} is no number of versions: give 1 or more, or 'all'")


def _require_trusted(request: Request) -> None:
    """The target signs what it gets; so the source's context must trust it."""
    request.source.check_trust(is_code=False)
    for meta in older_versions(request):
        meta.check_trust(is_code=False)


def _brought(request: Request) -> Iterable[Request]:
    """The datasets of a model that the target does not have; never those that are there as they are."""
    if request.source.prefix != MODELS:
        raise PromotionError(f"{request.source.name!r} is no model, so there is no data to promote with it")
    for data in data_of(request.source):
        target = sibling(request.target, data.prefix)
        is_there = target.context.metadata is data.objects.context.metadata and target.bucket == data.bucket
        if not is_there and data.digest not in _digests(target, data.name):
            yield request_of(PromotionRequest(source=data, target=target, force=request.forced))


def _digests(target: Home, name: str) -> set[str]:
    if not target.exists(name):
        return set()
    return {str((meta.provenance or {}).get("digest")) for meta in target.versions(name)}


def _target_key(source: Metadata, target: Home, asname: str | None) -> ObjectKey:
    if target.prefix != source.prefix:
        raise PromotionError(
            f"{source.name!r} is kept in {source.prefix!r} and can not be promoted to a store of {target.prefix!r}: "
            "give the store of the same type, as in om.models.promote(name, other.models)"
        )
    ref = ObjectRef.parse_plain(asname if asname is not None else source.name, "promote to")
    key = ObjectKey(target.bucket, target.prefix, validate_new_name(ref.name))
    head = target.context.metadata.head(key)
    if head is not None and source.head is not None and head.uid == source.head.uid:
        raise PromotionError(
            f"{source.name!r} can not be promoted to itself: give another bucket or context, or another name by asname="
        )
    return key


def _store_unseen(version: Version, target: Home) -> None:
    """Store a version that no head of its own leads to, by means of a head that was dropped long ago."""
    context = target.context
    passing = Head(
        key=version.key,
        uid=context.new_id(),
        revision=1,
        kind=version.kind,
        current=version.ref,
        tip=version.ref,
        created=LONG_AGO,
        modified=LONG_AGO,
        dropped=LONG_AGO,
    )
    context.metadata.commit(passing, expected=None, version=version)
    context.metadata.purge(uids=[passing.uid])


def _copy_part(part: Part, source: Home, target: Home) -> Part:
    if part.type == "blob":
        return _copy_blob(part, source, target)
    if part.type == "documents":
        documents = source.payloads.read_documents(part)
        meta = {name: value for name, value in part.meta.items() if name != "count"}
        return target.payloads.insert_documents(part.collection, documents, meta=meta)
    return _copy_collection(part, source, target)


def _copy_blob(part: Part, source: Home, target: Home) -> Part:
    with source.payloads.open(part, verify=False) as file:
        copied = target.payloads.copy(file, meta=part.meta)
    if copied.sha256 != part.sha256:
        raise CorruptPayloadError(
            f"the blob {part.ref[:12]}… does not match its SHA-256: it was damaged or changed outside of omega-ml, and "
            "the target was left as it is; `om fsck` lists all damage"
        )
    return copied


def _copy_collection(part: Part, source: Home, target: Home) -> Part:
    fresh = f"{part.ref.rpartition('.')[0] or part.ref}.{target.context.new_id()}"
    copied = target.payloads.register_collection(fresh)
    documents = list(source.context.store.collection(part.ref).find())
    if documents:
        target.context.store.collection(fresh).insert_many(documents)
    return copied
