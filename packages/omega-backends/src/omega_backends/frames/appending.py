"""Appending to a frame: what new rows add to the categories of those that are there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from omega_backends.frames.cells import cell_from_plain
from omega_backends.frames.dtypes import content, family
from omega_backends.frames.index import Field
from omega_backends.frames.labels import cells_from_plain
from omega_backends.frames.schema import FrameSchema
from omega_backends.frames.segment_facts import SegmentFacts, joined, unknown
from omega_domain.errors import SchemaMismatchError


def fresh_facts(own: SegmentFacts, every: Sequence[SegmentFacts], stored: FrameSchema, name: str) -> SegmentFacts:
    """Return the facts about what is appended, with only those labels of categories that are new.

    Args:
        own: about what is appended.
        every: about what is there.
        stored: the schema of what is there.
        name: of the object, for messages.

    Raises:
        SchemaMismatchError: new categories would have no place in the order of the others, or could not be told apart.
    """
    known = joined(every)
    labels = [*map(cell_from_plain, stored.index.names[: len(stored.index.levels)]), *stored.column_labels]
    for label, field in zip(labels, stored.stored, strict=True):
        if family(field.dtype) == "category":
            added, there = (facts.categories.get(field.name, ()) for facts in (own, known))
            _check_categories(field, added, there, f"append to {name!r}: the categories of {label!r}")
    return own.without_known(known)


def _check_categories(field: Field, own: Sequence[Any], known: Sequence[Any], what: str) -> None:
    """Refuse new categories where it would be lost which one comes first, or that pandas could not tell apart."""
    spec = content(field.dtype)
    if spec["ordered"] and list(own) != list(known):
        raise SchemaMismatchError(f"can not {what} have the order {list(known)}, not {list(own)}; convert by astype()")
    if spec["of"] == "object" and not cells_from_plain(list(known) + unknown(own, known), "object").is_unique:
        raise SchemaMismatchError(
            f"can not {what} are {list(known)}, and some of {list(own)} are equal to them but of another type"
        )
