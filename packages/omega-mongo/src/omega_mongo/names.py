"""Names of collections: which are ours, and how the key of any collection becomes a name that MongoDB takes."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote

from omega_domain.errors import StoreError

HEADS: Final = "omega.heads"
VERSIONS: Final = "omega.versions"
LAYOUT: Final = "omega.layout"
FILES: Final = "omega.fs"
RESERVED: Final = frozenset({HEADS, VERSIONS, LAYOUT, f"{FILES}.files", f"{FILES}.chunks"})
"""Collections that no key leads to."""

LONGEST: Final = 180
"""Bytes of a name; with the database before it, MongoDB takes 255 in all."""

_UNFIT: Final = re.compile(r"[%$\0]|^\.|\.$|\.(?=\.)|^system(?=\.)")


def name_of(key: str) -> str:
    """Return the name of the collection of a key: the key itself where that can be, else with % escapes."""
    name = _UNFIT.sub(_escape, key)
    if name in RESERVED or not name:
        name = f"%{ord(name[0]):02X}{name[1:]}" if name else "%"
    if len(name.encode()) > LONGEST:
        raise StoreError(
            f"the key of a collection has {LONGEST} bytes at most, not {len(name.encode())}: {key[:40]!r}…"
        )
    return name


def key_of(name: str) -> str | None:
    """Return the key of a collection; None for ours and those of the server."""
    if name in RESERVED or name.startswith("system."):
        return None
    return "" if name == "%" else unquote(name)


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0][:1].encode()) + found[0][1:]
