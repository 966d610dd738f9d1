"""Seals: how a worker knows that a message comes from somebody who can open the store, and was not changed on its way.

A broker is often shared, and watched less than a store. Who can write to it alone must not have workers run anything.
"""

from __future__ import annotations

import hmac
import secrets
from functools import cached_property

from omega_celery.names import agreed
from omega_domain.repository.context import Context


class Seal:
    """Seals the envelopes of a context by a key that is made once and kept in its store."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @cached_property
    def _key(self) -> bytes:
        return agreed(self._context, "seal", lambda: secrets.token_hex(32)).encode()

    def prepare(self) -> None:
        """Read the key now, so that it is known when the store is away."""
        self.of("")

    def of(self, text: str) -> str:
        """Return the seal of an envelope: an HMAC (RFC 2104) with SHA-256, in hex."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()

    def fits(self, text: str, seal: object) -> bool:
        """Tell whether this is the seal of the envelope."""
        return isinstance(seal, str) and hmac.compare_digest(self.of(text).encode(), seal.encode())
