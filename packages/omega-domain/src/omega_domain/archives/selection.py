"""Choosing: which versions of an object go into an archive."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from omega_domain.entities.head import Head
from omega_domain.entities.version import Version


def kept_versions(head: Head, versions: Iterable[Version], keep: int | Literal["all"]) -> list[Version]:
    """Return those of the versions that a retention keeps for good, oldest first: the newest, tagged and current ones.

    Args:
        head: of the object.
        versions: those that were not dropped, oldest first.
        keep: how many of the newest are kept.
    """
    listed = list(versions)
    newest = listed if keep == "all" else listed[max(0, len(listed) - keep) :]
    needed = {head.current.id, *(ref.id for ref in head.tags.values()), *(version.id for version in newest)}
    return [version for version in listed if version.id in needed]
