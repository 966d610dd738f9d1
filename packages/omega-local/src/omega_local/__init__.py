"""The embedded store of omega-ml: SQLite for heads, versions and documents, files for blobs; no server."""

from __future__ import annotations

from urllib.parse import unquote

from omega_local.metadata import LocalMetadataStore
from omega_local.store import LocalStore

__all__ = ["LocalMetadataStore", "LocalStore", "open_store"]


def open_store(url: str) -> tuple[LocalMetadataStore, LocalStore]:
    """Return the stores in the folder of a ``file:///path``; nothing is made before their first use."""
    home = unquote(url.partition("://")[2]) if "://" in url else url
    return LocalMetadataStore(home), LocalStore(home)
