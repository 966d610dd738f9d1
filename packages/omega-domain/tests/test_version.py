"""Versions, manifests and chains."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from omega_domain.entities.head import Head
from omega_domain.entities.names import ObjectKey
from omega_domain.entities.version import Part, Tombstone, Version, VersionRef, canonical_json, chain, sha256_hex
from omega_domain.errors import CorruptPayloadError

WHEN = datetime(2030, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
PARTS = (
    Part(type="page", ref="p", size=10, sha256="p", meta={"total": 500}),
    Part(type="blob", ref="b", size=7, sha256="b", meta={"rows": 1}),
    Part(type="documents", ref="data.x.y#token", size=3, sha256="d"),
)
VERSION = Version(
    id="v2",
    uid="u",
    key=ObjectKey("dev", "data/", "a/b"),
    seq=2,
    kind="k",
    parts=PARTS,
    kind_meta={"z": 1, "a": ["ä"]},
    attributes={"x": None},
    parent=VersionRef(id="v1", seq=1),
    author="ada",
    created=WHEN,
    provenance={"bucket": "b"},
)


def test_a_version_comes_back_from_its_manifest() -> None:
    assert Version.from_manifest(VERSION.manifest, VERSION.digest) == VERSION
    first = replace(VERSION, parent=None, provenance=None)
    assert Version.from_manifest(first.manifest, first.digest) == first


def test_the_manifest_is_canonical_json_with_a_stable_form() -> None:
    assert VERSION.manifest == canonical_json(json.loads(VERSION.manifest))
    assert VERSION.manifest.startswith('{"attributes":{"x":null},"author":"ada","format":1,"id":"v2","kind":"k"')
    assert VERSION.digest == sha256_hex(VERSION.manifest.encode())


@pytest.mark.parametrize("field", ["seq", "kind", "payload", "attributes", "parent", "author", "time", "provenance"])
def test_every_change_of_a_manifest_is_noticed(field: str) -> None:
    plain = json.loads(VERSION.manifest)
    plain[field] = "changed"
    with pytest.raises(CorruptPayloadError, match="SHA-256"):
        Version.from_manifest(canonical_json(plain), VERSION.digest)


def test_a_newer_manifest_and_an_unknown_part_are_refused() -> None:
    newer = VERSION.manifest.replace('"format":1', '"format":99')
    with pytest.raises(CorruptPayloadError, match="newer"):
        Version.from_manifest(newer, sha256_hex(newer.encode()))
    with pytest.raises(CorruptPayloadError, match="'tape'"):
        Part.from_plain({**PARTS[0].to_plain(), "type": "tape"})


def test_the_size_counts_what_pages_list() -> None:
    assert VERSION.size == 510


def test_documents_know_their_collection_and_token() -> None:
    assert (PARTS[2].collection, PARTS[2].token) == ("data.x.y", "token")
    assert Part(type="collection", ref="rows").collection == "rows"


def test_a_chain_passes_tombstones_and_leaves_out_what_was_never_committed() -> None:
    first = replace(VERSION, id="v1", seq=1, parent=None)
    stray = replace(VERSION, id="stray", seq=3, parent=VERSION.ref)
    grave = Tombstone(id="v2", uid="u", seq=2, parent=first.ref)
    third = replace(VERSION, id="v3", seq=3, parent=VersionRef(id="v2", seq=2))
    assert chain(third.ref, [first, stray, grave, third]) == [third, first]
    assert chain(third.ref, [third]) == [third]
    assert chain(None, [first]) == []


def test_a_head_comes_back_from_plain_json() -> None:
    head = Head(
        key=VERSION.key,
        uid="u",
        revision=3,
        kind="k",
        current=VERSION.ref,
        tip=VERSION.ref,
        tags={"v1": VERSION.ref},
        dropped_versions=("v0",),
        attributes={"x": [1]},
        created=WHEN,
        modified=WHEN,
        dropped=WHEN,
    )
    for each in (head, replace(head, dropped=None)):
        assert Head.from_plain(json.loads(json.dumps(each.to_plain()))) == each


def test_a_copy_with_other_fields_has_a_manifest_of_its_own() -> None:
    assert VERSION.manifest == VERSION.manifest
    assert replace(VERSION, seq=VERSION.seq + 1).manifest != VERSION.manifest
