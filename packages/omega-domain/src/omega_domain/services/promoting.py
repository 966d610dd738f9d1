"""Promotion: copying an object to another bucket or context.

What the target already has is not copied again: within a context that is everything, so no byte moves. The copy is a
version of its own with its own references; dropping or collecting the source never harms it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omega_domain.entities.metadata import Head
from omega_domain.entities.names import ObjectKey, ObjectRef, validate_tag
from omega_domain.entities.version import Part, Payload, Version
from omega_domain.errors import CorruptPayloadError, InvalidNameError, PromotionError
from omega_domain.services.payload import has_rows

if TYPE_CHECKING:
    from omega_domain.services.metadata import Metadata
    from omega_domain.services.store import OmegaStore


def promote(source: Metadata, target: OmegaStore, *, asname: str | None = None, tag: str | None = None) -> Metadata:
    """Make a version the current one of its name in another store; return its metadata there.

    Promoting the same version again changes nothing, except that a new ``tag`` is set.

    Raises:
        PromotionError: the target is the source itself, or a store for other objects.
    """
    version = source.record
    if version is None:
        raise PromotionError(f"{source.name!r} is not saved yet; save it before it is promoted")
    if tag is not None:
        validate_tag(tag)
    key = _target_key(source, target, asname)
    live = target.context.metadata.head(key)
    if live is None or not _is_copy(live, target, source):
        _copy(source, version, target, key, tag)
    elif tag is not None:
        target.tag(key.name, tag)
    return target.resolve(key.name)


def transfer(parts: tuple[Part, ...], source: OmegaStore, target: OmegaStore) -> tuple[Part, ...]:
    """Copy what the target lacks of these parts; return the parts as the target has them."""
    if not target.payloads.missing(parts):
        return parts
    listed = list(source.payloads.expand(parts))
    if has_rows(listed):
        copied = target.payloads.copy_rows(source.payloads, listed)
        return tuple(_copy_blob(part, source, target) if part.type == "blob" else part for part in copied)
    missing = target.payloads.missing(listed)
    return tuple(_copy_part(part, source, target) if part.ref in missing else part for part in listed)


def _target_key(source: Metadata, target: OmegaStore, asname: str | None) -> ObjectKey:
    if target.prefix != source.prefix:
        raise PromotionError(
            f"{source.name!r} is kept in {source.prefix!r} and can not be promoted to a store of {target.prefix!r}: "
            "give the store of the same type, as in om.models.promote(name, other.models)"
        )
    ref = ObjectRef.parse(asname if asname is not None else source.name)
    if not ref.is_plain:
        raise InvalidNameError(f"can not promote to {asname!r}: give a plain name, such as {ref.name!r}")
    key = ObjectKey(target.bucket, target.prefix, ref.name)
    head = target.context.metadata.head(key)
    if head is not None and source.head is not None and head.uid == source.head.uid:
        raise PromotionError(
            f"{source.name!r} can not be promoted to itself: give another bucket or context, or another name by asname="
        )
    return key


def _is_copy(head: Head, target: OmegaStore, source: Metadata) -> bool:
    live = target.context.metadata.version(head.current.id)
    promoted = (live.provenance if live else None) or {}
    return promoted.get("digest") == source.digest and head.attributes == source.attributes


def _copy(source: Metadata, version: Version, target: OmegaStore, key: ObjectKey, tag: str | None) -> None:
    payload = Payload(transfer(version.parts, source.store, target), version.kind_meta)

    def attempt() -> object:
        return target.commits.try_commit(
            key,
            target.context.metadata.head(key),
            kind=version.kind,
            payload=payload,
            attributes=source.attributes,
            tags=(tag,) if tag else (),
            provenance=_provenance(source, version),
        )

    target.commits.until_done(attempt, key)


def _provenance(source: Metadata, version: Version) -> Mapping[str, Any]:
    return {
        "context": source.store.context.name,
        "store": source.store.context.store.url,
        "bucket": source.bucket,
        "prefix": source.prefix,
        "name": source.name,
        "version": version.seq,
        "digest": version.digest,
    }


def _copy_part(part: Part, source: OmegaStore, target: OmegaStore) -> Part:
    if part.type == "blob":
        return _copy_blob(part, source, target)
    if part.type == "documents":
        documents = source.payloads.read_documents(part)
        meta = {name: value for name, value in part.meta.items() if name != "count"}
        return target.payloads.insert_documents(part.collection, documents, meta=meta)
    return _copy_collection(part, source, target)


def _copy_blob(part: Part, source: OmegaStore, target: OmegaStore) -> Part:
    with source.payloads.open(part, verify=False) as file:
        copied = target.payloads.copy(file, meta=part.meta)
    if copied.sha256 != part.sha256:
        raise CorruptPayloadError(
            f"the blob {part.ref[:12]}… does not match its SHA-256: it was damaged or changed outside of omega-ml, and "
            "the target was left as it is; `om fsck` lists all damage"
        )
    return copied


def _copy_collection(part: Part, source: OmegaStore, target: OmegaStore) -> Part:
    fresh = f"{part.ref.rpartition('.')[0] or part.ref}.{target.context.new_id()}"
    copied = target.payloads.register_collection(fresh)
    documents = list(source.context.store.collection(part.ref).find())
    if documents:
        target.context.store.collection(fresh).insert_many(documents)
    return copied
