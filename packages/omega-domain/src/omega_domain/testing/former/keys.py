"""Former name of ``omega_domain.testing.trust.keys``."""

from __future__ import annotations

from omega_domain.testing.trust.keys import MESSAGE, KeyRingContract

__all__ = ["MESSAGE", "KeyRingContract"]
