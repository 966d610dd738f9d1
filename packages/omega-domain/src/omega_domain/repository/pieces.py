"""Pieces: columns, rows and chunks of an object, and whether they are there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from omega_domain.backends.registry import BackendRegistry, get_options
from omega_domain.entities.names import ObjectRef
from omega_domain.entities.query import column_not_found
from omega_domain.repository.metadata import Metadata


def check_piece(
    meta: Metadata, ref: ObjectRef, registry: BackendRegistry, facts: Callable[[Metadata], Mapping[str, Any]]
) -> None:
    """Raise if an object has no such columns, or is not read by rows or in chunks, as far as its kind says.

    Args:
        meta: the object.
        ref: the name of a piece of it.
        registry: has the backend of its kind.
        facts: returns what its kind says of it.

    Raises:
        ColumnNotFoundError: it has no such column.
        UnsupportedOptionError: objects of its kind have no columns, or are not read by rows or in chunks.
    """
    get_options(registry.by_kind(meta.kind), ref, {})
    if ref.columns is None:
        return
    labels: Any = facts(meta).get("columns", ref.columns)
    for column in ref.columns:
        if column not in labels:
            raise column_not_found(column, labels, of=meta.name)
