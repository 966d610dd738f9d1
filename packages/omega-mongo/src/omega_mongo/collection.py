"""Collections of documents: those of pymongo, with filters and documents checked as every store checks them.

Filters are rewritten so that nothing in them reaches the server as an operator but what the core has checked. Equality
becomes an explicit ``$eq``, so that no value is ever taken for an operator; an operator that the core does not know is
refused before. The key of a collection is its name, unless MongoDB takes no such name.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Any, Final
from urllib.parse import unquote

from bson.decimal128 import Decimal128
from pymongo.collection import Collection as NativeCollection
from pymongo.errors import PyMongoError

from omega_domain.documents import (
    Deleted,
    Document,
    Inserted,
    Updated,
    check_sort,
    check_update,
    check_window,
    clean,
    clean_changes,
    compile_filter,
    compile_projection,
    equalities,
    index_name,
)
from omega_domain.errors import DuplicateDocumentError, InvalidFilterError, StoreError
from omega_domain.ports.store import Collection, Filter
from omega_mongo.client import Connection
from omega_mongo.errors import FAILURES, is_duplicate, translate, translated
from omega_mongo.names import RESERVED
from omega_mongo.schema import CHECKED, PREPARED, check_format, prepare

LONGEST: Final = 180
"""Bytes of a name; with the database before it, MongoDB takes 255 in all."""

_UNFIT: Final = re.compile(r"[%$\0]|^\.|\.$|\.(?=\.)|^system(?=\.)")
_BATCH: Final = 5_000
_MOST_DIGITS: Final = 34
_NOTHING: Final[Filter] = {"_id": {"$in": []}}


class MongoCollection(Collection):
    """A collection of a MongoDB database; what this class does not define is that of ``pymongo.collection.Collection``.

    The methods of the port check filters and documents first; pymongo's own methods do not.
    """

    def __init__(self, connection: Connection, key: str) -> None:
        """Stand for the collection of this key; nothing is made before the first document."""
        self._connection = connection
        self._key = key
        self._name = name_of(key)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(NativeCollection, name):  # pymongo takes any name for a collection's
            raise AttributeError(f"a collection has no {name!r}")
        return getattr(self.native, name)

    @property
    def name(self) -> str:
        """Key of the collection."""
        return self._key

    @property
    def native(self) -> NativeCollection[Document]:
        """The collection of pymongo. Raises StoreFormatError if a newer omega-ml wrote the database."""
        if CHECKED not in self._connection.done:
            check_format(self._connection)
        return self._connection.database[self._name]

    def insert_many(self, documents: Iterable[Document]) -> Inserted:
        """Insert copies of the documents in order, each with an ``_id``; those before a duplicate stay."""
        ids: list[Any] = []
        remaining = map(_with_id, documents)
        while batch := list(islice(remaining, _BATCH)):
            self._write(lambda batch=batch: self.native.insert_many(batch))
            ids += [document["_id"] for document in batch]
        return Inserted(ids)

    def find(
        self,
        filter: Filter | None = None,
        projection: Mapping[str, int] | Sequence[str] | None = None,
        *,
        skip: int = 0,
        limit: int = 0,
        sort: Sequence[tuple[str, int]] | None = None,
    ) -> Iterator[Document]:
        """Iterate over the documents that match, fetched a batch at a time."""
        check_window(skip, limit)
        compile_projection(projection)
        order = list(check_sort(sort or []))
        wanted = rewritten(filter)
        return self._walk(wanted, _fields(projection), skip=skip, limit=limit, sort=order or None)

    def find_one(self, filter: Filter | None = None) -> Document | None:
        """Return the first document that matches; None if there is none."""
        wanted = rewritten(filter)
        try:
            return self.native.find_one(wanted)
        except FAILURES as error:
            raise translate(error, self._connection.url) from error

    def update_one(self, filter: Filter, update: Mapping[str, Any], upsert: bool = False) -> Updated:  # noqa: FBT001, FBT002 -- pymongo's signature
        """Change the first match; insert one if there is none and ``upsert`` is set."""
        changes = check_update(update)
        cleaned: dict[str, dict[str, Any]] = {operator: {} for operator in update}
        for operator, path, value in clean_changes(changes):
            cleaned[operator][path] = value
        wanted = rewritten(filter)
        if upsert and not _names_id(filter, changes):
            cleaned.setdefault("$setOnInsert", {})["_id"] = uuid.uuid4().hex
        done = self._write(lambda: self.native.update_one(wanted, cleaned, upsert=upsert))
        return Updated(done.matched_count, done.modified_count, done.upserted_id)

    def delete_many(self, filter: Filter) -> Deleted:
        """Delete all that match."""
        wanted = rewritten(filter)
        with translated(self._connection.url):
            return Deleted(self.native.delete_many(wanted).deleted_count)

    def count_documents(self, filter: Filter) -> int:
        """Count those that match."""
        wanted = rewritten(filter)
        with translated(self._connection.url):
            return self.native.count_documents(wanted)

    def create_index(self, keys: str | Sequence[tuple[str, int]]) -> str:
        """Make sure that an index on these paths exists; return its name."""
        name = index_name(keys)
        fields = [(keys, 1)] if isinstance(keys, str) else list(keys)
        if fields != [("_id", 1)]:
            self._write(lambda: self.native.create_index(fields, name=name))
        return name

    def drop(self) -> None:
        """Remove the collection with all its documents and indexes; no error if there is none."""
        with translated(self._connection.url):
            self.native.drop()

    def _walk(self, filter: Filter, projection: Any, **window: Any) -> Iterator[Document]:
        try:
            with self.native.find(filter, projection, **window) as cursor:
                yield from cursor
        except FAILURES as error:
            raise translate(error, self._connection.url) from error

    def _write(self, do: Any) -> Any:
        if PREPARED not in self._connection.done:
            prepare(self._connection)
        try:
            return do()
        except FAILURES as error:
            if isinstance(error, PyMongoError) and is_duplicate(error):
                raise DuplicateDocumentError(
                    f"a document with this _id exists already in collection {self._key!r}: {error}"
                ) from error
            raise translate(error, self._connection.url) from error


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


def _with_id(document: Mapping[str, Any]) -> Document:
    return clean(document if "_id" in document else {"_id": uuid.uuid4().hex, **document})


def _fields(projection: Mapping[str, int] | Sequence[str] | None) -> Any:
    if projection is None or isinstance(projection, Mapping):
        return projection or None
    return list(projection) or None


def _names_id(filter: Filter, changes: Sequence[tuple[str, str, Any]]) -> bool:
    return any(path == "_id" for path, _ in equalities(filter)) or any(path == "_id" for _, path, _ in changes)


def rewritten(filter: Filter | None) -> dict[str, Any]:
    """Return a filter for the server that finds what this one asks for.

    Raises:
        InvalidFilterError: an operator is unknown or its operand is of the wrong form.
    """
    compile_filter(filter)
    return _filter(filter or {})


def _filter(filter: Filter) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    rest: list[Filter] = []
    for key, condition in filter.items():
        item = _item(key, condition)
        if item.keys() & merged.keys():
            rest.append(item)
        merged.update({} if item in rest else item)
    return {"$and": [merged, *rest]} if rest else merged


def _item(key: str, condition: Any) -> Filter:
    if key.startswith("$"):  # the core has seen that it is $and, $or or $nor
        return {key: [_filter(part) for part in condition]}
    if "\0" in key:  # a field that no document can have
        return {} if compile_filter({"x": condition})({}) else _NOTHING
    return {_text(key): _condition(condition)}


def _condition(condition: Any) -> Any:
    if isinstance(condition, re.Pattern):
        return condition
    if not _has_operators(condition):
        return {"$eq": _value(condition)}
    return {name: _OPERANDS.get(name, _value)(operand) for name, operand in condition.items()}


def _has_operators(condition: object) -> bool:
    return isinstance(condition, Mapping) and any(str(key).startswith("$") for key in condition)


def _negated(operand: Any) -> Any:
    return operand if isinstance(operand, re.Pattern) else _condition(operand)


def _list(operand: Any) -> list[Any]:
    return [one if isinstance(one, re.Pattern) else _value(one) for one in operand]


def _value(value: Any) -> Any:
    """Return a value as BSON holds it; numbers beyond 64 bits as decimals, which compare as they should."""
    if isinstance(value, bool | datetime):
        return value
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return Decimal128(str(value)) if len(str(abs(value))) <= _MOST_DIGITS else float(value)
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): _value(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_value(item) for item in value]
    return value


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise InvalidFilterError(f"not valid Unicode in a filter: {value!r:.80}") from error
    return value


def _escape(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0][:1].encode()) + found[0][1:]


_OPERANDS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "$in": _list,
    "$nin": _list,
    "$not": _negated,
    "$exists": bool,
    "$regex": lambda operand: operand,
    "$options": lambda operand: operand,
}
