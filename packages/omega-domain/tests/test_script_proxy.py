"""Scripts by name: what reaches them, and where they are looked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.backends.base import BaseDataBackend
from omega_domain.entities.names import SCRIPTS
from omega_domain.errors import ObjectNotFoundError, UnsupportedObjectError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.ports.backend import SupportsActions


class EchoBackend(BaseDataBackend, SupportsActions):
    """A script that returns its arguments."""

    KIND: ClassVar[str] = "test.echo"
    PREFIXES: ClassVar[tuple[str, ...]] = (SCRIPTS,)

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, str)

    def actions(self) -> frozenset[str]:
        return frozenset({"run"})

    def put(self, obj: Any, name: str) -> Any:
        return self.model_store.make_metadata(name, self.KIND).save()

    def run(self, scriptname: str, /, *args: Any, om: Omega, **kwargs: Any) -> Any:
        return [om.bucket, list(args), kwargs]


class TextBackend(BaseDataBackend):
    """Texts, in all stores."""

    KIND: ClassVar[str] = "test.text"

    @classmethod
    def supports(cls, obj: object, name: str, **kwargs: Any) -> bool:
        return isinstance(obj, str | bytes)

    def put(self, obj: Any, name: str) -> Any:
        return self.data_store.make_metadata(name, self.KIND).save()


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    for backend in (EchoBackend, TextBackend):
        om.scripts.register_backend(backend.KIND, backend)
    return om


def test_arguments_reach_the_script_by_place_and_by_name(om: Omega) -> None:
    om["b"].scripts.put("x", "s")
    assert om["b"].runtime.script("s").run(1, self=2, name=3).get() == ["b", [1], {"self": 2, "name": 3}]


@pytest.mark.parametrize("word", ["om", "forwarded"])
def test_what_the_runtime_gives_can_not_be_given(om: Omega, word: str) -> None:
    om.scripts.put("x", "s")
    with pytest.raises(UnsupportedOptionError, match=f"'s' can not be given {word}="):
        om.runtime.script("s").run(**{word: 1})
    assert om.runtime.recent() == []


def test_a_script_that_does_not_exist_is_an_error(om: Omega) -> None:
    with pytest.raises(ObjectNotFoundError):
        om.runtime.script("missing").run()


def test_it_tells_its_name(om: Omega) -> None:
    assert repr(om.runtime.script("s")) == "<ScriptProxy: s>"


def test_a_backend_of_one_store_is_asked_there_first_and_elsewhere_never(om: Omega) -> None:
    assert om.scripts.put("x", "s").kind == "test.echo"
    assert om.scripts.put(b"x", "s").kind == "test.text"
    assert om.datasets.put("x", "s").kind == "test.text"
    assert isinstance(om.scripts.get_backend_byobj("x"), EchoBackend)
    with pytest.raises(UnsupportedObjectError):
        om.datasets.put(Path("x"), "s")
