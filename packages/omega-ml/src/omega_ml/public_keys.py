"""Public keys, and the lines of text by which people pass them on."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Final

from omega_domain.errors import KeysError

WORD: Final = "omega-ed25519"
_RAW_BYTES: Final = 32
#: The field of Ed25519, and the bits of a key that hold y; the highest bit is the sign of x (RFC 8032, section 5.1.2).
_P: Final = 2**255 - 19
_Y_BITS: Final = 2**255 - 1
_D: Final = -121665 * pow(121666, -1, _P) % _P
#: y of the eight points whose order divides 8: a signature by one of them verifies for any message.
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)
_EXAMPLE: Final = f"it is a line that `om keys export` prints, such as '{WORD} MCow…= ada@lab'"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """The public part of a key.

    Attributes:
        raw: its 32 bytes.
        name: whose it is, for people.

    Raises:
        KeysError: nobody can sign with it alone: of another length, not reduced, no point of the curve, or of small
            order.
    """

    raw: bytes
    name: str = ""

    def __post_init__(self) -> None:
        y = int.from_bytes(self.raw, "little") & _Y_BITS
        if len(self.raw) != _RAW_BYTES or y >= _P or y in _SMALL_ORDER or not _is_point(y):
            raise KeysError(f"this is no public key that anybody can sign with: ask for it again; {_EXAMPLE}")

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
            # What does not begin as a line of a public key may be the private one, so it is not repeated.
            said = repr(line.strip()[:60]) if word == WORD else "the text"
            raise KeysError(f"{said} is no public key of omega-ml: {_EXAMPLE}")
        return cls(raw, " ".join(name.split()))


def _is_point(y: int) -> bool:
    """Tell whether there is a point with this y: whether (y² - 1) / (d y² + 1) is a square, by Euler's criterion."""
    return pow((y * y - 1) * (_D * y * y + 1), (_P - 1) // 2, _P) <= 1
