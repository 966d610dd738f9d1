"""Heads as documents, and back.

A head carries the manifest of its current version along while that is small, so that getting an object asks once for
both. Attributes are kept as JSON text: their names may be anything, and numbers come back as they were.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Version, VersionRef

LARGEST_MANIFEST: Final = 16_384
"""Characters of a manifest up to which it rides along with its head."""

Document = dict[str, Any]


def head_to_document(head: Head, version: Version | None) -> Document:
    """Return the document of a head, with its current version if that is given and small."""
    document: Document = {
        "_id": head.uid,
        "bucket": head.key.bucket,
        "prefix": head.key.prefix,
        "name": head.key.name,
        "living": head.dropped is None,
        "revision": head.revision,
        "kind": head.kind,
        "current": _to_plain(head.current),
        "tip": _to_plain(head.tip),
        "tags": [{"tag": tag, **_to_plain(ref)} for tag, ref in head.tags.items()],
        "dropped_versions": list(head.dropped_versions),
        "attributes": json.dumps(head.attributes, ensure_ascii=False),
        "created": head.created.isoformat(),
        "modified": head.modified.isoformat(),
        "dropped": head.dropped.isoformat() if head.dropped else None,
        "signature": head.signature,
    }
    if version is not None and version.id == head.current.id and len(manifest := version.manifest) <= LARGEST_MANIFEST:
        document["version"] = {"digest": version.digest, "manifest": manifest, "signature": version.signature}
    return document


def head_from_document(document: Mapping[str, Any]) -> Head:
    """Rebuild a head, and the version that rides along, from a document.

    Raises:
        CorruptPayloadError: the manifest does not match its digest.
    """
    dropped, version = document["dropped"], document.get("version")
    return Head(
        key=ObjectKey(document["bucket"], document["prefix"], document["name"]),
        uid=document["_id"],
        revision=document["revision"],
        kind=document["kind"],
        current=VersionRef(**document["current"]),
        tip=VersionRef(**document["tip"]),
        tags={tag["tag"]: VersionRef(id=tag["id"], seq=tag["seq"]) for tag in document["tags"]},
        dropped_versions=tuple(document["dropped_versions"]),
        attributes=json.loads(document["attributes"]),
        created=datetime.fromisoformat(document["created"]),
        modified=datetime.fromisoformat(document["modified"]),
        dropped=datetime.fromisoformat(dropped) if dropped else None,
        signature=document.get("signature", ""),
        version=Version.from_manifest(version["manifest"], version["digest"], version.get("signature"))
        if version
        else None,
    )


def _to_plain(ref: VersionRef) -> Document:
    return {"id": ref.id, "seq": ref.seq}
