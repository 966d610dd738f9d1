"""Commands on objects, by the registry, on the memory adapters."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.objects import (
    CompactObject,
    DropObject,
    ExplainKinds,
    ListBuckets,
    ListObjects,
    ListVersions,
    SetAttributes,
    ShowMetadata,
    SummarizeObject,
    TagObject,
)
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
from omega_domain.commands.requests import OfObjectIn
from omega_domain.omega import Omega
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    om.context.registry.register(TextBackend.KIND, TextBackend)
    om.datasets.put("one", "a/b", tag="v1", attributes={"x": 1})
    om.datasets.put("two", "c")
    om.datasets.put("three", "_hidden")
    return om


def run(om: Omega, name: str, request: object) -> Any:
    return to_plain(core_commands()[name](om, request))


def test_objects_are_listed_with_what_people_look_for(om: Omega) -> None:
    rows = run(om, "objects.list", ListObjects(store="datasets"))
    assert [row["name"] for row in rows] == ["a/b", "c"]
    assert list(rows[0]) == ["name", "kind", "version", "tags", "modified"]
    assert rows[0]["tags"] == ["v1"]


def test_a_long_list_has_all_facts(om: Omega) -> None:
    (row,) = run(om, "objects.list", ListObjects(store="datasets", pattern="a/*", long=True))
    assert list(row) == ["name", "kind", "version", "tags", "modified", "size", "author", "created", "attributes"]
    assert (row["size"], row["attributes"]) == (3, {"x": 1})


def test_a_list_is_narrowed(om: Omega) -> None:
    for narrowed, names in [
        (ListObjects(store="datasets", hidden=True), ["_hidden", "a/b", "c"]),
        (ListObjects(store="datasets", regexp="^c"), ["c"]),
        (ListObjects(store="datasets", kind="other"), []),
        (ListObjects(store="models"), []),
    ]:
        assert [row["name"] for row in run(om, "objects.list", narrowed)] == names


def test_metadata_are_those_of_the_object_or_version(om: Omega) -> None:
    om.datasets.put("four", "a/b")
    for name in ("a/b", "a/b@v1"):
        meta = om.datasets.metadata(name)
        assert meta is not None
        assert run(om, "objects.metadata", ShowMetadata(store="datasets", name=name)) == meta.to_plain()


def test_attributes_are_set_beside_those_that_are_there(om: Omega) -> None:
    facts = run(om, "objects.set_attributes", SetAttributes(store="datasets", name="a/b", attributes={"y": 2}))
    assert facts["attributes"] == {"x": 1, "y": 2}
    meta = om.datasets.metadata("a/b")
    assert meta is not None
    assert facts == meta.to_plain()


def test_versions_say_where_they_were_promoted_from(om: Omega) -> None:
    om["dev"].datasets.put("new", "a/b")
    om["dev"].datasets.promote("a/b", om.datasets)
    first, second = run(om, "objects.versions", ListVersions(store="datasets", name="a/b"))
    assert (first["version"], first["tags"], first["from"]) == (1, ["v1"], None)
    assert (second["version"], second["from"]) == (2, "default:dev/a/b@1")


def test_a_tag_is_given_to_a_version(om: Omega) -> None:
    om.datasets.put("four", "a/b")
    facts = run(om, "objects.tag", TagObject(store="datasets", name="a/b@1", tag="best"))
    assert (facts["version"], facts["tags"]) == (1, ["best", "v1"])


def test_an_object_is_dropped(om: Omega) -> None:
    assert run(om, "objects.drop", DropObject(store="datasets", name="c")) == {"name": "c", "dropped": True}
    assert run(om, "objects.drop", DropObject(store="datasets", name="c", force=True))["dropped"] is False


def test_pieces_are_merged(om: Omega) -> None:
    om.datasets.put("more", "c", append=True)
    facts = run(om, "objects.compact", CompactObject(store="datasets", name="c"))
    assert (facts["version"], om.datasets.get("c")) == (3, "twomore")


def test_objects_and_kinds_are_explained(om: Omega) -> None:
    for name in (None, "c"):
        assert TextBackend.KIND in run(om, "objects.help", ExplainKinds(store="datasets", name=name))["help"]
    assert run(om, "objects.summary", SummarizeObject(store="datasets", name="c"))["kind"] == TextBackend.KIND


def test_buckets_that_hold_objects_are_listed(om: Omega) -> None:
    om["prod"].datasets.put("new", "d")
    assert run(om, "objects.buckets", ListBuckets()) == [{"bucket": "omega"}, {"bucket": "prod"}]


def test_a_request_may_be_about_another_bucket(om: Omega) -> None:
    assert OfObjectIn(store="models", name="m").target(om) is om
    assert OfObjectIn(store="models", name="m", bucket="prod").target(om) is om["prod"]
