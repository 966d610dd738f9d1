"""The registry of commands: what a command says of itself, and that names are not given twice."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.commands.registry import command, core_commands, registry_of
from omega_domain.commands.requests import OfObject
from omega_domain.entities.rights import Right
from omega_domain.errors import PluginError
from omega_domain.omega import Omega


@dataclass(frozen=True, kw_only=True)
class Greet(OfObject):
    dry_run: bool = False
    only_reads: bool = False


@dataclass(frozen=True, kw_only=True)
class Send(OfObject):
    bucket: str

    def target(self, om: Omega) -> Omega:
        return om[self.bucket]


@command("test.greet", right="{store}:read@{bucket}/{plain_name}", changes=True)
def greet(om: Omega, request: Greet) -> tuple[str, ...]:
    """Greet an object.

    Warmly.
    """
    return (om.bucket, request.name)


@command("test.send", right="{store}:promote@{bucket}", streams="gives bytes")
def send(om: Omega, request: Send) -> None:
    """Send an object."""


@pytest.fixture
def om() -> Omega:
    return Omega(metadata=MemoryMetadataStore(), store=MemoryStore())


def test_a_command_is_called_with_a_bucket_and_a_request(om: Omega) -> None:
    assert greet(om, Greet(store="models", name="m@1")) == ("omega", "m@1")


def test_a_command_knows_its_types_and_what_it_is_for() -> None:
    assert (greet.subject_type, greet.request_type) == (Omega, Greet)
    assert greet.result_type == tuple[str, ...]
    assert greet.summary == "Greet an object."
    assert (greet.streams, send.streams) == ("nothing", "gives bytes")


def test_a_dry_run_and_a_look_are_no_change() -> None:
    assert greet.is_change(Greet(store="models", name="m"))
    assert not greet.is_change(Greet(store="models", name="m", dry_run=True))
    assert not greet.is_change(Greet(store="models", name="m", only_reads=True))
    assert not send.is_change(Send(store="models", name="m", bucket="prod"))


def test_a_request_needs_the_right_on_its_object(om: Omega) -> None:
    right = greet.right_of(om["dev"], Greet(store="models", name="a:b/{c}@v1"))
    assert right == Right("models", "read", "dev", "a:b/{c}")


def test_a_request_with_a_target_needs_the_right_there(om: Omega) -> None:
    request = Send(store="models", name="m", bucket="prod")
    assert send.target(om, request) is om["prod"]
    assert str(send.right_of(om, request)) == "models:promote@prod"


def test_a_name_is_given_once() -> None:
    assert registry_of([greet, send]) == {"test.greet": greet, "test.send": send}
    with pytest.raises(PluginError, match=r"two functions are the command 'test.send': .*\.send and .*\.send; rename"):
        registry_of([send, send])


def test_the_core_has_a_registry_that_can_not_be_changed() -> None:
    assert core_commands()["objects.list"].name == "objects.list"
    with pytest.raises(TypeError, match="item assignment"):
        core_commands()["objects.list"] = greet  # type: ignore[index] # that it has no such method is the test
