"""Public keys, and the lines of text by which people pass them on."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from omega_domain.errors import KeysError

WORD: Final = "omega-ed25519"
_RAW_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public part of a key.

    Attributes:
        raw: its 32 bytes.
        name: whose it is, for people.
    """

    raw: bytes
    name: str = ""

    @property
    def id(self) -> str:
        """The name of the key in signatures and messages: a part of its SHA-256."""
        return f"ed25519-{hashlib.sha256(self.raw).hexdigest()[:32]}"

    def to_line(self) -> str:
        """Return the line of text that others trust it by."""
        return f"{WORD} {base64.b64encode(self.raw).decode()} {self.name}".strip()

    @classmethod
    def from_line(cls, line: str) -> PublicKey:
        """Rebuild from :meth:`to_line`. Raises KeysError."""
        word, _, rest = line.strip().partition(" ")
        code, _, name = rest.strip().partition(" ")
        try:
            raw = base64.b64decode(code, validate=True)
        except ValueError:
            raw = b""
        if word != WORD or len(raw) != _RAW_BYTES:
            raise KeysError(
                f"{line.strip()[:60]!r} is no public key of omega-ml: it is a line that `om keys export` prints, "
                f"such as '{WORD} MCow…= ada@lab'"
            )
        return cls(raw, " ".join(name.split()))
