"""Objects: what backends and the rooms above get of a store."""

from __future__ import annotations

from typing import Any

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.entities.names import DATA, MODELS
from omega_domain.errors import ObjectNotFoundError, StoreError, UnsupportedOptionError
from omega_domain.omega import Omega
from omega_domain.ports.objects import StoredObject
from omega_domain.repository.objects import sibling
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend
from omega_domain.testing.task_queue import fill, register_backends


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore())
    register_backends(om.context)
    fill(om)
    return om


def test_what_another_backend_has_put_is_missing_to_one_that_requires_its_own(om: Omega) -> None:
    class Strict(TextBackend):
        KIND = "test.strict"

        def put(self, obj: str, name: str, **kwargs: Any) -> StoredObject:
            self.data_store.metadata(name, required=True)
            return super().put(obj, name, **kwargs)

    om.datasets.register_backend(TextBackend.KIND, TextBackend).register_backend(Strict.KIND, Strict)
    om.datasets.put("text", "a", kind=TextBackend.KIND)
    with pytest.raises(ObjectNotFoundError, match=r"'a' is a test\.text, which Strict has not put"):
        om.datasets.put("text", "a", kind=Strict.KIND)
    assert om.datasets.versions("a")[-1].kind == TextBackend.KIND


def test_what_is_beside_a_store_is_of_its_class_and_bucket(om: Omega) -> None:
    found = sibling(om["dev"].models, DATA)
    assert (type(found), found.bucket, found.prefix) == (OmegaStore, "dev", DATA)
    assert sibling(found, MODELS) is om["dev"].models


def test_what_is_beside_a_store_of_another_make_is_not_known() -> None:
    other: Any = "elsewhere"
    with pytest.raises(StoreError, match="'elsewhere' is no store of an Omega"):
        sibling(other, DATA)


def test_the_backend_of_metadata_reads_just_that_version(om: Omega) -> None:
    first = om.models.metadata("double", required=True)
    om.models.put(om.models.get("double"), "double")
    model = om.models.get_backend(first).model_store.metadata("double")  # type: ignore[attr-defined]  # of each backend of models
    assert model is first


def test_an_action_reads_data_of_the_bucket_that_is_given(om: Omega) -> None:
    om["dev"].datasets.put([5], "x")
    model = om.models.metadata("double", required=True)
    assert model.action("predict", data_of=om["dev"].models)("double", "x") == [10]
    with pytest.raises(UnsupportedOptionError, match=r"'double' is a .*, which has no dance"):
        model.action("dance", data_of=om.models)
