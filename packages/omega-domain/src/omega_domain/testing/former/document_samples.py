"""Former name of :mod:`omega_domain.testing.collection.samples`."""

from __future__ import annotations

from omega_domain.testing.collection.samples import (
    CONDITIONS,
    FILTERS,
    TIME,
    VALUES,
    WRONG_FILTERS,
    documents,
    filled,
    filters,
)

__all__ = ["CONDITIONS", "FILTERS", "TIME", "VALUES", "WRONG_FILTERS", "documents", "filled", "filters"]
