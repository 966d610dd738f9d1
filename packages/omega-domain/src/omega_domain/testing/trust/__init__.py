"""Contracts of trust: nothing that runs code is loaded unless a trusted key has signed it; see also ``keys``."""

from __future__ import annotations

from omega_domain.testing.keys import KeyRingContract
from omega_domain.testing.trust.loading import CodeBackend, TrustContract, head_of, open_as

__all__ = ["CodeBackend", "KeyRingContract", "TrustContract", "head_of", "open_as"]
