"""Contract of :class:`~omega_domain.ports.store.Collection`: MongoDB's semantics, as far as omega-ml relies on them.

A subclass gives the fixture ``store`` (an empty one); see :mod:`omega_domain.testing.store`.
"""

from __future__ import annotations

from omega_domain.testing.collection.reading import ReadingContract
from omega_domain.testing.collection.writing import WritingContract

__all__ = ["CollectionContract"]


class CollectionContract(ReadingContract, WritingContract):
    """What the collections of every store promise."""
