"""Former name of :mod:`omega_domain.testing.collection.reading`."""

from __future__ import annotations

from omega_domain.testing.collection.reading import SHARED, ReadingContract, WithCollection

__all__ = ["SHARED", "ReadingContract", "WithCollection"]
