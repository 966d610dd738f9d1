"""Contracts of atomicity: whatever write fails, the old state or the new one is there, and nothing but garbage besides.

A subclass gives the fixtures ``context`` and, for promotion, ``target_context``.
"""

from __future__ import annotations

from omega_domain.testing.atomicity.promotion import PromotionAtomicityContract
from omega_domain.testing.atomicity.writes import AtomicityContract

__all__ = ["AtomicityContract", "PromotionAtomicityContract"]
