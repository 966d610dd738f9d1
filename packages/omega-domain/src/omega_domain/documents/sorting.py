"""The order of documents: sorts, windows and names of indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from omega_domain.documents.matching import resolve
from omega_domain.documents.values import Document, order
from omega_domain.errors import InvalidFilterError


def sort_key(document: Mapping[str, Any], path: str, direction: int = 1) -> tuple[Any, ...]:
    """Return what a document is sorted by; of a list, its least element, or its greatest when descending."""
    keys: list[tuple[Any, ...]] = []
    for value in resolve(document, path.split(".")):
        if isinstance(value, list):
            keys += [order(item) for item in value] or [(0,)]
        else:
            keys.append(order(value))
    pick = max if direction < 0 else min
    return pick(keys, default=order(None))


def sort_documents(documents: Iterable[Document], sort: Sequence[tuple[str, int]]) -> list[Document]:
    """Return the documents in order of ``[(path, 1 | -1), …]``; equal ones stay in the order given.

    Raises:
        InvalidFilterError: the sort order is of another form.
    """
    ordered = list(documents)
    for path, direction in reversed(check_sort(sort)):
        ordered.sort(key=partial(sort_key, path=path, direction=direction), reverse=direction < 0)
    return ordered


def check_sort(sort: object) -> list[tuple[str, int]]:
    """Return the sort order as a list of pairs, or raise InvalidFilterError."""
    pairs: list[Any] = list(sort) if isinstance(sort, list | tuple) else [sort]
    if not all(map(_is_pair, pairs)):
        raise InvalidFilterError(f"a sort order is a list of (path, 1 or -1), not {sort!r}")
    return [(path, direction) for path, direction in pairs]


def check_window(skip: object, limit: object) -> None:
    """Raise InvalidFilterError unless both are whole numbers of 0 and more."""
    for name, number in (("skip", skip), ("limit", limit)):
        if not isinstance(number, int) or number < 0:
            raise InvalidFilterError(f"{name} is a whole number of 0 and more, not {number!r}")


def index_name(keys: str | Sequence[tuple[str, int]]) -> str:
    """Return the name of the index on these paths as MongoDB gives it, such as ``a_1_b_-1``."""
    pairs = [(keys, 1)] if isinstance(keys, str) else check_sort(keys)
    return "_".join(f"{path}_{direction}" for path, direction in pairs)


def _is_pair(pair: object) -> bool:
    match pair:
        case [str(), int(direction)]:
            return direction in {1, -1}
    return False
