"""Deliveries: what others did to the folder or the target meanwhile."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omega_domain.adapters.memory import ManualClock, MemoryMetadataStore, MemoryStore
from omega_domain.deliveries import receiving
from omega_domain.deliveries.sending import FolderPromotion
from omega_domain.entities.delivery import Received
from omega_domain.errors import PromotionError
from omega_domain.promotion.promoting import CopyingPromotion
from omega_domain.repository.context import Context
from omega_domain.stores import OmegaStore
from omega_domain.testing.backends import TextBackend


def store_of(name: str, bucket: str = "dev") -> OmegaStore:
    context = Context(name=name, metadata=MemoryMetadataStore(), store=MemoryStore(), clock=ManualClock())
    context.registry.register(TextBackend.KIND, TextBackend)
    return OmegaStore(context, bucket=bucket)


def sent(store: OmegaStore, folder: Path) -> OmegaStore:
    return OmegaStore(replace(store.context, promotion=FolderPromotion(folder)), bucket="prod")


def test_a_file_that_is_replaced_or_removed_meanwhile_is_refused(tmp_path: Path) -> None:
    store = store_of("dev")
    store.put("one", "a")
    store.to_archive("a", tmp_path / "x.omega")
    for name, reason in (("x.omega", "replaced meanwhile"), ("gone.omega", "can not be read")):
        found = receiving._receive(store.context, tmp_path / name, dry_run=False, force=None)
        assert (found.outcome, reason in found.reason) == ("refused", True)


def test_other_promotions_into_a_name_do_not_keep_deliveries_out(tmp_path: Path) -> None:
    store, there = store_of("dev"), store_of("there", "prod")
    store.put("one", "a")
    store.promote("a", there)
    store.put("two", "a")
    store.promote("a", sent(store, tmp_path))
    assert [each.outcome for each in receiving.receive(there.context, tmp_path)] == ["promoted"]
    assert there.get("a") == "two"


def test_what_is_refused_after_it_was_sent_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PromotionError("somebody was faster")

    store = store_of("dev")
    store.put("one", "a")
    monkeypatch.setattr(CopyingPromotion, "promote", refuse)
    with pytest.raises(PromotionError, match="faster"):
        store.promote("a", sent(store, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_can_not_be_read_is_called_by_its_name() -> None:
    assert Received(file="x.omega", outcome="refused").object == "x.omega"
    assert Received(file="x", outcome="received", prefix="data/", name="d").object == "datasets/d"


def test_the_payloads_of_a_delivery_are_those_of_the_target() -> None:
    store = store_of("there")
    store.context.store.collection("c").insert_many([{"_id": "1"}])
    arrived = receiving._Arrived(store.context.store, "x.omega")
    assert (arrived.collections(), arrived.url) == (["c"], "delivery x.omega")
