"""Omega: a context and a bucket of it."""

from __future__ import annotations

import pytest

from omega_domain.adapters.memory import MemoryMetadataStore, MemoryStore
from omega_domain.errors import InvalidNameError, SettingsError
from omega_domain.omega import Omega
from omega_domain.testing.backends import TextBackend


@pytest.fixture
def om() -> Omega:
    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore("<here>"))
    om.context.registry.register(TextBackend.KIND, TextBackend)
    return om


def test_it_needs_a_context_or_its_adapters() -> None:
    with pytest.raises(SettingsError, match=r"metadata= and store=.*setup\(\)"):
        Omega(store=MemoryStore())
    with pytest.raises(SettingsError):
        Omega(metadata=MemoryMetadataStore())


def test_the_same_bucket_is_the_same_object(om: Omega) -> None:
    assert om["omega"] is om
    assert om["default"] is om
    assert om[None] is om
    assert om["dev"] is om["dev"]
    assert om["dev"]["default"] is om
    assert om["dev"].context is om.context
    assert om["dev"].queue is om.queue
    assert om["dev"].router is om.router


def test_a_bucket_has_a_name(om: Omega) -> None:
    with pytest.raises(InvalidNameError, match="bucket"):
        om["a/b"]


def test_another_context_is_opened_once() -> None:
    asked = []

    def opened(name: str) -> Omega:
        asked.append(name)
        return Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), name=name)

    om = Omega(metadata=MemoryMetadataStore(), store=MemoryStore(), contexts=opened)
    assert asked == []
    prod = om.in_context("prod")
    assert prod.context.name == "prod"
    assert om["dev"].in_context("prod") is prod
    assert om.in_context("test") is not prod
    assert asked == ["prod", "test"]


def test_an_omega_of_adapters_knows_no_other_context(om: Omega) -> None:
    with pytest.raises(SettingsError, match=r"'prod' .* open it by omega_ml\.setup\(context='prod'\)"):
        om.in_context("prod")


def test_buckets_are_those_that_hold_objects(om: Omega) -> None:
    assert om["dev"].datasets.list() == []
    assert om.buckets == []
    om["dev"].datasets.put("x", "a")
    om.models.put("x", "m")
    assert om.buckets == ["dev", "omega"]


def test_the_four_stores_are_apart(om: Omega) -> None:
    stores = [om.datasets, om.models, om.jobs, om.scripts]
    for i, store in enumerate(stores):
        store.put(str(i), "a")
    assert [store.get("a") for store in stores] == ["0", "1", "2", "3"]
    assert [store.prefix for store in stores] == ["data/", "models/", "jobs/", "scripts/"]


def test_its_repr_says_where_it_is(om: Omega) -> None:
    assert repr(om["dev"]) == "Omega(context='default', bucket='dev', store='memory://<here>', runtime='in-process')"
    html = om._repr_html_()
    assert "memory://&lt;here&gt;" in html
    assert "in-process" in html
    assert repr(om.datasets) == "OmegaStore(bucket='omega', prefix='data/', store='memory://<here>')"


def test_upkeep_is_at_hand(om: Omega) -> None:
    om.datasets.put("x", "a")
    seen: list[str] = []
    assert om.check(progress=seen.append) == []
    assert seen == ["omega:data/a"]
    assert [usage.name for usage in om.usage("omega").objects] == ["a"]
    assert om.collect(dry_run=True).is_dry_run
