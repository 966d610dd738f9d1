"""Modules of ``omega_domain.testing`` that moved are found under their former names."""

from __future__ import annotations

from importlib import import_module

import pytest

FORMER = {
    "collection_reading": "collection.reading",
    "collection_writing": "collection.writing",
    "document_samples": "collection.samples",
    "promotion_atomicity": "atomicity.promotion",
}


@pytest.mark.parametrize("name", FORMER)
def test_a_former_name_leads_to_the_same_things(name: str) -> None:
    former = import_module(f"omega_domain.testing.{name}")
    present = import_module(f"omega_domain.testing.{FORMER[name]}")
    assert all(getattr(former, each) is getattr(present, each) for each in former.__all__)
