"""What the writing methods of a collection report, in pymongo's words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Inserted:
    """The ``_id`` of every inserted document, in order."""

    inserted_ids: list[Any]


@dataclass(frozen=True, slots=True)
class Updated:
    """How many documents were found and changed, and the ``_id`` of the one that an upsert inserted."""

    matched_count: int
    modified_count: int
    upserted_id: Any = None


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many documents were deleted."""

    deleted_count: int
