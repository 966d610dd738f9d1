"""Contract of named objects over any pair of MetadataStore and Store: what OmegaStore promises on every adapter.

A subclass gives the fixtures ``context`` and ``other_context`` (two empty contexts with a :class:`ManualClock`).
"""

from __future__ import annotations

from omega_domain.testing.omega_store.attributes import AttributesContract
from omega_domain.testing.omega_store.backends import CustomBackendContract
from omega_domain.testing.omega_store.collecting import CollectContract
from omega_domain.testing.omega_store.history import VersionsContract
from omega_domain.testing.omega_store.listing import ListingContract
from omega_domain.testing.omega_store.pieces import PiecesContract
from omega_domain.testing.omega_store.promotion import PromotionContract
from omega_domain.testing.omega_store.values import ValuesContract

__all__ = [
    "AttributesContract",
    "CollectContract",
    "CustomBackendContract",
    "ListingContract",
    "OmegaStoreContract",
    "PiecesContract",
    "PromotionContract",
    "ValuesContract",
    "VersionsContract",
]


class OmegaStoreContract(ValuesContract, VersionsContract, ListingContract, AttributesContract, PiecesContract):
    """Objects by name: put, get, list, drop, versions, tags, metadata."""
