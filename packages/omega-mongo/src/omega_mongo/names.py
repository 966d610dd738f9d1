"""Names of collections that are ours."""

from __future__ import annotations

from typing import Final

HEADS: Final = "omega.heads"
VERSIONS: Final = "omega.versions"
LAYOUT: Final = "omega.layout"
FILES: Final = "omega.fs"
RESERVED: Final = frozenset({HEADS, VERSIONS, LAYOUT, f"{FILES}.files", f"{FILES}.chunks"})
"""Collections that no key leads to."""
