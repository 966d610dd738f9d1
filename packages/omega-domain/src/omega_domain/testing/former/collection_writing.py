"""Former name of :mod:`omega_domain.testing.collection.writing`."""

from __future__ import annotations

from omega_domain.testing.collection.writing import THREADS, WritingContract

__all__ = ["THREADS", "WritingContract"]
