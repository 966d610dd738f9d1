"""Former name of :mod:`omega_domain.testing.atomicity.promotion`."""

from __future__ import annotations

from omega_domain.testing.atomicity.promotion import BACKENDS, LONG, OPERATIONS, PromotionAtomicityContract

__all__ = ["BACKENDS", "LONG", "OPERATIONS", "PromotionAtomicityContract"]
