"""Heads and versions for tests."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Version, VersionRef

NOW: Final = datetime(2030, 1, 1, 12, 30, 15, 123456, tzinfo=UTC)
KEY: Final = ObjectKey("omega", "data/", "sales")


def make_version(key: ObjectKey = KEY, **changes: Any) -> Version:
    """Return a first version with every field filled."""
    version = Version(
        id=uuid.uuid4().hex,
        uid=uuid.uuid4().hex,
        key=key,
        seq=1,
        kind="python.data",
        parts=(Part(type="blob", ref="ab" * 32, size=7, sha256="ab" * 32, meta={"rows": [1, None, "ü"]}),),
        kind_meta={"columns": ["a", "b"], "nested": {"x": 1.5}},
        attributes={"owner": "ada"},
        author="ada",
        created=NOW,
    )
    return replace(version, **changes)


def make_head(version: Version, **changes: Any) -> Head:
    """Return the first head of a version."""
    head = Head(
        key=version.key,
        uid=version.uid,
        revision=1,
        kind=version.kind,
        current=version.ref,
        tip=version.ref,
        created=version.created,
        modified=version.created,
    )
    return replace(head, **changes)


def next_version(head: Head, **changes: Any) -> Version:
    """Return a version that follows the tip of a head."""
    made = make_version(head.key, uid=head.uid, seq=head.tip.seq + 1, parent=head.tip)
    return replace(made, **changes)


def next_head(head: Head, version: Version | None = None, **changes: Any) -> Head:
    """Return the head that follows, with the version as the current one if given."""
    ref = version.ref if version else head.current
    tip = version.ref if version else head.tip
    later = head.modified + timedelta(seconds=1)
    return replace(head, **{"revision": head.revision + 1, "current": ref, "tip": tip, "modified": later, **changes})


def reference(number: int) -> VersionRef:
    """Return some reference."""
    return VersionRef(id=f"version-{number}", seq=number)
