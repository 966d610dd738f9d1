"""Documents in a dict of this process."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from omega_domain.documents import (
    Deleted,
    Document,
    Inserted,
    Updated,
    apply_changes,
    check_update,
    check_window,
    clean,
    compile_filter,
    compile_projection,
    identical,
    index_name,
    new_document,
    order,
    sort_documents,
)
from omega_domain.errors import DuplicateDocumentError
from omega_domain.ports.store import Collection, Filter


class MemoryCollection(Collection):
    """A collection whose documents are kept in order of insertion; one of them is never changed, only replaced."""

    def __init__(self, key: str, lock: threading.RLock) -> None:
        """Start empty; the lock is the store's."""
        self._key = key
        self._lock = lock
        self._documents: dict[tuple[Any, ...], Document] = {}

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def name(self) -> str:
        """Key of the collection."""
        return self._key

    def insert_many(self, documents: Iterable[Document]) -> Inserted:
        """Insert copies of the documents in order, each with an ``_id``; those before a duplicate stay."""
        return Inserted([self._insert(document) for document in documents])

    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, int] | Sequence[str] | None = None,
        *,
        skip: int = 0,
        limit: int = 0,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Iterator[Document]:
        """Iterate over copies of the documents that match, as they were when this was called."""
        check_window(skip, limit)
        found = (document for _, document in self._matching(filter))
        ordered = sort_documents(found, sort) if sort else found
        return map(compile_projection(projection), islice(ordered, skip, skip + limit if limit else None))

    def find_one(self, filter: Filter | None = None) -> Document | None:
        """Return a copy of the first document that matches; None if there is none."""
        return next(self.find(filter), None)

    def update_one(self, filter: Filter, update: Mapping[str, Any], upsert: bool = False) -> Updated:  # noqa: FBT001, FBT002 -- pymongo's signature
        """Change the first match; insert one if there is none and ``upsert`` is set."""
        changes = check_update(update)
        with self._lock:
            for key, document in self._matching(filter):
                changed = apply_changes(document, changes, kept=True)
                self._documents[key] = changed
                return Updated(1, 0 if identical(document, changed) else 1)
            return Updated(0, 0, self._insert(new_document(filter, update)) if upsert else None)

    def delete_many(self, filter: Filter) -> Deleted:
        """Delete all that match."""
        with self._lock:
            keys = [key for key, _ in self._matching(filter)]
            for key in keys:
                del self._documents[key]
        return Deleted(len(keys))

    def count_documents(self, filter: Filter) -> int:
        """Count those that match."""
        return sum(1 for _ in self._matching(filter))

    def create_index(self, keys: str | Sequence[tuple[str, int]]) -> str:
        """Return the name that the index would have; memory needs none."""
        return index_name(keys)

    def drop(self) -> None:
        """Remove all documents."""
        with self._lock:
            self._documents.clear()

    def _insert(self, document: Mapping[str, Any]) -> Any:
        kept = clean({"_id": document["_id"] if "_id" in document else uuid.uuid4().hex, **document})
        with self._lock:
            if self._documents.setdefault(order(kept["_id"]), kept) is not kept:
                raise DuplicateDocumentError(f"{kept['_id']!r} exists already in collection {self._key!r}")
        return kept["_id"]

    def _matching(self, filter: Filter | None) -> Iterator[tuple[tuple[Any, ...], Document]]:
        test: Callable[[Mapping[str, Any]], bool] = compile_filter(filter)
        with self._lock:
            if filter and isinstance(filter.get("_id"), str):
                key = order(filter["_id"])
                candidates = [(key, self._documents[key])] if key in self._documents else []
            elif filter and (ids := _wanted_ids(filter)) is not None:
                candidates = [item for item in self._documents.items() if item[0] in ids]
            else:
                candidates = list(self._documents.items())
        return (item for item in candidates if test(item[1]))


def _wanted_ids(filter: Filter) -> set[tuple[Any, ...]] | None:
    """Return the keys of the texts one of which ``_id`` must be; None if the filter does not say so."""
    condition = filter.get("_id")
    wanted = condition.get("$in") if isinstance(condition, Mapping) else None
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        return None
    return {order(each) for each in wanted}
