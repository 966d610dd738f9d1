"""Commands on objects, by the registry, on the memory adapters."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.objects import ListObjects, ShowMetadata
from omega_domain.commands.plain import to_plain
from omega_domain.commands.registry import core_commands
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
