"""A key ring of this process: what is signed by it is trusted by it, and by nobody else."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterable

from omega_domain.ports.keys import KeyRing, Verdict


class MemoryKeyRing(KeyRing):
    """Signs with a secret that never leaves this process, by HMAC-SHA256; for stores that end with it, too.

    Args:
        trusted: rings whose signatures are trusted as well.
    """

    def __init__(self, *, trusted: Iterable[MemoryKeyRing] = ()) -> None:
        self._secret = secrets.token_bytes(32)
        self._id = f"hmac-{hashlib.sha256(self._secret).hexdigest()[:32]}"
        self._known = {self._id: self._secret}
        for ring in trusted:
            self._known |= {ring._id: ring._secret}  # noqa: SLF001 -- of this class
        self._seen: dict[str, int] = {}

    def sign(self, message: bytes) -> str:
        """Return the signature of a message."""
        return f"{self._id}:{_code(self._secret, message)}"

    def verify(self, message: bytes, signature: str) -> Verdict:
        """Tell whether this ring, or one that it trusts, has signed a message."""
        key, _, code = signature.partition(":")
        if key not in self._known:
            return "foreign"
        return "trusted" if hmac.compare_digest(code.encode(), _code(self._known[key], message).encode()) else "forged"

    def signer(self, signature: str) -> str:
        """Return the id of the key that a signature names."""
        return signature.partition(":")[0]

    def last_seen(self, uid: str) -> int:
        """Return the highest revision of an object that was ever seen from here; 0 if none was."""
        return self._seen.get(uid, 0)

    def see(self, uid: str, revision: int) -> None:
        """Remember that a revision of an object was seen."""
        self._seen[uid] = max(revision, self.last_seen(uid))


def _code(secret: bytes, message: bytes) -> str:
    return hmac.new(secret, message, hashlib.sha256).hexdigest()
