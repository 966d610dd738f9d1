"""Contract of :class:`~omega_domain.ports.keys.KeyRing`.

A subclass gives the fixture ``ring``, and in :meth:`KeyRingContract.other` another one whose key is another.
"""

from __future__ import annotations

from abc import abstractmethod
from concurrent.futures import ThreadPoolExecutor

import pytest

from omega_domain.ports.keys import KeyRing

__all__ = ["KeyRingContract"]

MESSAGE = b"what is signed \xff\x00"


class KeyRingContract:
    """What every key ring does."""

    @abstractmethod
    def other(self, *, trusted: KeyRing | None = None) -> KeyRing:
        """Return a ring with another key, which trusts that of this one if given."""

    def reopen(self, ring: KeyRing) -> KeyRing:
        """Return another adapter on the same keys, if there can be one."""
        return ring

    def test_what_it_has_signed_is_trusted(self, ring: KeyRing) -> None:
        signature = ring.sign(MESSAGE)
        assert ring.verify(MESSAGE, signature) == "trusted"
        assert self.reopen(ring).verify(MESSAGE, signature) == "trusted"

    def test_it_goes_on_signing_by_the_same_key(self, ring: KeyRing) -> None:
        signature = ring.sign(MESSAGE)
        assert self.reopen(ring).sign(MESSAGE) == signature
        assert ring.signer(signature) == ring.signer(ring.sign(b""))

    def test_threads_make_one_key(self, ring: KeyRing) -> None:
        with ThreadPoolExecutor(8) as pool:
            assert len(set(pool.map(ring.sign, [MESSAGE] * 8))) == 1

    @pytest.mark.parametrize("message", [b"", MESSAGE[:-1], MESSAGE + b"\n"])
    def test_another_message_is_forged(self, ring: KeyRing, message: bytes) -> None:
        assert ring.verify(message, ring.sign(MESSAGE)) == "forged"

    @pytest.mark.parametrize("code", ["", "AAAA", "no base64 ü", ":", "0" * 64])
    def test_a_broken_signature_is_forged(self, ring: KeyRing, code: str) -> None:
        signer = ring.signer(ring.sign(MESSAGE))
        assert ring.verify(MESSAGE, f"{signer}:{code}") == "forged"

    @pytest.mark.parametrize("signature", ["", ":", "text", "ed25519-0000:AAAA", "../own:AAAA"])
    def test_a_signature_by_nobody_known_is_foreign(self, ring: KeyRing, signature: str) -> None:
        assert ring.verify(MESSAGE, signature) == "foreign"
        assert ring.signer(signature) == signature.partition(":")[0]

    def test_others_are_foreign_until_they_are_trusted(self, ring: KeyRing) -> None:
        signature = ring.sign(MESSAGE)
        assert self.other().verify(MESSAGE, signature) == "foreign"
        trusting = self.other(trusted=ring)
        assert trusting.verify(MESSAGE, signature) == "trusted"
        assert trusting.verify(b"", signature) == "forged"
        assert ring.verify(MESSAGE, trusting.sign(MESSAGE)) == "foreign"

    def test_what_was_seen_never_goes_back(self, ring: KeyRing) -> None:
        assert ring.last_seen("uid") == 0
        for revision in (1, 7, 3):
            ring.see("uid", revision)
        ring.see("another", 2)
        assert (ring.last_seen("uid"), ring.last_seen("another")) == (7, 2)
        assert self.reopen(ring).last_seen("uid") == 7
