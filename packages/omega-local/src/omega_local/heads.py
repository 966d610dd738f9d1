"""Heads as rows, and back again at the rate that a list of ten thousand names needs.

A head is read from a JSON array and put together slot by slot: the ``__init__`` of a frozen dataclass takes three times
as long, and a catalogue is nothing but heads.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any, Final, cast

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import VersionRef

_new: Final = object.__new__
_read_time: Final = datetime.fromisoformat
_scan: Final[Callable[[str, int], tuple[list[Any], int]]] = cast("Any", json.JSONDecoder()).scan_once


def _setters(cls: type) -> list[Callable[[Any, Any], None]]:
    return [getattr(cls, field.name).__set__ for field in fields(cls)]


_set_bucket, _set_prefix, _set_name = _setters(ObjectKey)
_set_id, _set_seq = _setters(VersionRef)
(
    _set_key,
    _set_uid,
    _set_revision,
    _set_kind,
    _set_current,
    _set_tip,
    _set_tags,
    _set_dropped_versions,
    _set_attributes,
    _set_created,
    _set_modified,
    _set_dropped,
    _set_signature,
    _set_version,
) = _setters(Head)


def head_to_body(head: Head) -> str:
    """Return the text of a head."""
    same = head.tip == head.current
    rest = {
        "tip": None if same else [head.tip.id, head.tip.seq],
        "tags": {tag: [ref.id, ref.seq] for tag, ref in head.tags.items()},
        "dropped_versions": list(head.dropped_versions),
        "attributes": dict(head.attributes),
        "dropped": head.dropped.isoformat() if head.dropped else None,
    }
    plain = [
        head.key.bucket,
        head.key.prefix,
        head.key.name,
        head.uid,
        head.revision,
        head.kind,
        head.current.id,
        head.current.seq,
        head.created.isoformat(),
        head.modified.isoformat(),
        {key: value for key, value in rest.items() if value} or None,
        head.signature,
    ]
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))


def heads_from_bodies(bodies: Iterable[tuple[str]]) -> list[Head]:
    """Rebuild heads from rows of one column."""
    return [_rebuild(_scan(body, 0)[0]) for (body,) in bodies]


def _rebuild(plain: list[Any]) -> Head:
    bucket, prefix, name, uid, revision, kind, current_id, current_seq, created, modified, rest, *signature = plain
    key = _new(ObjectKey)
    _set_bucket(key, bucket)
    _set_prefix(key, prefix)
    _set_name(key, name)
    current = _new(VersionRef)
    _set_id(current, current_id)
    _set_seq(current, current_seq)
    head = _new(Head)
    _set_key(head, key)
    _set_uid(head, uid)
    _set_revision(head, revision)
    _set_kind(head, kind)
    _set_current(head, current)
    _set_version(head, None)
    _set_signature(head, signature[0] if signature else "")
    time = _read_time(created)
    _set_created(head, time)
    _set_modified(head, time if modified == created else _read_time(modified))
    if rest is None:
        _set_tip(head, current)
        _set_tags(head, {})
        _set_dropped_versions(head, ())
        _set_attributes(head, {})
        _set_dropped(head, None)
    else:
        _set_rest(head, current, rest)
    return head


def _set_rest(head: Head, current: VersionRef, rest: dict[str, Any]) -> None:
    """Set what many heads do not have."""
    tip, tags, dropped = rest.get("tip"), rest.get("tags"), rest.get("dropped")
    _set_tip(head, _reference(tip) if tip else current)
    _set_tags(head, {tag: _reference(ref) for tag, ref in tags.items()} if tags else {})
    _set_dropped_versions(head, tuple(rest.get("dropped_versions", ())))
    _set_attributes(head, rest.get("attributes", {}))
    _set_dropped(head, _read_time(dropped) if dropped else None)


def _reference(plain: list[Any]) -> VersionRef:
    reference = _new(VersionRef)
    _set_id(reference, plain[0])
    _set_seq(reference, plain[1])
    return reference
