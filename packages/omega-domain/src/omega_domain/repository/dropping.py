"""Dropping: taking an object, or one version of it, out of sight. Collect removes it later."""

from __future__ import annotations

from dataclasses import replace

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Version
from omega_domain.repository.committing import Commits
from omega_domain.repository.context import Context
from omega_domain.repository.finding import Finder


def drop_object(context: Context, commits: Commits, key: ObjectKey, *, uid: str) -> None:
    """Free the name; what it stood for stays readable to those who hold it until collect removes it."""
    commits.update(key, lambda head: replace(head, dropped=context.clock.now()), uid=uid)


def drop_version(context: Context, commits: Commits, key: ObjectKey, version: Version) -> None:
    """Take one version out of an object: the one before becomes current if it was; the last takes the object along."""
    finder = Finder(context)

    def without(head: Head) -> Head:
        left = [other for other in finder.live_versions(head) if other.id != version.id]
        if not left:
            return replace(head, dropped=context.clock.now())
        head = replace(
            head,
            tags={tag: ref for tag, ref in head.tags.items() if ref.id != version.id},
            dropped_versions=(*head.dropped_versions, version.id),
        )
        if head.current.id != version.id:
            return head
        return replace(head, current=left[0].ref, kind=left[0].kind, attributes=left[0].attributes)

    commits.update(key, without, uid=version.uid)
