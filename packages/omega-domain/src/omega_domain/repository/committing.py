"""Committing: how a draft becomes a version, and how a head changes, by compare-and-swap."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Payload, Version, VersionRef, canonical_json
from omega_domain.errors import (
    ConflictError,
    ObjectNotFoundError,
    SchemaMismatchError,
    StaleMetadataError,
    UnsupportedObjectError,
)
from omega_domain.ports.objects import Merge
from omega_domain.repository.attempts import Put, current_attempt
from omega_domain.repository.clocks import SKEW
from omega_domain.repository.context import Context
from omega_domain.repository.payloads import Hold, Payloads

MAX_PAUSE = 0.05
#: When a head was dropped of which nothing is kept.
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is to become of an object: its next version, or the same version with other attributes.

    Attributes:
        key: of the object.
        kind: of the next version.
        uid: the life of the name that is meant; None for whichever there is.
        payload: of the next version, or what makes it from the version before; None if only attributes change.
        changed: attributes that are set.
        removed: attributes that are taken away.
        base: the attributes as they were when they were read.
        tag: a name for the next version.
    """

    key: ObjectKey
    kind: str
    uid: str | None = None
    payload: Payload | Merge | None = None
    changed: Mapping[str, Any] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    base: Mapping[str, Any] = field(default_factory=dict)
    tag: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parked:
    """Versions that are stored already, but not seen before the commit of the one that follows them.

    Attributes:
        uid: the object they belong to.
        tip: the newest of them, or the tip of the present head.
        tags: further tags that the head is to have.
    """

    uid: str
    tip: VersionRef | None
    tags: Mapping[str, VersionRef] = field(default_factory=dict)


class Commits:
    """Writes heads and versions of one context."""

    def __init__(self, context: Context, payloads: Payloads) -> None:
        self._context = context
        self._payloads = payloads

    def commit(self, draft: Draft) -> tuple[Head, Version]:
        """Make the draft the current version of its name; return the new head and version."""
        changed = plain_attributes(draft.changed, draft.key.name)
        holds: dict[str, datetime] = {}
        running = current_attempt()
        put = running.next_put(draft.key) if running else None
        ids = put.version_ids() if put else iter(self._context.new_id, "")

        def attempt() -> tuple[Head, Version] | None:
            head = self._context.metadata.head(draft.key)
            if put and head and (former := self._find_former(put, head)) is not None:
                return head, former
            payload, hold = self._held_payload(draft, head, holds)
            before = head.attributes if head else {}
            if put:
                put.check()
            return self.try_commit(
                draft.key,
                head,
                kind=draft.kind,
                payload=payload,
                hold=hold,
                attributes={k: v for k, v in {**before, **changed}.items() if k not in draft.removed},
                tags=(draft.tag,) if draft.tag else (),
                version_id=next(ids),
            )

        return self.until_done(attempt, draft.key)

    def try_commit(
        self,
        key: ObjectKey,
        head: Head | None,
        *,
        kind: str,
        payload: Payload,
        hold: Hold,
        attributes: Mapping[str, Any],
        tags: tuple[str, ...] = (),
        provenance: Mapping[str, Any] | None = None,
        version_id: str | None = None,
        parked: Parked | None = None,
    ) -> tuple[Head, Version] | None:
        """Try once to put a new version on top of this head, or of what is parked; None if others were faster.

        Raises:
            ConflictError: this took longer than what was leased for it is held, and collect has taken it; then the
                object is as it was.
        """
        if head is not None:
            self._context.trust.check_before_change(head)
        parked = parked or Parked(uid=head.uid if head else self._context.new_id(), tip=head.tip if head else None)
        version = Version(
            id=version_id or self._context.new_id(),
            uid=parked.uid,
            key=key,
            seq=parked.tip.seq + 1 if parked.tip else 1,
            kind=kind,
            parts=self._payloads.pack(payload.parts),
            kind_meta=payload.kind_meta,
            attributes=attributes,
            parent=parked.tip,
            author=self._context.author,
            created=self._context.clock.now(),
            provenance=provenance,
        )
        after = _head_of(version, before=head, tags={**parked.tags, **dict.fromkeys(tags, version.ref)})
        after, version = self._context.trust.sign_head(after), self._context.trust.sign_version(version)
        return (after, version) if self.publish(head, after, version, hold=hold) else None

    def publish(
        self, before: Head | None, after: Head, version: Version | None = None, *, hold: Hold | None = None
    ) -> bool:
        """Make a head visible in place of another, unless that has changed; tell whether it was done.

        Args:
            before: the head that is replaced; None for a new one.
            after: the head, signed.
            version: the version that it leads to, if that is new.
            hold: what was leased for the version.

        Raises:
            ConflictError: this took longer than the payload was held, and collect has taken it; then the object is as
                it was.
            ClockError: the clock of this machine is behind that of the store; nothing was changed.
        """
        self._context.check_clock(latest=before.modified if before else None)
        done = self._context.metadata.commit(after, expected=before.revision if before else None, version=version)
        is_late = hold is not None and self._context.clock.now() >= hold.until
        if done and version and hold and is_late and not self._is_whole(before, version, hold):
            self._take_back(before, after)
            raise ConflictError(
                f"{after.key.name!r} was not changed: its payload was collected before the commit, which took "
                f"longer than half a lease lasts ({self._context.retention.lease}); try again"
            )
        return done

    def _held_payload(self, draft: Draft, head: Head | None, holds: dict[str, datetime]) -> tuple[Payload, Hold]:
        """Return the payload of the next version, and the lease on what is new of it."""
        if callable(draft.payload):
            parent = self._parent(head, draft) if head else None
            payload = draft.payload(parent)
        else:
            parent, payload = None, draft.payload or Payload(())
        held = {part.ref for part in (parent.parts if parent else ())}
        return payload, self._hold([part for part in payload.parts if part.ref not in held], holds)

    def _hold(self, parts: Sequence[Part], holds: dict[str, datetime]) -> Hold:
        """Lease parts, but in the attempts that follow only those whose hold is soon over."""
        now, lease = self._context.clock.now(), self._context.retention.lease
        due = [part for part in parts if holds.get(part.ref, now) - lease / 4 <= now]
        renewed = self._payloads.lease(due)
        holds.update(dict.fromkeys((part.ref for part in due), renewed.until))
        return Hold(parts, min((holds[part.ref] for part in parts), default=renewed.until))

    def _is_whole(self, before: Head | None, version: Version, hold: Hold) -> bool:
        """Tell whether the payload and the record of a version are there, and those parked between it and the head."""
        ref, last = version.parent, before.tip.id if before else ""
        is_there = self._context.metadata.version(version.id) is not None
        while is_there and ref is not None and ref.id != last:
            parked = self._context.metadata.version(ref.id)
            is_there, ref = parked is not None, parked.parent if parked else None
        return is_there and not self._payloads.missing([*hold.parts, *version.parts])

    def _take_back(self, before: Head | None, after: Head) -> None:
        """Let the former head follow a head whose version can not be read, or let the object be gone if it is new."""
        former = before if before and before.dropped is None else replace(after, dropped=LONG_AGO)
        back = replace(former, revision=after.revision + 1, version=None)
        self._context.metadata.commit(self._context.trust.sign_head(back), expected=after.revision)

    def update_attributes(self, draft: Draft) -> Head:
        """Write the attributes that a draft touches, and no others."""
        key = draft.key
        values = plain_attributes(draft.changed, key.name)
        touched = {*values, *draft.removed}

        def change(head: Head) -> Head:
            for name in sorted(touched):
                if head.attributes.get(name) != draft.base.get(name):
                    raise StaleMetadataError(
                        f"attribute {name!r} of {key.name!r} was changed by somebody else since you read it; "
                        "read the metadata again and repeat your change"
                    )
            kept = {k: v for k, v in head.attributes.items() if k not in draft.removed}
            return replace(head, attributes={**kept, **values})

        return self.update(key, change, uid=draft.uid)

    def update(
        self, key: ObjectKey, change: Callable[[Head], Head], *, uid: str | None = None, touch: bool = True
    ) -> Head:
        """Change a head by compare-and-swap, again until it works; return the new head.

        Args:
            key: which head.
            change: makes the new head from the present one; called again if somebody was faster.
            uid: the life of the name that is meant.
            touch: whether this counts as a modification.

        Raises:
            ObjectNotFoundError: the object was dropped meanwhile.
        """

        def attempt() -> Head | None:
            head = self._context.metadata.head(key)
            if head is None or (uid is not None and head.uid != uid):
                raise ObjectNotFoundError(f"{key.name!r} was dropped meanwhile; nothing was changed")
            modified = self._context.clock.now() if touch else head.modified
            after = replace(change(head), revision=head.revision + 1, modified=modified)
            if after.dropped is None:
                self._context.trust.check_before_change(head)
            after = self._context.trust.sign_head(after)
            return after if self.publish(head, after) else None

        return self.until_done(attempt, key)

    def until_done(self, attempt: Callable[[], T | None], key: ObjectKey) -> T:
        """Repeat an attempt until it returns something.

        Raises:
            ConflictError: others were faster for as long as the patience of the context lasts.
        """
        give_up = time.monotonic() + self._context.patience.conflict.total_seconds()
        pause = 0.0005
        while (result := attempt()) is None:
            if time.monotonic() > give_up:
                raise ConflictError(
                    f"{key.name!r} is being written by so many others that this write never got through"
                )
            time.sleep(random.uniform(0, pause))  # noqa: S311 -- jitter, no secret
            pause = min(pause * 2, MAX_PAUSE)
        return result

    def _find_former(self, put: Put, head: Head) -> Version | None:
        """Return what an earlier attempt of the same task has committed already."""
        former = put.former_ids
        ref = head.tip if former else None
        while ref and (version := self._context.metadata.version(ref.id)) is not None:
            if version.id in former:
                return version
            if version.created < put.attempt.task.submitted - SKEW:
                return None
            ref = version.parent
        return None

    def _parent(self, head: Head, draft: Draft) -> Version | None:
        """Return the version that is appended to, which is of the same kind."""
        if head.kind != draft.kind:
            raise SchemaMismatchError(
                f"can not append to {draft.key.name!r}: it is a {head.kind}, what is appended would be a {draft.kind}; "
                "put it without append=True to replace it"
            )
        return self._context.metadata.version(head.current.id)


def _head_of(version: Version, *, before: Head | None, tags: Mapping[str, VersionRef]) -> Head:
    """Return the head that leads to a new version in place of the one before, unsigned."""
    return Head(
        key=version.key,
        uid=version.uid,
        revision=before.revision + 1 if before else 1,
        kind=version.kind,
        current=version.ref,
        tip=version.ref,
        tags={**(before.tags if before else {}), **tags},
        dropped_versions=before.dropped_versions if before else (),
        attributes=version.attributes,
        created=before.created if before else version.created,
        modified=version.created,
    )


def plain_attributes(attributes: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the attributes if they are of plain JSON types, else raise UnsupportedObjectError."""
    try:
        canonical_json(attributes)
    except (TypeError, ValueError) as error:
        raise UnsupportedObjectError(
            f"the attributes of {name!r} must be plain JSON (dict, list, str, numbers, bool, None): {error}"
        ) from error
    return dict(attributes)
